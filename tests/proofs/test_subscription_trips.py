"""Every trip to Redis of a subscription's whole life goes wrong once, in every way; it ends as the untroubled one."""

import pytest
import redis

from engine import agenda, opening, subscriptions
from engine.audit import audit
from engine.credits import log, wallet
from engine.invoices import list_invoices
from engine.payments import record_failed, record_paid
from engine.store import RedisTrouble, Store
from engine.subscription import read
from tests.conftest import DAY_MS, NOON_MS
from tests.proofs.faulty import KINDS, Died, FaultyRedis, Trips
from tests.subscribing import BUSINESS, EXECUTIVE, OFFER, PLUS
from workers.renewing import Renewer

pytestmark = pytest.mark.redis

_DERIVED = "inmail:{sched}:*"


class Life:
    """One account's subscription, each of its calls made by a process that may fail or die, and made again then."""

    def __init__(self, url, trips):
        self.path = url.removeprefix("unix://").partition("?")[0]
        self.trips, self.at_ms = trips, NOON_MS
        self.admin = redis.Redis(unix_socket_path=self.path)
        self.admin.flushdb()
        trips.forget = lambda: self.admin.delete(*self.admin.keys(_DERIVED), "none")
        trips.flush_scripts = self.admin.script_flush

    def do(self, call):
        """Whoever asks for something asks until it is answered."""
        for _ in range(3):
            try:
                return call(Store(FaultyRedis(self.trips, self.path), at_ms=self.at_ms))
            except (RedisTrouble, Died):
                continue
        raise AssertionError("never answered")

    def until(self, day):
        """The scheduler leads on to that day; it makes its agenda anew each minute, so whatever was lost of it."""
        self.at_ms = NOON_MS + day * DAY_MS
        self.do(self._renew)
        self.do(self._renew)

    def _renew(self, store):
        agenda.rebuild(store)
        while Renewer(store, OFFER, lambda *_: None).turn(lambda *_, **__: _letting_through()):
            pass


class _letting_through:  # noqa: N801 - a context that stops nothing
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


def live(url, trips):
    life = Life(url, trips)
    pay = lambda n: life.do(lambda s: record_paid(s, OFFER, "acme", f"acme-000{n}", amount_minor=None))  # noqa: E731
    life.do(lambda s: opening.open_account(s, "acme", email="a@example.org", name="A", plan=BUSINESS, offer=OFFER))
    pay(1)
    life.until(day=32)
    pay(2)
    life.do(lambda s: subscriptions.change(s, OFFER, "acme", PLUS))
    life.do(lambda s: record_failed(s, OFFER, "acme", "acme-0003", reason="declined"))
    life.until(day=34)
    pay(3)
    life.do(lambda s: subscriptions.change(s, OFFER, "acme", BUSINESS))
    life.until(day=63)
    pay(4)
    life.do(lambda s: subscriptions.change(s, OFFER, "acme", EXECUTIVE, annual=True))
    pay(5)
    life.do(lambda s: subscriptions.cancel(s, OFFER, "acme"))
    life.until(day=200)
    life.until(day=430)
    life.do(lambda s: subscriptions.subscribe(s, OFFER, "acme", PLUS))
    life.until(day=470)
    return outcome(life)


def outcome(life):
    store = Store(life.admin, at_ms=life.at_ms)
    sub = read(store, "acme")
    assert audit(store, "acme").drift == []
    agenda.rebuild(store)
    assert store.client.zscore(store.keys.renewals, "acme") <= sub.next_at_ms  # too soon is harmless, too late is not
    return {
        "wallet": wallet(store, "acme").as_dict(),
        "invoices": [(i.number, i.state, i.due_minor) for i in list_invoices(store, "acme", most=99)],
        "log": [(entry.kind, entry.at, entry.n) for entry in log(store, "acme")],
        "state": [getattr(sub, name) for name in ("state", "number", "month", "balance_minor", "unpaid")],
    }


@pytest.fixture(scope="module")
def untroubled(redis_url):
    live(redis_url, Trips())
    trips = Trips()
    return trips, live(redis_url, trips)


def lives_with(redis_url, untroubled, kind, trips_to_try):
    wrong = []
    for at in trips_to_try:
        found = live(redis_url, Trips(at, kind))
        if found != untroubled[1]:
            wrong.append((at, kind, {name: found[name] for name in found if found[name] != untroubled[1][name]}))
    return wrong


def test_a_life_without_trouble_ends_as_it_should(untroubled):
    trips, found = untroubled
    # 15 + 15 + 34 (35 x 27/28) + 15 + 137 (150 - 15 x 27/31) + 11 x 150, all gone at the end; then 50.
    assert found["wallet"] == {"available": 50, "held": 0, "spent": 0, "granted": 1916, "expired": 1866}
    assert [state for _, state, _ in found["invoices"]] == ["paid"] * 5 + ["open"]
    assert found["state"][:2] == ["lapsed", 3]
    assert trips.count > 150


@pytest.mark.parametrize("kind", KINDS)
def test_trouble_at_some_trips_changes_nothing_in_the_end(redis_url, untroubled, kind):
    start = 1 + KINDS.index(kind) * 2
    assert lives_with(redis_url, untroubled, kind, range(start, untroubled[0].count + 1, 17)) == []


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_trouble_at_any_trip_changes_nothing_in_the_end(redis_url, untroubled, kind):
    assert lives_with(redis_url, untroubled, kind, range(1, untroubled[0].count + 1)) == []
