"""Redis full, read-only, stalled, killed, its file cut: clear errors outside, correct state inside."""

import threading

import pytest
import redis
from dramatiq.middleware import TimeLimit

from engine import agenda, campaigns, credits, opening, refunds, sending, suppressions
from engine.audit import audit, audited_accounts
from engine.errors import EngineError
from engine.store import RedisTrouble, Store, open_client
from tests.conftest import DAY_MS, NOON_MS, real_server
from tests.engine.private_redis import private_redis
from tests.factories import (
    a_campaign,
    a_plan,
    addresses,
    an_account,
    claim,
    letters,
    put_in_mailboxes,
    release,
    reply,
    send,
    send_all,
    wallet,
)
from workers.actors import Actors
from workers.broker import DurableRedisBroker
from workers.scheduler import Scheduler

pytestmark = pytest.mark.redis
MAIL = addresses(8)


@pytest.fixture
def server(redis_url):  # which says whether a real server can be had
    with private_redis(real_server()) as running:
        yield running


@pytest.fixture
def store(server):
    made = Store(open_client(server.url), at_ms=NOON_MS)
    yield made
    for account in audited_accounts(made):
        assert audit(made, account).drift == []
    made.client.close()


def whole_state(store):
    return {key: store.client.dump(key) for key in store.client.scan_iter()}


@pytest.fixture
def under_way(store):
    """A campaign with an InMail sent, one claimed and delivered, two queued; a second one only submitted."""
    an_account(store, credits_=20)
    campaign = a_campaign(store, to=4, pack_size=1)
    send(store, campaign, 0)
    held = claim(store, campaign, 1, "t1")
    put_in_mailboxes(store, held)
    return campaign, held


def refused_when_full(store, campaign):
    return {
        "claim": lambda: claim(store, campaign, 2, "t2"),
        "release": lambda: release(store, campaign),
        "grant": lambda: credits.grant(store, "acme", 5, reason="more"),
        "submit": lambda: a_campaign(store, to=3),
        "open": lambda: opening.open_account(store, "other", email="o@example.org", name="O", plan=a_plan()),
        "suppress": lambda: suppressions.suppress(store, "acme", "x@example.org"),
    }


@pytest.mark.parametrize("what", ["claim", "release", "grant", "submit", "open", "suppress"])
def test_with_memory_full_nothing_new_is_begun_and_nothing_half_done(store, server, under_way, what):
    before = whole_state(store)
    server.fill()
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        refused_when_full(store, under_way[0])[what]()
    server.empty()
    assert whole_state(store) == before

    refused_when_full(store, under_way[0])[what]()


def test_with_memory_full_what_was_begun_is_finished(store, server, under_way):
    campaign, held = under_way
    server.fill()
    put_in_mailboxes(store, held)
    sending.settle(store, held, held.positions)
    assert reply(store, f"{campaign}.0", address=MAIL[0], accept=True, text="yes " * 200) == "A"
    assert campaigns.steer(store, campaign, "pause") == "paused"
    assert campaigns.steer(store, campaign, "cancel") == "cancelled"
    store.at_ms += 7 * DAY_MS
    assert refunds.refund(store, campaign, 1).closed == 1
    assert reply(store, f"{campaign}.1", address=MAIL[1], accept=False) == "L"
    server.empty()

    assert letters(store, campaign) == "ALKK"
    assert wallet(store) == {"available": 19, "held": 0, "spent": 1, "granted": 20, "expired": 0}


def test_an_answer_that_comes_while_memory_is_full_wakes_nobody_and_is_no_error(store, server, under_way):
    store.client.delete(store.keys.runnable, store.keys.wake)
    server.fill()
    reply(store, f"{under_way[0]}.0", address=MAIL[0], accept=True)
    server.empty()
    assert store.client.exists(store.keys.runnable) == 0
    assert agenda.rebuild(store).accounts_put_back == 1


def test_a_read_only_redis_refuses_everything_and_changes_nothing(store, server, under_way):
    before = whole_state(store)
    server.admin.replicaof("127.0.0.1", 1)
    for call in (
        lambda: claim(store, under_way[0], 2, "t2"),
        lambda: sending.settle(store, under_way[1], [0]),
        lambda: reply(store, f"{under_way[0]}.0", address=MAIL[0], accept=True),
        lambda: credits.grant(store, "acme", 5, reason="more"),
    ):
        with pytest.raises(redis.exceptions.ReadOnlyError):
            call()
    server.admin.replicaof("NO", "ONE")
    assert whole_state(store) == before
    assert sending.settle(store, under_way[1], [0]) is not None


def test_a_call_that_timed_out_and_was_sent_again_is_done_once(store, server, under_way):
    impatient = Store(open_client(f"{server.url}?socket_timeout=0.15"), at_ms=NOON_MS)
    before = credits.last_seq(store, "acme")
    server.admin.client_pause(400, all=True)  # what is sent meanwhile is carried out afterwards
    try:
        credits.grant(impatient, "acme", 5, reason="slow")
    except RedisTrouble:
        pytest.fail("the repeats outlast the pause")
    finally:
        impatient.client.close()

    assert credits.last_seq(store, "acme") == before + 1
    assert wallet(store)["granted"] == 25


def test_a_redis_killed_under_load_comes_back_with_all_it_answered(store, server):
    an_account(store, credits_=400)
    campaign = a_campaign(store, to=400, pack_size=5)
    settled = []

    def work():
        mine = Store(open_client(server.url), at_ms=NOON_MS)
        try:
            settled.extend(pack for pack in range(80) if send(mine, campaign, pack) is not None)
        except (RedisTrouble, EngineError):
            pass  # killed in the middle
        finally:
            mine.client.close()

    thread = threading.Thread(target=work)
    thread.start()
    while not settled:
        thread.join(0.001)
    server.kill()
    thread.join(30)
    server.start()

    for pack in settled:
        assert letters(store, campaign)[pack * 5 : pack * 5 + 5] == "SSSSS"
    store.at_ms += 31_000
    send_all(store, campaign)
    assert letters(store, campaign) == "S" * 400


def cuts(size, borders):
    """Where to cut: at the end of every entry, one byte to each side, and evenly in between."""
    near = {border + step for border in borders for step in (-1, 0, 1)}
    return sorted({at for at in near | set(range(0, size, max(1, size // 40))) if 0 <= at <= size})


def test_an_append_only_file_cut_anywhere_leaves_a_state_that_holds(store, server):
    an_account(store, credits_=4)
    path, borders = server.append_only_file(), []

    def mark():
        borders.append(path.stat().st_size)

    campaign = a_campaign(store, to=4, pack_size=2)
    mark()
    for pack in (0, 1):
        held = claim(store, campaign, pack)
        mark()
        put_in_mailboxes(store, held)
        mark()
        sending.settle(store, held, held.positions)
        mark()
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    mark()
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0, others=0)
    mark()
    whole = path.read_bytes()
    assert len(set(borders)) == len(borders)
    for at in cuts(len(whole), borders):
        server.kill()
        path.write_bytes(whole[:at])
        server.start()
        for account in audited_accounts(store):
            report = audit(store, account)
            assert report.drift == [], at
            finish_after_a_cut(store, campaign, at)
    server.kill()
    path.write_bytes(whole)
    server.start()
    assert letters(store, campaign) == "ARSS"


def finish_after_a_cut(store, campaign, at):
    """Whatever is left of it goes on to its end."""
    fresh = Store(store.client, at_ms=store.at_ms + 60_000)
    if not fresh.client.exists(fresh.keys.campaign(campaign)):
        return
    send_all(fresh, campaign)
    fresh.at_ms += 7 * DAY_MS
    for pack in (0, 1):
        refunds.refund(fresh, campaign, pack)
    assert set(letters(fresh, campaign)) <= set("AR"), at
    assert audit(fresh, "acme").drift == [], at


def test_with_memory_full_somebody_leads_and_overdue_refunds_are_made(store, server, monkeypatch):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    send_all(store, campaign)
    agenda.rebuild(store)
    store.at_ms += 7 * DAY_MS + 120_000
    broker = DurableRedisBroker(client=open_client(server.url), namespace="inmail:{dramatiq}", middleware=[TimeLimit()])
    actors = Actors(broker, store, lease_ms=30_000)
    scheduler, stop = Scheduler(store, actors, 30_000, 4000), threading.Event()
    monkeypatch.setattr("workers.scheduler.agenda.nap", lambda *_: stop.set())
    monkeypatch.setattr(stop, "wait", lambda *_: stop.set())
    server.fill()
    scheduler.run(stop)
    server.empty()
    broker.close()
    assert letters(store, campaign) == "RRR"
