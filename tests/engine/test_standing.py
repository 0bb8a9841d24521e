"""How a subscription stands, and looking for invoices by the days they were issued on."""

import pytest
from redis.exceptions import OutOfMemoryError

from engine import invoice_search, payments, standing, subscriptions
from engine.errors import Invalid, NotFound, Refused
from engine.offer import Offer
from engine.plans import Plan
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import an_account

FREE = Plan("basic", "Basic", can_send=False)
SMALL = Plan("small", "Small", 2495, 23900, credits_a_month=15, balance_cap_months=3)
LARGE = Plan("large", "Large", 9995, 95900, credits_a_month=150)
NO_CREDITS = Plan("none", "None", 100, 1000)
OFFER = Offer({plan.slug: plan for plan in (FREE, SMALL, LARGE, NO_CREDITS)}, timezone="Asia/Kathmandu")


def started(store, plan=SMALL, *, annual=False):
    an_account(store, plan=FREE)
    subscriptions.subscribe(store, OFFER, "acme", plan, annual=annual)


def test_each_state_tells_what_comes_next(store):
    started(store)
    told = standing.standing(store, OFFER, "acme")
    assert (told["state"], told["next_charge"]["due_minor"], told["next_grant"]["credits"]) == ("active", 2495, 15)
    store.at_ms += 14 * DAY_MS
    told = standing.standing(store, OFFER, "acme")
    assert (told["state"], told["next_charge"], told["next_grant"]) == ("past_due", None, None)
    assert told["grace_until_ms"] == NOON_MS + 21 * DAY_MS
    store.at_ms += 7 * DAY_MS
    told = standing.standing(store, OFFER, "acme")
    assert (told["state"], told["lapsed_at_ms"]) == ("lapsed", NOON_MS + 21 * DAY_MS)
    assert told["gives_up_at_ms"] == NOON_MS + 51 * DAY_MS
    store.at_ms += 30 * DAY_MS
    told = standing.standing(store, OFFER, "acme")
    assert (told["state"], told["ended_reason"], told["unpaid"], told["gives_up_at_ms"]) == (
        "ended",
        "unpaid",
        [],
        None,
    )


def test_under_a_pending_change_the_next_grant_is_that_of_the_months_own_plan(store):
    started(store, LARGE, annual=True)
    subscriptions.change(store, OFFER, "acme", NO_CREDITS)
    told = standing.standing(store, OFFER, "acme")
    assert told["next_grant"] == {"at_ms": told["month_end_ms"], "credits": 150}
    assert (told["pending"]["plan"], told["pending"]["at_ms"]) == ("none", told["period_end_ms"])
    assert told["next_charge"] == {"at_ms": told["period_end_ms"], "due_minor": 1000, "currency": "USD"}


def test_a_pending_change_is_not_told_of_what_ends_before_it(store):
    started(store, LARGE)
    subscriptions.change(store, OFFER, "acme", SMALL)
    subscriptions.cancel(store, OFFER, "acme")
    assert standing.standing(store, OFFER, "acme")["pending"] is None


def test_where_redis_takes_no_writes_it_is_told_as_it_was_left(store, monkeypatch):
    started(store)
    store.at_ms += 40 * DAY_MS

    def full(*_):
        raise OutOfMemoryError("full")

    monkeypatch.setattr(store, "run", full)
    assert standing.standing(store, OFFER, "acme")["state"] == "active"


def test_there_is_nothing_to_tell_where_there_never_was_one(store):
    an_account(store, plan=FREE)
    with pytest.raises(Refused) as refusal:
        standing.standing(store, OFFER, "acme")
    assert refusal.value.code == "no_subscription"
    with pytest.raises(NotFound):
        standing.standing(store, OFFER, "nobody")


def test_a_day_is_one_by_the_clocks_of_the_subscription(store):
    started(store)  # 2027-01-15 08:00 UTC, 13:45 in Kathmandu
    payments.record_paid(store, OFFER, "acme", "acme-0001")
    store.at_ms += 11 * 3_600_000  # 19:00 UTC: the next day there
    subscriptions.change(store, OFFER, "acme", LARGE)

    def on(since, until):
        return [it.number for it in invoice_search.search(store, "acme", days=invoice_search.parse_days(since, until))]

    assert on("2027-01-15", "2027-01-15") == ["acme-0001"]
    assert on("2027-01-16", "2027-01-16") == ["acme-0002"]
    assert on(None, "2027-01-14") == on("2027-01-17", None) == []
    assert on("2027-01-15", "2027-01-16") == on(None, None) == ["acme-0001", "acme-0002"]


@pytest.mark.parametrize(
    "text", ["", "20270115", "2027-W02-5", "2027-1-5", "2027-02-29", "\u0662\u0660\u0662\u0667-01-15", "2027-01-15T00"]
)
def test_what_is_no_day_is_refused(text):
    with pytest.raises(Invalid) as refusal:
        invoice_search.parse_days(text, None)
    assert refusal.value.code == "bad_day"


def test_everybodys_invoices_are_read_in_steps_in_order_of_account_and_number(store, monkeypatch):
    monkeypatch.setattr(invoice_search, "_PAGE", 2)
    for account in ("b", "a-1", "a"):
        an_account(store, account, plan=FREE)
        subscriptions.subscribe(store, OFFER, account, SMALL)
        for plan in (LARGE, SMALL, LARGE):
            subscriptions.change(store, OFFER, account, plan, annual=True)
    every = [it.number for it in invoice_search.search_all(store)]
    assert every == sorted(every, key=lambda number: number.rpartition("-")[::2])
    assert len(every) == len(set(every)) > 5
    for i, number in enumerate(every):
        assert [it.number for it in invoice_search.search_all(store, after=number)] == every[i + 1 :]
