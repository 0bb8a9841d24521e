"""The scheduler carries subscriptions on: what is due, nothing twice, one account's damage kept from the others."""

from dataclasses import replace

import pytest

from engine import agenda
from engine.credits import wallet
from engine.payments import record_paid
from engine.subscription import read
from tests.conftest import DAY_MS
from tests.factories import LEASE_MS
from tests.subscribing import BUSINESS, OFFER, PLUS, at, day_of, subscribed
from tests.workers.test_scheduler import Stage
from workers.scheduler import Scheduler


def scheduler_of(store, offer=OFFER):
    rig = Stage(store)
    return rig, Scheduler(store, rig.actors, lease_ms=LEASE_MS, in_flight=4000, offer=offer)


def test_what_is_due_is_carried_on_and_what_is_not_is_left_alone(store):
    for name, day in (("one", 0), ("two", 0), ("later", 20)):
        at(store, day=day)
        subscribed(store, BUSINESS, name)
        record_paid(store, OFFER, name, f"{name}-0001")
    at(store, day=31)
    _, scheduler = scheduler_of(store)

    assert scheduler.renew() == 2
    assert scheduler.renew() == 0

    assert [read(store, name).month for name in ("one", "two", "later")] == [1, 1, 0]
    assert store.client.zscore(store.keys.renewals, "one") == day_of(store, 45)  # its second invoice falls due


def test_many_that_are_due_at_once_go_on_a_few_in_every_turn(store):
    for i in range(70):
        subscribed(store, replace(PLUS, slug="free", fee_monthly=0, fee_annual=0), f"a{i}")
    at(store, day=31)
    _, scheduler = scheduler_of(store)

    assert [scheduler.renew() for _ in range(3)] == [64, 6, 0]

    assert {wallet(store, f"a{i}").available for i in range(70)} == {100}


def test_a_lost_agenda_is_made_again_from_the_accounts(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    store.client.delete(store.keys.renewals)
    at(store, day=31)
    _, scheduler = scheduler_of(store)
    assert scheduler.renew() == 0

    agenda.rebuild(store)

    assert scheduler.renew() == 1
    assert read(store, "acme").month == 1


@pytest.mark.drifts
def test_a_damaged_subscription_holds_up_no_other_and_is_tried_again(store):
    for name in ("broken", "whole"):
        subscribed(store, BUSINESS, name)
        record_paid(store, OFFER, name, f"{name}-0001")
    store.client.hset(store.keys.subscription("broken"), "plan", "{")
    at(store, day=31)
    _, scheduler = scheduler_of(store)

    scheduler.renew()

    assert read(store, "whole").month == 1
    assert store.client.zscore(store.keys.renewals, "broken") == store.at_ms + 60_000


def test_a_payment_that_is_due_goes_to_its_queue_once(store):
    charging = replace(OFFER, provider="stripe")
    subscribed(store, BUSINESS, offer=charging)
    record_paid(store, charging, "acme", "acme-0001")
    rig, scheduler = scheduler_of(store, charging)
    at(store, day=31)

    for _ in range(3):
        scheduler.renew()

    assert rig.queued("payment") == [("acme", "acme-0002", 0)]
    store.at_ms += DAY_MS
    scheduler.renew()
    assert rig.queued("payment")[1:] == [("acme", "acme-0002", 0)]
