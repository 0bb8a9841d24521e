"""Scheduler and actors together, on Dramatiq's stub broker: what reaches the queue, and what it does."""

import pytest
from dramatiq import Message
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import TimeLimit

from config.timings import alarm_grace_ms
from engine import agenda, campaigns, credits, mailbox_entries
from engine.wake import wake
from tests.conftest import DAY_MS
from tests.factories import LEASE_MS, a_campaign, addresses, an_account, claim, letters, reply, wallet
from workers.actors import Actors
from workers.scheduler import Scheduler


class Stage:
    """A scheduler and a stub broker; ``run`` goes on until the scheduler finds nothing more to release."""

    def __init__(self, store, in_flight=4000):
        self.store = store
        self.broker = StubBroker(middleware=[TimeLimit()])
        self.actors = Actors(self.broker, store, lease_ms=LEASE_MS)
        self.scheduler = Scheduler(store, self.actors, lease_ms=LEASE_MS, in_flight=in_flight)

    def queued(self, queue="send"):
        """The (campaign, pack) of every message waiting on a queue, in order, left where they are."""
        found = [Message.decode(raw).args for raw in self.broker.queues[queue].queue]
        return [tuple(pack) for args in found for pack in args[0]] if queue == "send" else [tuple(a) for a in found]

    def delayed(self):
        """The (campaign, pack, eta) of every delayed refund."""
        found = [Message.decode(raw) for raw in self.broker.queues["refund.DQ"].queue]
        return [(*message.args, message.options["eta"]) for message in found]

    def work(self):
        """Process what is on the send and refund queues, here and now; delayed messages stay."""
        for name in ("send", "refund"):
            queue = self.broker.queues[name]
            while not queue.empty():
                message = Message.decode(queue.get())
                self.broker.actors[message.actor_name].fn(*message.args)
                queue.task_done()

    def run(self):
        for _ in range(500):
            if not self.scheduler.turn():
                return
            self.work()
        raise AssertionError("the scheduler never rests")


@pytest.fixture
def stage(store):
    return Stage(store)


def test_a_campaign_goes_from_the_list_into_mailboxes_with_an_alarm_for_its_packs(store, stage):
    an_account(store, credits_=7)
    campaign = a_campaign(store, to=7, pack_size=3)
    stage.run()

    assert letters(store, campaign) == "S" * 7
    assert [(c, pack) for c, pack, _ in stage.delayed()] == [(campaign, 0)], "they fall due together"
    store.at_ms += 250
    other = a_campaign(store, to=addresses(2, start=7), pack_size=1)
    credits.grant(store, "acme", 2, reason="more")
    stage.run()
    assert [(c, pack) for c, pack, _ in stage.delayed()[1:]] == [(other, 0), (other, 1)], "each InMail has its own"


def test_the_alarm_is_set_for_the_day_the_refund_falls_due(store, stage):
    import time

    an_account(store, credits_=1)
    a_campaign(store, to=1)
    before = time.time() * 1000
    stage.run()
    after = time.time() * 1000

    (_, _, eta_ms), = stage.delayed()  # fmt: skip
    assert before + 7 * DAY_MS - 1 <= eta_ms <= after + 7 * DAY_MS + 250


def test_accounts_take_turns_so_that_a_long_list_does_not_hold_up_a_short_one(store):
    stage = Stage(store, in_flight=20)
    an_account(store, "big", credits_=1000)
    long = a_campaign(store, "big", to=1000, pack_size=10)
    an_account(store, "small", credits_=5)
    short = a_campaign(store, "small", to=5, pack_size=10)
    stage.scheduler.turn()

    assert sorted(stage.queued()) == [(long, 0), (long, 1), (short, 0)]


def test_a_campaign_waits_for_credits_and_goes_on_when_refunds_bring_them_home(store, stage):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=10, pack_size=3)
    stage.run()
    assert letters(store, campaign) == "SSSSQQQQQQ"
    assert campaigns.get_campaign(store, campaign).waiting_for == "credits"

    for _ in range(2):
        store.at_ms += 7 * DAY_MS
        for pack in range(4):
            stage.actors.refund_pack.send(campaign, pack)
        stage.work()
        stage.run()

    assert letters(store, campaign) == "RRRRRRRRSS"
    assert wallet(store)["held"] == 2


def test_a_lost_alarm_costs_about_a_minute_and_no_credit(store, stage):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    stage.run()
    stage.broker.flush_all()
    store.at_ms += 7 * DAY_MS + alarm_grace_ms(LEASE_MS) - 1

    assert stage.scheduler.sweep() == 0, "not yet: the alarm may still come"
    store.at_ms += 1
    assert stage.scheduler.sweep() == 1
    assert stage.scheduler.sweep() == 0, "what was sent a moment ago is not sent again"
    stage.work()
    assert letters(store, campaign) == "RRR"


def test_the_agenda_is_derived_and_may_be_deleted_at_any_time(store, stage):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=4, pack_size=2)
    store.client.delete(store.keys.runnable, store.keys.due, store.keys.wake)
    assert stage.scheduler.turn() == 0

    agenda.rebuild(store)
    stage.run()
    assert letters(store, campaign) == "SSQQ"

    stage.broker.flush_all()
    store.client.delete(store.keys.runnable, store.keys.due, store.keys.wake)
    store.at_ms += 7 * DAY_MS + alarm_grace_ms(LEASE_MS) + 1
    agenda.rebuild(store)
    assert stage.scheduler.sweep() == 1
    stage.work()
    stage.run()
    assert letters(store, campaign) == "RRSS"


def test_a_message_lost_from_the_queue_is_released_again_after_its_lease(store, stage):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    assert stage.scheduler.turn() == 1
    stage.broker.flush_all()
    store.at_ms += LEASE_MS + 1
    stage.run()

    assert letters(store, campaign) == "SS"


def test_a_pack_whose_worker_died_after_the_claim_is_finished_by_another(store, stage):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    stage.scheduler.turn()
    stage.broker.flush_all()
    claim(store, campaign, token="dead")
    store.at_ms += LEASE_MS + 1
    stage.run()

    assert letters(store, campaign) == "SS"
    assert wallet(store) == {"available": 0, "held": 2, "spent": 0, "granted": 2, "expired": 0}


def test_every_message_twice_is_as_every_message_once(store, stage):
    an_account(store, credits_=6)
    campaign = a_campaign(store, to=6, pack_size=2)
    stage.scheduler.turn()
    for args in stage.queued():
        stage.actors.send_packs.send([args])
    stage.work()

    assert letters(store, campaign) == "SSSSSS"
    assert mailbox_entries.size(store, addresses(1)[0]) == 1


def test_messages_about_a_campaign_that_does_not_exist_are_dropped(store, stage):
    stage.actors.send_packs.send([("acme.9", 0)])
    stage.actors.refund_pack.send("acme.9", 0)
    stage.work()

    assert stage.queued() == []


def test_a_scheduled_campaign_is_looked_at_when_its_time_comes(store, stage):
    an_account(store, credits_=1)
    start = store.at_ms + 3_600_000
    campaign = a_campaign(store, to=1, start_at_ms=start)
    stage.run()
    assert store.client.zscore(store.keys.runnable, "acme") <= start
    store.at_ms = start
    stage.run()

    assert letters(store, campaign) == "S"


def test_a_cancel_that_died_half_way_is_finished_by_the_scheduler(store, stage):
    an_account(store)
    campaign = a_campaign(store, to=6, pack_size=2)
    store.run("steer", store.keys.of_campaign(campaign), "cancel", "call:x")
    store.run("cancel_pack", store.keys.of_campaign(campaign), 0, 0, 2)
    assert letters(store, campaign) == "KKQQQQ"
    wake(store, "acme")
    stage.scheduler.turn()

    assert letters(store, campaign) == "KKKKKK"
    assert store.client.zcard(store.keys.active("acme")) == 0


def test_an_account_with_nothing_to_send_leaves_the_agenda(store, stage):
    an_account(store, credits_=1)
    a_campaign(store, to=1)
    stage.run()
    store.at_ms += LEASE_MS + 1
    stage.run()

    assert store.client.zscore(store.keys.runnable, "acme") is None


def test_a_grant_wakes_the_scheduler_for_a_waiting_campaign(store, stage):
    an_account(store)
    campaign = a_campaign(store, to=1)
    stage.run()
    credits.grant(store, "acme", 1, reason="go")
    stage.run()

    assert letters(store, campaign) == "S"


def test_a_scheduler_outlives_a_redis_that_is_away(store, stage, monkeypatch):
    import threading

    import redis

    stop, calls = threading.Event(), []

    def away(*_args, **_kwargs):
        calls.append(1)
        if len(calls) == 3:
            stop.set()
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(agenda, "rebuild", away)
    monkeypatch.setattr(stop, "wait", lambda _timeout=None: stop.is_set())
    stage.scheduler.run(stop)

    assert len(calls) == 3


def test_many_campaigns_awaiting_answers_do_not_hold_up_a_new_one(store, stage):
    an_account(store, credits_=260)
    for i in range(250):
        a_campaign(store, to=addresses(1, start=1000 + i))
    stage.run()
    assert store.client.zcard(store.keys.sending("acme")) == 0

    campaign = a_campaign(store, to=1)
    stage.run()
    assert letters(store, campaign) == "S"


def test_of_many_waiting_campaigns_the_oldest_goes_first_when_credits_come(store, stage):
    an_account(store)
    made = [a_campaign(store, to=addresses(2, start=10 * i)) for i in range(5)]
    stage.run()
    credits.grant(store, "acme", 3, reason="some")
    stage.run()

    assert [letters(store, campaign) for campaign in made] == ["SS", "SQ", "QQ", "QQ", "QQ"]


def test_one_credit_wakes_one_of_many_waiting_campaigns(store, stage):
    an_account(store)
    for i in range(30):
        a_campaign(store, to=addresses(2, start=10 * i))
    stage.run()
    before = credits.last_seq(store, "acme")
    credits.grant(store, "acme", 1, reason="one")
    released = stage.scheduler.turn()
    stage.work()
    stage.run()

    assert released == 1
    assert credits.last_seq(store, "acme") - before == 4  # grant, start, claim (and wait again), settle


def test_an_account_with_many_campaigns_does_not_hold_up_another(store):
    stage = Stage(store, in_flight=20)
    an_account(store, "big", credits_=10_000)
    for i in range(10):
        a_campaign(store, "big", to=addresses(100, start=1000 * i), pack_size=10)
    an_account(store, "small", credits_=5)
    short = a_campaign(store, "small", to=5)
    stage.scheduler.turn()

    assert stage.queued().index((short, 0)) <= 2
    stage.run()
    assert all(set(letters(store, f"big.{i + 1}")) == {"S"} for i in range(10))


def test_all_that_is_overdue_is_swept_at_once_however_many_packs(store, stage):
    an_account(store, credits_=1001)
    campaign = a_campaign(store, to=1001, pack_size=1)  # one more than are read at a time
    stage.run()
    stage.broker.flush_all()
    store.at_ms += 7 * DAY_MS + alarm_grace_ms(LEASE_MS) + 1

    assert stage.scheduler.sweep() == 1001
    stage.work()
    assert set(letters(store, campaign)) == {"R"}


@pytest.mark.drifts
def test_one_accounts_damage_does_not_stop_the_others(store, stage):
    an_account(store, "bad", credits_=1)
    broken = a_campaign(store, "bad", to=1)
    store.client.delete(store.keys.campaign_due(broken))
    store.client.set(store.keys.campaign_due(broken), "not a zset")
    store.client.delete(store.keys.leases(broken))
    store.client.set(store.keys.leases(broken), "not a zset")
    an_account(store, "good", credits_=1)
    campaign = a_campaign(store, "good", to=1)
    stage.run()

    assert letters(store, campaign) == "S"


def test_the_later_part_of_a_pack_has_an_alarm_of_its_own(store, stage):
    an_account(store, credits_=6)
    campaign = a_campaign(store, to=8, pack_size=4)
    stage.run()
    assert letters(store, campaign) == "SSSSSSQQ"
    store.at_ms += 3_600_000
    credits.grant(store, "acme", 2, reason="more")
    wake(store, "acme")
    stage.run()

    assert letters(store, campaign) == "S" * 8
    assert len(stage.delayed()) == 2


def test_an_alarm_goes_on_past_packs_that_were_all_answered(store, stage):
    an_account(store, credits_=40)
    campaign = a_campaign(store, to=40, pack_size=2)
    stage.run()
    for i in range(40):
        if not 12 <= i < 20:
            reply(store, f"{campaign}.{i}", address=addresses(40)[i], accept=True)
    store.at_ms += 7 * DAY_MS
    stage.actors.refund_pack.send(campaign, 0)
    stage.work()

    assert letters(store, campaign)[12:20] == "R" * 8
