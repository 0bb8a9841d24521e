"""One scheduler leads, others stand by; a leader that was replaced is refused."""

import threading

import pytest

from config.timings import LEADER_LEASE_MS as LEASE_MS
from engine import leadership
from engine.leadership import Leadership
from engine.releasing import Deposed, Terms, release
from tests.factories import LEASE_MS as PACK_LEASE_MS
from tests.factories import a_campaign, an_account, letters
from tests.workers.test_scheduler import Stage
from workers.scheduler import Scheduler


@pytest.fixture
def impatient(monkeypatch):
    """Every ``hold`` asks Redis."""
    monkeypatch.setattr(leadership, "LEADER_RENEWS_S", 0)
    monkeypatch.setattr(leadership, "STANDBY_ASKS_S", 0)


def test_the_first_leads_and_a_second_stands_by_until_the_lease_is_over(store, impatient):
    first, second = Leadership(store, "first"), Leadership(store, "second")
    assert (first.hold(), second.hold()) == (True, False)
    store.at_ms += LEASE_MS - 1
    assert (first.hold(), second.hold()) == (True, False)
    store.at_ms += LEASE_MS
    assert (second.hold(), first.hold()) == (True, False)
    assert leadership.leader(store) == ("second", second.epoch)


def test_who_resigns_is_followed_at_once(store, impatient):
    first, second = Leadership(store, "first"), Leadership(store, "second")
    first.hold()
    second.resign()  # one that does not lead takes nothing away
    assert not second.hold()
    first.resign()
    assert leadership.leader(store) is None
    assert second.hold()


def test_a_later_leader_has_a_higher_epoch_also_when_the_key_was_deleted(store, impatient):
    first, second = Leadership(store, "first"), Leadership(store, "second")
    first.hold()
    store.client.delete(store.keys.leader)
    store.at_ms += 1
    second.hold()
    assert second.epoch > first.epoch
    before = second.epoch
    store.at_ms += LEASE_MS + 1
    first.hold()
    assert first.epoch > before


def test_a_leader_keeps_its_epoch_while_it_renews(store, impatient):
    it = Leadership(store, "it")
    it.hold()
    epoch = it.epoch
    store.at_ms += LEASE_MS * 3
    assert it.hold()
    assert it.epoch == epoch


def test_a_release_by_a_deposed_scheduler_changes_nothing(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    release(store, a_campaign(store, to=1), Terms(PACK_LEASE_MS, 4000, epoch=8))
    with pytest.raises(Deposed):
        release(store, campaign, Terms(PACK_LEASE_MS, 4000, epoch=7))

    assert store.client.zcard(store.keys.leases(campaign)) == 0
    assert release(store, campaign, Terms(PACK_LEASE_MS, 4000, epoch=8)).packs == (0,)


def test_two_schedulers_that_both_believe_to_lead_do_no_harm(store):
    one, two = Stage(store), Stage(store)
    one.scheduler.leadership.epoch, two.scheduler.leadership.epoch = 5, 6
    an_account(store, credits_=40)
    campaign = a_campaign(store, to=40, pack_size=4)
    for _ in range(3):
        for stage in (one, two):
            stage.scheduler.leadership._asked = float("inf")  # neither asks again
            store.client.zadd(store.keys.runnable, {"acme": store.at_ms})
            try:
                stage.scheduler.turn()
            except Deposed:
                assert stage is one
            stage.work()

    assert letters(store, campaign) == "S" * 40


def test_a_scheduler_that_stands_by_takes_nothing_on(store, impatient, monkeypatch):
    stage, other = Stage(store), Leadership(store, "other")
    other.hold()
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    stop, waits = threading.Event(), []

    def wait(_seconds=None):
        waits.append(1)
        if len(waits) == 2:
            other.resign()
        if len(waits) > 3:
            stop.set()
        return stop.is_set()

    monkeypatch.setattr(stop, "wait", wait)
    monkeypatch.setattr("workers.scheduler.agenda.nap", lambda *_: wait())
    stage.scheduler.run(stop)

    assert stage.queued() == [(campaign, 0)]
    assert leadership.leader(store) is None


def test_a_fence_ahead_of_the_clock_locks_nobody_out_when_the_leaders_key_is_lost(store):
    """As after a failover to a machine whose clock is behind."""
    first = Stage(store)
    first.scheduler.leadership.who = "first"
    assert first.scheduler.leadership.hold()
    an_account(store, credits_=5)
    a_campaign(store, to=1)
    first.run()
    for key in list(store.client.scan_iter(match="inmail:{sched}:*")):
        store.client.delete(key)
    store.at_ms -= 2_000
    campaign = a_campaign(store, to=["other@example.org"])
    stage = Stage(store)
    stop = threading.Event()
    naps = []

    def nap(*_):
        naps.append(1)
        stage.work()
        if len(naps) > 5:
            stop.set()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("workers.scheduler.agenda.nap", nap)
        patched.setattr(stop, "wait", lambda *_: nap() or stop.is_set())
        stage.scheduler.run(stop)
    assert letters(store, campaign) == "S"
    store.at_ms += 5_000


def test_a_release_without_an_epoch_leaves_the_fence_where_it_is(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    for epoch in (8, 0):
        release(store, campaign, Terms(PACK_LEASE_MS, 4000, epoch=epoch))
    assert store.client.hget(store.keys.account("acme"), "fence") == b"8"


def test_who_follows_a_resigned_leader_has_a_higher_epoch_without_time_passing(store, impatient):
    first, second = Leadership(store, "first"), Leadership(store, "second")
    first.hold()
    epoch = first.epoch
    first.resign()
    second.hold()
    assert second.epoch == epoch + 1


def test_a_leader_renews_its_lease_in_the_middle_of_a_long_turn_and_stops_where_it_was_lost(store, impatient):
    stage, other = Stage(store), Leadership(store, "other")
    for account in ("one", "two"):
        an_account(store, account, credits_=1)
        a_campaign(store, account, to=1)
    assert stage.scheduler.leadership.hold()
    store.at_ms += LEASE_MS
    other.hold()
    with pytest.raises(Deposed):
        stage.scheduler.turn()
    assert stage.queued() == []


def test_who_was_deposed_asks_again_and_stands_by(store, impatient, monkeypatch):
    stage, other = Stage(store), Leadership(store, "other")
    assert stage.scheduler.leadership.hold()
    stop, asked = threading.Event(), []

    def work():
        store.at_ms += LEASE_MS
        other.hold()
        raise Deposed(other.epoch)

    def wait(*_):
        asked.append(stage.scheduler.leadership.epoch)
        stop.set()
        return True

    monkeypatch.setattr(Scheduler, "_work", lambda *_: work())
    monkeypatch.setattr(stop, "wait", wait)
    stage.scheduler.run(stop)
    assert asked == [0]
    assert leadership.leader(store) == ("other", other.epoch)
