"""One scheduler leads, others stand by; a leader that was replaced is refused."""

import threading

import pytest

from config.timings import LEADER_LEASE_MS as LEASE_MS
from engine import leadership, sending
from engine.leadership import Leadership
from tests.factories import LEASE_MS as PACK_LEASE_MS
from tests.factories import a_campaign, an_account, letters
from tests.workers.test_scheduler import Stage


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
    with_epoch = {"lease_ms": PACK_LEASE_MS, "in_flight": 4000}
    sending.release(store, a_campaign(store, to=1), epoch=8, **with_epoch)
    with pytest.raises(sending.Deposed):
        sending.release(store, campaign, epoch=7, **with_epoch)

    assert store.client.zcard(store.keys.leases(campaign)) == 0
    assert sending.release(store, campaign, epoch=8, **with_epoch).packs == (0,)


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
            except sending.Deposed:
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
