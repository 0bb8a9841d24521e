"""Subscriptions over time: each move as a table of before, call and after; nothing is lost by whom comes late."""

from dataclasses import replace

import pytest

from engine import changing, credits, opening, submitting, subscriptions
from engine.accounts import get_account, weigh
from engine.errors import NotFound, Refused
from engine.invoices import get_invoice, list_invoices
from engine.offer import Offer
from engine.payments import Attempt, record_failed, record_paid, take_attempt
from engine.plans import Plan
from engine.preview import CancelPreview, preview_cancel
from engine.subscription import read
from tests.conftest import DAY_MS
from tests.factories import a_campaign, an_account, release, send_all, wallet
from tests.subscribing import BASIC, BUSINESS, EXECUTIVE, OFFER, PLUS, at, day_of, subscribed, waits_for, whole


def test_an_account_opened_on_a_plan_has_its_subscription_invoice_and_credits(store):
    subscribed(store, BUSINESS)

    sub = read(store, "acme")
    assert (sub.state, sub.plan, sub.cycle, sub.number, sub.month) == ("active", BUSINESS, "monthly", 1, 0)
    assert [(i.number, i.state, i.due_minor) for i in list_invoices(store, "acme", most=9)] == [
        ("acme-0001", "open", 2495)
    ]
    assert wallet(store) == {"available": 15, "held": 0, "spent": 0, "granted": 15, "expired": 0}
    assert [entry.kind for entry in credits.log(store, "acme")] == ["open", "grant"]


def test_a_basic_account_has_none_and_can_begin_one_any_day(store):
    an_account(store, plan=BASIC)
    assert read(store, "acme") is None
    with pytest.raises(Refused, match="which cannot send InMail"):
        a_campaign(store)

    done = subscriptions.subscribe(store, OFFER, "acme", EXECUTIVE, annual=True)

    assert (done.subscription.state, done.subscription.cycle, done.invoice.due_minor) == ("active", "annual", 95900)
    owner = get_account(store, "acme")
    assert (owner.can_send, owner.simultaneous_contacts, owner.plan) == (True, 500, "executive")
    assert wallet(store)["available"] == 150
    a_campaign(store)


def test_each_month_grants_and_a_monthly_plan_bills_while_an_annual_one_does_once_a_year(store):
    subscribed(store, BUSINESS, "monthly")
    subscribed(store, EXECUTIVE, "yearly", annual=True)
    for _ in range(25):
        store.at_ms += 15 * DAY_MS
        for account in ("monthly", "yearly"):
            pay_all(store, account)

    assert len(list_invoices(store, "monthly", most=99)) == 13
    assert [i.due_minor for i in list_invoices(store, "yearly", most=99)] == [95900, 95900]
    assert [e.at for e in credits.log(store, "yearly") if e.kind == "grant"] == [f"s1.{k}" for k in range(13)]


def test_three_missed_months_are_granted_once_each_and_capped_as_they_would_have_been(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=100)  # nobody looked for three months: 15, 30, 45, and then the cap

    for _ in range(3):
        subscriptions.advance(store, OFFER, "acme")

    assert wallet(store) == {"available": 45, "held": 0, "spent": 0, "granted": 60, "expired": 15}
    moves = [(e.kind, e.at, e.n) for e in credits.log(store, "acme") if e.kind in ("grant", "expire")]
    assert moves == [*(("grant", f"s1.{month}", 15) for month in range(4)), ("expire", "s1.3", 15)]


def test_a_late_grant_is_capped_by_the_balance_there_was_when_its_month_began(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    credits.grant(store, "acme", 40, reason="a present")  # 55, which nothing caps
    at(store, day=40)
    a_campaign(store, to=25)
    send_all(store, "acme.1")  # 30 left, a week after the month began
    assert wallet(store)["available"] == 30

    subscriptions.advance(store, OFFER, "acme")

    assert wallet(store) == {"available": 30, "held": 25, "spent": 0, "granted": 70, "expired": 15}


def test_refunds_and_manual_grants_are_never_capped_away(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    credits.grant(store, "acme", 100, reason="a present")
    at(store, day=32)

    subscriptions.advance(store, OFFER, "acme")

    assert wallet(store) == {"available": 115, "held": 0, "spent": 0, "granted": 130, "expired": 15}


@pytest.mark.parametrize("times", [1, 2])
def test_an_upgrade_is_at_once_and_prorated_by_days(store, times):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=10)  # 21 of 31 days are left of 15 January to 15 February

    for _ in range(times):
        done = subscriptions.change(store, OFFER, "acme", EXECUTIVE)

    assert done.changed == (times == 1)
    invoice = get_invoice(store, "acme", "acme-0002")
    assert [line.amount_minor for line in invoice.lines] == [6771, -1690]
    assert (invoice.due_minor, invoice.state) == (5081, "open")
    assert wallet(store)["available"] == 15 + 91  # 135 x 21 / 31
    sub = read(store, "acme")
    assert (sub.plan, sub.month, sub.period_end_ms) == (EXECUTIVE, 0, day_of(store, 31))
    assert get_account(store, "acme").simultaneous_contacts == 500


def test_an_upgrade_to_another_cycle_begins_anew_and_gives_back_what_is_left(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=10)

    subscriptions.change(store, OFFER, "acme", BUSINESS, annual=True)

    sub, invoice = read(store, "acme"), get_invoice(store, "acme", "acme-0002")
    assert (sub.number, sub.month, sub.cycle, sub.anchor_ms) == (2, 0, "annual", day_of(store, 10))
    assert [line.amount_minor for line in invoice.lines] == [23900, -1690]
    assert wallet(store)["available"] == 15 + 5  # 15 less what was left of 15


def test_what_is_left_of_a_dearer_period_goes_to_the_balance_and_pays_later_invoices(store):
    subscribed(store, PLUS, annual=True)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=10)

    subscriptions.change(store, OFFER, "acme", EXECUTIVE, annual=False)

    invoice = get_invoice(store, "acme", "acme-0002")
    assert (invoice.total_minor, invoice.due_minor, invoice.state) == (9995 - 46588, 0, "paid")
    assert read(store, "acme").balance_minor == 36593
    at(store, day=45)
    subscriptions.advance(store, OFFER, "acme")
    third = get_invoice(store, "acme", "acme-0003")
    assert (third.total_minor, third.balance_used_minor, third.due_minor, third.state) == (9995, 9995, 0, "paid")


def test_what_is_left_of_a_period_that_was_never_paid_buys_nothing(store):
    subscribed(store, PLUS, annual=True)
    with pytest.raises(Refused, match=r"acme-0001 .* is not paid"):
        subscriptions.change(store, OFFER, "acme", EXECUTIVE, annual=False)
    at(store, day=60)
    assert subscriptions.advance(store, OFFER, "acme").state == "ended"
    with pytest.raises(Refused, match=r"acme-0001 .* is not paid, from an earlier subscription"):
        subscriptions.subscribe(store, OFFER, "acme", EXECUTIVE)


def test_a_downgrade_waits_for_the_end_of_the_period_and_can_be_taken_back(store):
    subscribed(store, EXECUTIVE)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=10)
    subscriptions.change(store, OFFER, "acme", BUSINESS)
    assert (read(store, "acme").plan, read(store, "acme").next_plan) == (EXECUTIVE, BUSINESS)
    subscriptions.change(store, OFFER, "acme", EXECUTIVE)
    assert read(store, "acme").next_plan is None
    subscriptions.change(store, OFFER, "acme", BUSINESS)
    at(store, day=32)

    subscriptions.advance(store, OFFER, "acme")

    sub = read(store, "acme")
    assert (sub.plan, sub.next_plan, sub.month) == (BUSINESS, None, 1)
    assert get_invoice(store, "acme", "acme-0002").due_minor == 2495
    assert wallet(store) == {"available": 150, "held": 0, "spent": 0, "granted": 165, "expired": 15}


def test_over_a_lower_limit_of_contacts_nothing_is_cancelled_and_sending_waits(store):
    subscribed(store, EXECUTIVE)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=29)
    subscriptions.change(store, OFFER, "acme", BUSINESS)
    campaign = a_campaign(store, to=40)
    send_all(store, campaign)
    at(store, day=32)

    subscriptions.advance(store, OFFER, "acme")
    later = a_campaign(store, to=["new@example.org"])

    assert wallet(store)["held"] == 40
    assert waits_for(store, later) == ("waiting", "contacts")


def test_a_cancelled_one_gives_its_benefits_to_the_end_of_the_paid_period_then_expires_its_credits(store):
    subscribed(store, BUSINESS, annual=True)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=40)
    subscriptions.cancel(store, OFFER, "acme")
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=364)
    subscriptions.advance(store, OFFER, "acme")
    assert wallet(store)["available"] == 45
    campaign = a_campaign(store, to=30)
    held = 25
    send_all(store, campaign)
    assert wallet(store)["held"] == held
    at(store, day=366)

    sub = subscriptions.advance(store, OFFER, "acme")

    assert (sub.state, sub.ended_reason, sub.next_at_ms) == ("ended", "cancelled", 0)
    assert (wallet(store)["available"], wallet(store)["held"]) == (0, held)
    assert waits_for(store, campaign) == ("waiting", "subscription")
    owner = get_account(store, "acme")
    assert (owner.plan, owner.can_send, owner.profiles_per_search) == ("basic", False, 100)
    assert len(list_invoices(store, "acme", most=9)) == 1


def test_sending_stops_at_the_end_even_where_no_scheduler_has_looked(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    subscriptions.cancel(store, OFFER, "acme")
    campaign = a_campaign(store, to=3)
    at(store, day=31)

    assert release(store, campaign).packs == ()
    assert waits_for(store, campaign) == ("waiting", "subscription")
    with pytest.raises(Refused, match="subscription") as caught:
        a_campaign(store)
    assert caught.value.code == "cannot_send"


def test_subscribing_again_resumes_what_waits(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    campaign = a_campaign(store, to=3)
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=40)
    subscriptions.advance(store, OFFER, "acme")
    assert waits_for(store, campaign) == ("waiting", "subscription")

    done = subscriptions.subscribe(store, OFFER, "acme", PLUS)

    assert (done.subscription.number, done.subscription.label) == (2, "s2.0")
    send_all(store, campaign)
    assert wallet(store)["held"] == 3


def test_a_cancellation_is_taken_back_by_subscribing_to_the_same(store):
    subscribed(store, BUSINESS)
    subscriptions.cancel(store, OFFER, "acme")
    assert get_account(store, "acme").sends_until_ms == day_of(store, 31)

    for _ in range(2):
        subscriptions.subscribe(store, OFFER, "acme", BUSINESS)

    assert (read(store, "acme").ends_at_ms, get_account(store, "acme").sends_until_ms) == (0, 0)
    assert [e.kind for e in credits.log(store, "acme")] == ["open", "grant", "cancel", "subscribe"]


def test_an_invoice_that_is_not_paid_leads_over_grace_to_a_lapse_and_then_to_the_end(store):
    subscribed(store, BUSINESS)
    campaign = a_campaign(store, to=3)
    seen = []
    for day in (13, 14, 20, 21, 50, 51):
        at(store, day=day)
        sub = subscriptions.advance(store, OFFER, "acme")
        seen.append((day, sub.state, waits_for(store, campaign)[1], wallet(store)["available"]))

    assert seen == [
        (13, "active", "", 15),
        (14, "past_due", "", 15),
        (20, "past_due", "", 15),
        (21, "lapsed", "subscription", 15),
        (50, "lapsed", "subscription", 15),
        (51, "ended", "subscription", 0),
    ]
    assert get_invoice(store, "acme", "acme-0001").state == "uncollectible"


@pytest.mark.parametrize("day", [15, 25])
def test_paid_again_it_is_as_before(store, day):
    subscribed(store, BUSINESS)
    campaign = a_campaign(store, to=3)
    at(store, day=day)
    subscriptions.advance(store, OFFER, "acme")

    for _ in range(2):
        done = record_paid(store, OFFER, "acme", "acme-0001", reference="bank 7")

    assert (done.subscription.state, done.invoice.reference) == ("active", "bank 7")
    assert get_account(store, "acme").sends_until_ms == 0
    send_all(store, campaign)
    assert wallet(store)["held"] == 3
    assert [e.kind for e in credits.log(store, "acme")].count("paid") == 1


def test_months_wait_while_a_payment_is_overdue_and_begin_when_it_is_paid(store):
    offer = replace(OFFER, grace_ms=60 * DAY_MS)
    subscribed(store, BUSINESS)
    at(store, day=40)
    assert subscriptions.advance(store, offer, "acme").month == 0

    record_paid(store, offer, "acme", "acme-0001")

    sub = read(store, "acme")
    assert (sub.month, sub.state, [one.number for one in sub.unpaid]) == (1, "active", ["acme-0002"])
    assert wallet(store)["available"] == 30


def test_a_payment_reported_as_failed_begins_the_grace_period_once(store):
    subscribed(store, BUSINESS)
    at(store, day=2)

    for _ in range(2):
        done = record_failed(store, OFFER, "acme", "acme-0001", reason="card declined")
        at(store, day=3)

    assert (done.subscription.state, done.subscription.grace_until_ms) == ("past_due", day_of(store, 9))
    at(store, day=9)
    assert subscriptions.advance(store, OFFER, "acme").state == "lapsed"


@pytest.mark.parametrize(
    ("annual", "back_minor"), [(False, 0), (True, 21870)], ids=["a month that was given", "eleven months that were not"]
)
def test_of_what_is_paid_for_an_invoice_that_was_given_up_the_account_gets_what_nothing_was_given_for(
    store, annual, back_minor
):
    subscribed(store, BUSINESS, annual=annual)
    at(store, day=60)
    assert subscriptions.advance(store, OFFER, "acme").state == "ended"

    for _ in range(2):
        done = record_paid(store, OFFER, "acme", "acme-0001", reference="late")

    sub = done.subscription
    assert (sub.state, sub.balance_minor, sub.debts, done.invoice.state) == ("ended", back_minor, (), "paid")
    again = subscriptions.subscribe(store, OFFER, "acme", BUSINESS)
    assert (again.changed, again.invoice.balance_used_minor) == (True, min(back_minor, 2495))


def test_a_debt_for_the_last_hours_of_a_period_is_paid_like_any_other(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    store.at_ms = day_of(store, 31) - 3_600_000
    subscriptions.change(store, OFFER, "acme", EXECUTIVE)
    record_failed(store, OFFER, "acme", "acme-0002", reason="declined")
    subscriptions.cancel(store, OFFER, "acme")

    done = record_paid(store, OFFER, "acme", "acme-0002")

    assert (done.subscription.debts, done.subscription.balance_minor) == ((), 0)


def test_cancelling_while_past_due_and_paying_then_buys_no_second_month(store):
    subscribed(store, EXECUTIVE)
    record_failed(store, OFFER, "acme", "acme-0001", reason="declined")
    subscriptions.cancel(store, OFFER, "acme")
    record_paid(store, OFFER, "acme", "acme-0001")

    again = subscriptions.subscribe(store, OFFER, "acme", EXECUTIVE)

    assert (again.invoice.state, again.invoice.due_minor, again.subscription.balance_minor) == ("open", 9995, 0)


def test_an_invoice_not_yet_due_at_the_end_is_paid_before_anything_new_begins(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=20)
    subscriptions.change(store, OFFER, "acme", EXECUTIVE)
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=32)
    assert subscriptions.advance(store, OFFER, "acme").debts == ("acme-0002",)
    assert get_invoice(store, "acme", "acme-0002").state == "open"
    with pytest.raises(Refused, match=r"acme-0002 .* is not paid") as caught:
        subscriptions.subscribe(store, OFFER, "acme", BUSINESS)
    assert caught.value.code == "unpaid"

    record_paid(store, OFFER, "acme", "acme-0002")

    assert (read(store, "acme").debts, read(store, "acme").balance_minor) == ((), 0)
    assert subscriptions.subscribe(store, OFFER, "acme", BUSINESS).changed


def test_an_end_that_is_processed_late_takes_no_credits_that_came_after_it(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=5)
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=40)
    credits.grant(store, "acme", 100, reason="sorry")

    assert subscriptions.advance(store, OFFER, "acme").state == "ended"

    assert wallet(store) == {"available": 100, "held": 0, "spent": 0, "granted": 115, "expired": 15}


def test_what_was_to_be_paid_to_an_operator_is_asked_of_the_provider_that_came_after(store):
    subscribed(store, BUSINESS, annual=True)
    charging = replace(OFFER, provider="stripe")
    at(store, day=3)

    subscriptions.advance(store, charging, "acme")

    assert take_attempt(store, charging, "acme") == Attempt("acme-0001", 0)


def test_what_a_charging_provider_never_says_anything_of_is_past_due_after_the_grace_period(store):
    charging = replace(OFFER, provider="stripe")
    subscribed(store, BUSINESS, offer=charging)
    record_paid(store, charging, "acme", "acme-0001")
    at(store, day=31)
    assert subscriptions.advance(store, charging, "acme").unpaid[0].number == "acme-0002"
    at(store, day=37)
    assert subscriptions.advance(store, charging, "acme").state == "active"
    at(store, day=39)
    assert subscriptions.advance(store, charging, "acme").state == "past_due"

    assert record_paid(store, charging, "acme", "acme-0002").subscription.state == "active"


def test_an_upgrade_forgets_a_downgrade_that_was_to_come(store):
    subscribed(store, PLUS)
    record_paid(store, OFFER, "acme", "acme-0001")
    subscriptions.change(store, OFFER, "acme", BUSINESS)
    at(store, day=3)

    sub = subscriptions.change(store, OFFER, "acme", EXECUTIVE).subscription

    assert (sub.plan, sub.next_plan, sub.next_cycle) == (EXECUTIVE, None, "")


def test_an_invoice_that_was_paid_is_not_paid_by_another_payment(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001", reference="transfer 7")
    with pytest.raises(Refused, match="paid before, as transfer 7") as caught:
        record_paid(store, OFFER, "acme", "acme-0001", reference="transfer 8")
    assert caught.value.code == "paid_otherwise"
    assert not record_paid(store, OFFER, "acme", "acme-0001").changed


@pytest.mark.parametrize("changes", [{"fee_annual": 0}, {"fee_monthly": 0}])
def test_a_plan_with_one_fee_is_sold_by_that_cycle_only(store, changes):
    one = replace(BUSINESS, slug="one", **changes)
    annual = "fee_annual" in changes
    with pytest.raises(Refused) as caught:
        opening.open_account(store, "x", email="x@example.org", name="X", plan=one, annual=annual, offer=OFFER)
    assert caught.value.code == "not_sold_so"
    an_account(store, plan=BASIC)
    with pytest.raises(Refused, match="is not sold by the"):
        subscriptions.subscribe(store, OFFER, "acme", one, annual=annual)
    subscriptions.subscribe(store, OFFER, "acme", one, annual=not annual)
    with pytest.raises(Refused, match="is not sold by the"):
        subscriptions.change(store, OFFER, "acme", one, annual=annual)


def test_a_lapsed_account_is_told_which_invoice_to_pay(store):
    subscribed(store, BUSINESS)
    at(store, day=22)
    subscriptions.advance(store, OFFER, "acme")
    with pytest.raises(Refused, match="until invoice acme-0001 is paid") as caught:
        a_campaign(store)
    assert caught.value.facts["invoice"] == "acme-0001"


def test_an_amount_other_than_what_is_due_is_refused(store):
    subscribed(store, BUSINESS)
    for amount, currency in ((2494, "USD"), (2495, "EUR"), (None, "USD")):
        with pytest.raises(Refused, match="are due") as caught:
            record_paid(store, OFFER, "acme", "acme-0001", amount_minor=amount, currency=currency)
        assert caught.value.code == "wrong_amount"
    record_paid(store, OFFER, "acme", "acme-0001", amount_minor=2495, currency="USD")
    assert get_invoice(store, "acme", "acme-0001").state == "paid"


def test_cancelled_while_it_is_not_paid_it_ends_at_once(store):
    subscribed(store, BUSINESS)
    at(store, day=15)

    done = subscriptions.cancel(store, OFFER, "acme")

    assert (done.subscription.state, wallet(store)["available"]) == ("ended", 0)
    assert get_invoice(store, "acme", "acme-0001").state == "uncollectible"


@pytest.mark.parametrize(("paid", "day"), [(False, 15), (True, 40)], ids=["not paid", "at the period's end"])
def test_cancelling_again_what_was_cancelled_and_has_ended_changes_nothing(store, paid, day):
    subscribed(store, BUSINESS)
    if paid:
        record_paid(store, OFFER, "acme", "acme-0001", amount_minor=2495, currency="USD")
    at(store, day=15)
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=day)
    assert subscriptions.advance(store, OFFER, "acme").state == "ended"
    before = whole(store)

    assert preview_cancel(store, OFFER, "acme") == CancelPreview(False, False, 0, None, 0)
    done = subscriptions.cancel(store, OFFER, "acme")

    assert (done.changed, done.subscription.state, whole(store)) == (False, "ended", before)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda s: subscriptions.change(s, OFFER, "acme", BASIC), "free_plan"),
        (lambda s: subscriptions.subscribe(s, OFFER, "acme", BASIC), "free_plan"),
        (lambda s: subscriptions.subscribe(s, OFFER, "acme", PLUS), "use_change"),
        (lambda s: subscriptions.change(s, OFFER, "acme", replace(PLUS, slug="e", currency="EUR")), "currency"),
        (lambda s: subscriptions.change(s, OFFER, "acme", replace(PLUS, credits_a_month=51)), "version_sold"),
        (lambda s: (subscriptions.cancel(s, OFFER, "acme"), subscriptions.change(s, OFFER, "acme", PLUS)), "cancelled"),
        (lambda s: subscriptions.cancel(s, OFFER, "basic"), "no_subscription"),
        (lambda s: subscriptions.change(s, OFFER, "basic", PLUS), "no_subscription"),
        (lambda s: record_paid(s, OFFER, "acme", "acme-0009"), "no_invoice"),
        (lambda s: subscriptions.subscribe(s, OFFER, "late", BUSINESS), "unpaid"),
        (lambda s: subscriptions.change(s, OFFER, "late", PLUS), "unpaid"),
    ],
)
def test_what_is_refused_changes_nothing(store, call, code):
    subscribed(store, BUSINESS, "late")
    at(store, day=15)
    opening.open_account(store, "other", email="o@example.org", name="O", plan=PLUS)
    subscribed(store, BUSINESS)
    an_account(store, "basic", plan=BASIC)
    store.at_ms -= 1

    with pytest.raises(Refused) as caught:
        call(store)

    assert caught.value.code == code
    assert read(store, "acme").plan == BUSINESS
    assert len(list_invoices(store, "acme", most=9)) == 1


def test_an_account_that_is_not_there_is_not_found(store):
    for call in (subscriptions.subscribe, subscriptions.change):
        with pytest.raises(NotFound):
            call(store, OFFER, "nobody", BUSINESS)
    with pytest.raises(NotFound):
        subscriptions.advance(store, OFFER, "nobody")


def test_a_subscription_keeps_the_version_it_bought_until_it_changes(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    newer = replace(BUSINESS, version=2, credits_a_month=20, fee_monthly=2995)
    at(store, day=31)
    subscriptions.advance(store, replace(OFFER, plans={"business": newer}), "acme")
    assert (get_account(store, "acme").credits_a_month, wallet(store)["available"]) == (15, 30)

    record_paid(store, OFFER, "acme", "acme-0002")
    subscriptions.change(store, OFFER, "acme", newer)

    assert (get_account(store, "acme").credits_a_month, read(store, "acme").plan.version) == (20, 2)


def test_a_plan_may_keep_the_credits_after_the_end(store):
    keeps = replace(BUSINESS, slug="keeps", credits_after_end="keep")
    subscribed(store, keeps)
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=31)
    subscriptions.advance(store, OFFER, "acme")
    assert wallet(store)["available"] == 15


def test_a_plan_that_costs_nothing_has_no_invoice_and_still_has_months(store):
    subscribed(store, Plan("free", "Free", credits_a_month=5, balance_cap_months=2))
    at(store, day=200)
    sub = subscriptions.advance(store, OFFER, "acme")
    assert (sub.month, sub.state, list_invoices(store, "acme", most=9)) == (6, "active", [])
    assert wallet(store)["available"] == 10


def test_tax_is_added_as_configured(store):
    offer = replace(OFFER, tax_percent=OFFER.tax_percent + 19)
    subscribed(store, BUSINESS, offer=offer)
    invoice = get_invoice(store, "acme", "acme-0001")
    assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (2495, 474, 2969)


def test_a_plan_of_single_letters_refuses_bulk(store):
    subscribed(store, replace(BUSINESS, slug="single", recipients_per_campaign=2))
    a_campaign(store, to=2)
    with pytest.raises(Refused, match="3 recipients are more than the 2") as caught:
        a_campaign(store, to=3)
    assert caught.value.facts == {"used": 3, "limit": 2, "lifts_at_ms": None}
    assert store.client.zcard(store.keys.drafts("acme")) == 0


def pay_all(store, account):
    sub = subscriptions.advance(store, Offer(OFFER.plans), account)
    for one in sub.unpaid:
        record_paid(store, OFFER, account, one.number)


def everything(store):
    keys = sorted(store.client.keys("*:{acme}:*"))
    return {key: store.client.dump(key) for key in keys}


def test_of_two_who_work_from_one_revision_only_the_first_changes_it(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    first, second = (subscriptions.open_amendment(store, OFFER, "acme") for _ in range(2))
    for amendment in (first, second):
        changing.apply_change(amendment, EXECUTIVE, None)
    assert first.commit(store, "call:one")
    before = everything(store)

    assert not second.commit(store, "call:two")

    assert everything(store) == before
    assert len(list_invoices(store, "acme", most=9)) == 2


def test_a_transition_whose_reply_was_lost_is_made_once(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    amendment = subscriptions.open_amendment(store, OFFER, "acme")
    changing.apply_change(amendment, EXECUTIVE, None)
    assert amendment.commit(store, "call:one")
    before = everything(store)

    assert amendment.commit(store, "call:one")

    assert everything(store) == before


@pytest.mark.drifts
def test_no_account_is_granted_more_than_can_be_counted_exactly(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    store.client.hset(store.keys.wallet("acme"), mapping={"granted": 2**52 - 14, "spent": 2**52 - 29})
    at(store, day=31)
    before = everything(store)

    with pytest.raises(Refused, match="more than 2\\^52"):
        subscriptions.advance(store, OFFER, "acme")

    assert everything(store) == before


def test_a_list_staged_before_the_end_is_refused_after_it(store, monkeypatch):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    subscriptions.cancel(store, OFFER, "acme")
    at(store, day=30)
    check = submitting.check_rows

    def slowly(*args, **how):
        yield from check(*args, **how)
        at(store, day=31)

    monkeypatch.setattr(submitting, "check_rows", slowly)
    with pytest.raises(Refused) as caught:
        a_campaign(store)
    assert caught.value.code == "cannot_send"
    assert store.client.zcard(store.keys.campaigns("acme")) == 0


def test_months_missed_in_one_go_count_each_other_against_the_cap(store):
    """Nothing was spent between: the second month finds what the first brought, though both are processed now."""
    subscribed(store, replace(BUSINESS, balance_cap_months=1, slug="tight"))
    record_paid(store, OFFER, "acme", "acme-0001")
    a_campaign(store, to=12)
    send_all(store, "acme.1")  # 3 are left
    at(store, day=65)

    subscriptions.advance(store, OFFER, "acme")

    assert wallet(store) == {"available": 15, "held": 12, "spent": 0, "granted": 45, "expired": 18}


def test_what_is_due_happens_also_where_the_call_that_found_it_is_refused(store):
    subscribed(store, BUSINESS)
    at(store, day=15)
    with pytest.raises(Refused):
        subscriptions.change(store, OFFER, "acme", EXECUTIVE)
    assert read(store, "acme").state == "past_due"


def test_a_weight_an_operator_gave_stays_and_the_plans_own_goes_with_it(store):
    heavy = replace(EXECUTIVE, slug="heavy", weight=5)
    for name in ("acme", "other"):
        subscribed(store, BUSINESS, name)
    weigh(store, "other", 9)
    for name in ("acme", "other"):
        subscriptions.change(store, OFFER, name, heavy)
    assert [get_account(store, name).weight for name in ("acme", "other")] == [5, 9]


def test_a_month_that_came_late_counts_for_the_months_after_it_also_in_a_later_call(store):
    """Month 1 is late, an overdue invoice keeps month 2 for a later call, which finds what month 1 brought."""
    small = replace(BUSINESS, slug="small", balance_cap_months=2, credits_a_month=100)
    dearer = replace(small, slug="dearer", fee_monthly=9900)
    for name, days in (("late", (60,)), ("timely", (31, 34, 41, 60))):
        store.at_ms = day_of(store, 0)
        subscribed(store, small, name)
        record_paid(store, OFFER, name, f"{name}-0001")
        at(store, day=20)
        subscriptions.change(store, OFFER, name, dearer)  # its invoice is due on day 34
        for day in days:
            at(store, day=day)
            assert subscriptions.advance(store, OFFER, name).month == 1
        at(store, day=61)
        for one in read(store, name).unpaid:
            record_paid(store, OFFER, name, one.number)
        assert read(store, name).month == 2
    assert wallet(store, "late") == wallet(store, "timely")
    assert wallet(store, "late")["available"] == 200


def test_of_months_missed_only_what_was_kept_counts_against_the_next(store):
    tight = replace(BUSINESS, slug="tight", balance_cap_months=2, credits_a_month=10)
    subscribed(store, tight, annual=True)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=20)
    credits.grant(store, "acme", 5, reason="a present")  # 15, five below the cap
    at(store, day=35)  # month 1 kept 5 of its 10
    a_campaign(store, to=15)
    send_all(store, "acme.1")  # 15 sent in month 1: the log says nothing is left
    at(store, day=95)

    subscriptions.advance(store, OFFER, "acme")  # month 2 finds the 5 of month 1 and keeps 10, month 3 keeps 5

    assert wallet(store) == {"available": 20, "held": 15, "spent": 0, "granted": 45, "expired": 10}
