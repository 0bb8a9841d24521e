"""Threads that want the same credits and the same letters at once; each has a store and a connection of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from engine import campaigns, credits, refunds, sending, suppressions
from engine.audit import audit
from engine.errors import Refused
from engine.store import Store, open_client
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import (
    LEASE_MS,
    a_campaign,
    addresses,
    an_account,
    letters,
    put_in_mailboxes,
    reply,
    send_all,
    wallet,
)

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]
proof = pytest.mark.proof
WAIT_S = 60


@pytest.fixture
def opened(redis_url):
    """Makes stores on one emptied database, all at the same simulated time; closes them in the end."""
    stores: list[Store] = []

    def another(at_ms: int = NOON_MS) -> Store:
        stores.append(Store(open_client(redis_url), at_ms=at_ms))
        return stores[-1]

    another().client.flushdb()
    yield another
    for store in stores:
        store.client.close()


def all_at_once(work: list[Callable[[], object]]) -> list[object]:
    """Run each in a thread of its own, started together; what they return, or the first error."""
    start = threading.Barrier(len(work), timeout=WAIT_S)

    def run(one: Callable[[], object]) -> object:
        start.wait()
        return one()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result(WAIT_S) for future in [pool.submit(run, one) for one in work]]


@pytest.mark.parametrize("rounds", [1, pytest.param(100, marks=proof)])
def test_fifty_spenders_never_spend_more_than_the_last_credits(opened, rounds):
    first, stores = opened(), [opened() for _ in range(50)]

    def spend(store: Store, campaign: str, pack: int) -> int:
        held = sending.claim(store, campaign, pack, token="mine", lease_ms=LEASE_MS)
        assert held is not None
        put_in_mailboxes(store, held)
        return len(held.positions)

    for turn in range(rounds):
        account = an_account(first, f"acme{turn}", credits_=37)
        ids = [a_campaign(first, account, to=addresses(50, 50 * i), pack_size=5) for i in range(5)]
        packs = [(campaign, pack) for pack in range(10) for campaign in ids]
        spent = all_at_once([partial(spend, store, *pack) for store, pack in zip(stores, packs, strict=True)])
        assert sum(spent) == 37
        assert wallet(first, account) == {"available": 0, "held": 37, "spent": 0, "granted": 37, "expired": 0}
        assert sum(letters(first, campaign).count("C") for campaign in ids) == 37
        assert audit(first, account).drift == []


class Fray:
    """What fifty threads do to one account: ten of them of each kind."""

    def __init__(self, store: Store, account: str) -> None:
        self.account = an_account(store, account, credits_=60)
        self.sent = a_campaign(store, account, to=addresses(30), pack_size=3)
        send_all(store, self.sent)
        self.new = [a_campaign(store, account, to=addresses(40, 30 * i), pack_size=4) for i in range(3)]
        self.kinds = (self.work, self.steer, self.answer, self.grant_and_suppress, self.refund)

    def work(self, store: Store, i: int) -> None:
        for campaign in self.new:
            held = sending.claim(store, campaign, i, token="mine", lease_ms=LEASE_MS)
            assert held is not None
            put_in_mailboxes(store, held)
            failed = [sending.Failure(position, "gone") for position in held.positions[:1]]
            assert sending.settle(store, held, held.positions[1:], failed) is not None

    def steer(self, store: Store, i: int) -> None:
        verb = ("pause", "resume", "cancel", "resume", "pause")[i % 5]
        try:
            campaigns.steer(store, self.new[i % 3], verb)
        except Refused as refused:
            # Cancelled by another thread, or everybody of it is sent.
            assert refused.code == "wrong_state"  # noqa: PT017 - it may as well be accepted

    def answer(self, store: Store, i: int) -> None:
        for index in range(i, 30, 10):
            reply(store, f"{self.sent}.{index}", address=f"p{index}@example.org", accept=i % 2 == 0)

    def grant_and_suppress(self, store: Store, i: int) -> None:
        credits.grant(store, self.account, 3, reason="more")
        suppressions.suppress(store, self.account, f"p{70 + i}@example.org")

    def refund(self, store: Store, i: int) -> None:
        refunds.refund(store, self.sent, i)


@pytest.mark.parametrize("rounds", [2, pytest.param(200, marks=proof)])
def test_everything_that_moves_credits_at_once(opened, rounds):
    """Claims, steering, answers, grants and suppressions, and refunds of what is due."""
    first, stores = opened(), [opened(NOON_MS + 7 * DAY_MS) for _ in range(50)]
    for turn in range(rounds):
        fray = Fray(first, f"acme{turn}")
        all_at_once([partial(fray.kinds[i % 5], store, i // 5) for i, store in enumerate(stores)])
        after = wallet(first, fray.account)
        assert after["granted"] == 90 == after["available"] + after["held"] + after["spent"]
        assert min(after.values()) >= 0
        assert set(letters(first, fray.sent)) <= set("ADL")
        assert audit(stores[0], fray.account).drift == []


@pytest.mark.parametrize("races", [200, pytest.param(10_000, marks=proof)])
def test_an_answer_and_a_refund_meet_on_one_letter_and_one_wins(opened, races):
    """In lock step, race by race; both must win some."""
    store, candidate, alarm = opened(), opened(), opened()
    an_account(store, credits_=races)
    campaign = a_campaign(store, to=races, pack_size=1)
    send_all(store, campaign, in_flight=races)
    candidate.at_ms = alarm.at_ms = store.at_ms = NOON_MS + 7 * DAY_MS
    to = addresses(races)
    step, told = threading.Barrier(2, timeout=WAIT_S), []

    def answers() -> None:
        for i in range(races):
            step.wait()
            told.append(reply(candidate, f"{campaign}.{i}", address=to[i], accept=i % 3 > 0))

    def closes() -> list[int]:
        closed = []
        for i in range(races):
            step.wait()
            for _ in range(i % 7):  # an answer takes more trips than a refund: it gets a start of none to six
                alarm.client.ping()
            closed.append(refunds.refund(alarm, campaign, i, others=0).closed)
        return closed

    closed = all_at_once([answers, closes])[1]
    final = letters(store, campaign)
    assert "".join(told) == final, "who answered was told the letter that stands"
    assert closed == [int(letter == "L") for letter in final], "so was who refunded"
    tally = Counter(final)
    assert set(tally) == {"A", "D", "L"}, "both sides win some"
    spent = tally["A"] + tally["D"]
    assert wallet(store) == {"available": tally["L"], "held": 0, "spent": spent, "granted": races, "expired": 0}
    assert audit(store, "acme").drift == []
