"""What is derived may be lost at any moment; repair finds it at once, the scheduler within a minute."""

from engine import agenda, campaigns, refunds
from engine.leadership import leader
from engine.releasing import Terms, release
from tests.conftest import DAY_MS
from tests.factories import LEASE_MS, a_campaign, addresses, an_account, claim, letters, wallet
from tests.workers.test_scheduler import Stage
from workers.repair import Repaired, repair


def forget(store):
    """Delete everything derived."""
    for key in list(store.client.scan_iter(match="inmail:{sched}:*")):
        store.client.delete(key)


def test_where_nothing_is_amiss_nothing_is_done(store):
    stage = Stage(store)
    an_account(store, credits_=3)
    a_campaign(store, to=3)
    stage.run()
    assert repair(stage.scheduler) == Repaired(1, 0, 0, 0, 0, 0)


def test_a_campaign_nobody_would_look_at_goes_on(store):
    an_account(store, credits_=5)
    campaign = a_campaign(store, to=5, pack_size=2)
    forget(store)
    stage = Stage(store)

    assert repair(stage.scheduler) == Repaired(1, 1, 0, 0, 3, 0)
    stage.work()
    assert letters(store, campaign) == "SSSSS"


def test_all_that_is_derived_may_be_lost_on_day_six_as_well(store):
    an_account(store, credits_=5)
    campaign = a_campaign(store, to=5, pack_size=2)
    Stage(store).run()
    store.at_ms += 6 * DAY_MS
    forget(store)
    stage = Stage(store)  # with a broker that knows nothing
    assert repair(stage.scheduler) == Repaired(1, 0, 1, 0, 0, 0)
    store.at_ms += DAY_MS

    assert repair(stage.scheduler) == Repaired(1, 0, 0, 0, 0, 3)
    stage.work()
    assert (letters(store, campaign), wallet(store)["available"]) == ("RRRRR", 5)


def test_the_scheduler_alone_finds_it_as_well(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    Stage(store).run()
    store.at_ms += 6 * DAY_MS
    forget(store)
    stage = Stage(store)
    agenda.rebuild(store)
    store.at_ms += DAY_MS + 60_000
    assert stage.scheduler.sweep() == 1
    stage.work()
    assert letters(store, campaign) == "RRR"


def test_a_pack_whose_worker_died_is_released_once_its_lease_is_over(store):
    stage = Stage(store)
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    claim(store, campaign)
    assert repair(stage.scheduler).packs_to_send == 0
    store.at_ms += LEASE_MS + 1
    assert repair(stage.scheduler).packs_to_send == 1
    stage.work()
    assert letters(store, campaign) == "SSS"


def test_repair_neither_deposes_the_leading_scheduler_nor_is_refused(store):
    stage = Stage(store)
    stage.scheduler.leadership.who = "the leader"
    assert stage.scheduler.leadership.hold()
    an_account(store, credits_=5)
    a_campaign(store, to=2, pack_size=1)
    stage.run()
    a_campaign(store, to=addresses(1, start=5))

    assert repair(Stage(store).scheduler).packs_to_send == 1
    assert leader(store) == ("the leader", stage.scheduler.leadership.epoch)
    a_campaign(store, to=addresses(1, start=6))
    assert stage.scheduler.turn() == 1


def test_repair_beside_a_leader_that_just_changed_goes_on_under_the_new_one(store, monkeypatch):
    an_account(store, credits_=5)
    a_campaign(store, to=2)
    answers = iter([("old", 4), ("new", 9)])
    release(store, a_campaign(store, to=addresses(1, start=5)), Terms(LEASE_MS, 1, epoch=9))
    monkeypatch.setattr("workers.repair.leader", lambda _: next(answers, ("new", 9)))
    assert repair(Stage(store).scheduler).packs_to_send == 1


def test_an_abandoned_upload_is_cleared_away(store):
    an_account(store)
    store.run("draft", store.keys.of_account("acme"), "call:x", "x")
    store.client.hset(store.keys.staged("acme.1", "x"), "0", b"rows")
    assert repair(Stage(store).scheduler).uploads_cleared == 0
    store.at_ms += DAY_MS
    assert repair(Stage(store).scheduler).uploads_cleared == 1
    assert store.client.exists(store.keys.staged("acme.1", "x")) == 0


def test_a_cancelled_campaign_left_half_way_is_finished(store):
    an_account(store)
    campaign = a_campaign(store, to=4, pack_size=2)
    store.run("steer", store.keys.of_campaign(campaign), "cancel", "call:x")
    repair(Stage(store).scheduler)
    assert letters(store, campaign) == "KKKK"
    assert campaigns.get_campaign(store, campaign).state == "cancelled"
    assert refunds.earliest_due_ms(store, campaign) is None
