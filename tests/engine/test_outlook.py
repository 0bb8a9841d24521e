"""The outlook: the rate that was, the months to come, and the day nothing is left."""

import pytest

from engine import credits, refunds, subscriptions
from engine.entitlements import next_grant_ms
from engine.errors import NotFound
from engine.offer import Offer
from engine.outlook import outlook
from engine.subscription import read
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import a_campaign, a_plan, addresses, an_account, reply, send_all

OFFER = Offer()


def spend(store, n, start):
    """So many credits gone for good: InMails sent and answered."""
    campaign = a_campaign(store, to=addresses(n, start))
    send_all(store, campaign)
    for index, address in enumerate(addresses(n, start)):
        reply(store, f"{campaign}.{index}", address=address, accept=True)


def open_and_spend(store, days, a_day, **plan):
    """An account that spent so many a day for so many days, its months begun in time."""
    an_account(store, plan=a_plan(**plan))
    for day in range(days):
        spend(store, a_day, day * a_day)
        store.at_ms += DAY_MS
        subscriptions.advance(store, OFFER, "acme")
    return outlook(store, "acme")


def test_an_account_that_used_nothing_never_empties(store):
    an_account(store, credits_=5)
    told = outlook(store, "acme")
    assert (told.available, told.rate_credits_a_day, told.empties_at_ms, told.days_observed) == (5, 0, None, 1)
    assert (told.next_grant_at_ms, told.next_grant_credits, told.expiring_credits) == (None, 0, 0)


def test_with_nothing_left_it_is_empty_now(store):
    an_account(store)
    assert outlook(store, "acme").empties_at_ms == store.at_ms


def test_without_months_it_empties_when_the_rate_has_used_all(store):
    an_account(store, credits_=50)
    spend(store, 8, 0)
    store.at_ms += 4 * DAY_MS  # two a day; 42 are left
    told = outlook(store, "acme")
    assert (told.rate_credits_a_day, told.days_observed) == (2.0, 4)
    assert told.empties_at_ms == store.at_ms + 21 * DAY_MS


def test_the_rate_is_that_of_the_last_28_days_only(store):
    an_account(store, credits_=200)
    spend(store, 100, 0)
    store.at_ms += DAY_MS
    spend(store, 14, 100)
    store.at_ms += 28 * DAY_MS - 1
    told = outlook(store, "acme")
    assert (told.rate_credits_a_day, told.days_observed) == (0.5, 28)
    assert told.empties_at_ms == store.at_ms + 172 * DAY_MS


def test_what_is_held_counts_as_used_until_it_comes_home(store):
    an_account(store, credits_=50)
    campaign = a_campaign(store, to=6)
    send_all(store, campaign)
    store.at_ms += 6 * DAY_MS
    assert outlook(store, "acme").rate_credits_a_day == 1.0
    store.at_ms += DAY_MS
    refunds.refund(store, campaign, 0)
    assert outlook(store, "acme").rate_credits_a_day == 0
    store.at_ms += 25 * DAY_MS  # 28 days ago six were held: more has come home since than was used
    assert outlook(store, "acme").rate_credits_a_day == 0


def test_months_to_come_push_the_day_back(store):
    # NOON_MS is 15 January 2027, 08:00 UTC. After ten days 3 of 5 a day: 18 left, and 21 days to the next 48.
    told = open_and_spend(store, 10, 3, credits_a_month=48)
    assert (told.available, told.rate_credits_a_day) == (18, 3.0)
    assert told.empties_at_ms == store.at_ms + 6 * DAY_MS
    assert told.next_grant_at_ms == NOON_MS + 31 * DAY_MS
    # At 1.2 a day what is left lasts until the month, and 48 a month are more than are used.
    store.at_ms = NOON_MS + 25 * DAY_MS
    told = outlook(store, "acme")
    assert (told.rate_credits_a_day, told.empties_at_ms) == (1.2, None)


def test_a_rate_the_months_keep_up_with_never_empties(store):
    assert open_and_spend(store, 20, 1, credits_a_month=40).empties_at_ms is None


def test_the_cap_lets_credits_expire_on_the_way(store):
    # 28 to 31 come a month, and 30 is the cap: with 28 left the grant of 30 adds 2, which 27 days at 1 a day know of.
    told = open_and_spend(store, 1, 1, credits_a_month=30, balance_cap_months=1)
    assert (told.available, told.next_grant_credits, told.expiring_credits) == (29, 30, 29)
    assert told.empties_at_ms == NOON_MS + 30 * DAY_MS  # a day before the month's come


def test_a_pending_change_counts_from_the_end_of_the_period(store):
    told = open_and_spend(store, 10, 2, credits_a_month=70, fee_monthly=500)
    assert told.empties_at_ms is None
    subscriptions.change(store, OFFER, "acme", a_plan(slug="less", credits_a_month=10, fee_monthly=100))
    told = outlook(store, "acme")
    assert (told.next_grant_credits, told.next_grant_at_ms) == (10, NOON_MS + 31 * DAY_MS)
    # 50 are left for 21 days at 2 a day: 8 and 10 come to 9 days more.
    assert told.empties_at_ms == NOON_MS + 40 * DAY_MS


def test_a_change_to_a_plan_without_credits_at_the_years_end_takes_no_month_before_it(store):
    an_account(store, plan=a_plan(credits_a_month=10, fee_annual=1000, fee_monthly=100))
    subscriptions.change(
        store, OFFER, "acme", a_plan(slug="more", credits_a_month=10, fee_monthly=200, fee_annual=2000), annual=True
    )
    subscriptions.change(store, OFFER, "acme", a_plan(slug="none", fee_monthly=50, fee_annual=500))
    next_month = NOON_MS + 31 * DAY_MS
    assert outlook(store, "acme").next_grant_at_ms == next_month
    assert next_grant_ms(read(store, "acme")) == next_month


@pytest.mark.parametrize(("after_end", "empties"), [("expire", NOON_MS + 31 * DAY_MS), ("keep", None)])
def test_a_cancelled_subscription_empties_at_its_end_unless_its_plan_keeps_credits(store, after_end, empties):
    an_account(store, plan=a_plan(credits_a_month=10, fee_monthly=100, credits_after_end=after_end))
    subscriptions.cancel(store, OFFER, "acme")
    told = outlook(store, "acme")
    assert (told.empties_at_ms, told.next_grant_at_ms, told.next_grant_credits) == (empties, None, 0)


def test_nothing_comes_and_nothing_goes_while_it_is_not_paid(store):
    an_account(store, plan=a_plan(credits_a_month=10, fee_monthly=100))
    spend(store, 5, 0)
    store.at_ms += 15 * DAY_MS  # overdue since yesterday; grace for six more days
    subscriptions.advance(store, OFFER, "acme")
    told = outlook(store, "acme")
    assert (told.rate_credits_a_day, told.next_grant_at_ms, told.empties_at_ms) == (round(5 / 15, 3), None, None)
    store.at_ms += 7 * DAY_MS
    assert subscriptions.advance(store, OFFER, "acme").state == "lapsed"
    assert outlook(store, "acme").empties_at_ms is None


def test_a_month_that_is_due_and_has_not_begun_yet_is_on_its_way(store):
    an_account(store, plan=a_plan(credits_a_month=5))
    spend(store, 5, 0)
    store.at_ms = NOON_MS + 31 * DAY_MS
    told = outlook(store, "acme")
    assert (told.available, told.next_grant_at_ms) == (0, store.at_ms)
    assert told.empties_at_ms is None


def test_the_wallet_at_a_time_is_that_after_the_last_entry_not_later(store):
    an_account(store)
    times = []
    for n in range(1, 9):
        store.at_ms += 1_000
        credits.grant(store, "acme", n, reason="more")
        times.append(store.at_ms)
    assert credits.wallet_at(store, "acme", NOON_MS - 1) == credits.Wallet(0, 0, 0, 0, 0)
    for n, at_ms in enumerate(times, 1):
        granted = n * (n + 1) // 2
        assert credits.wallet_at(store, "acme", at_ms).granted == granted
        assert credits.wallet_at(store, "acme", at_ms + 999).granted == granted
        assert credits.available_at(store, "acme", at_ms - 1) == granted - n


def test_an_account_there_is_not_has_no_outlook(store):
    with pytest.raises(NotFound):
        outlook(store, "acme")
