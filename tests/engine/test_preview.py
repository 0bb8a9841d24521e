"""Previews: what is previewed is what the call then does, to the minor unit and the credit; and nothing is written."""

from decimal import Decimal

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import campaigns, credits, payments, preview, subscriptions
from engine.errors import Refused
from engine.invoices import list_invoices
from engine.offer import Offer
from engine.plans import Plan
from engine.store import Store
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import a_campaign, an_account, send, wallet
from tests.subscribing import whole

FREE = Plan("basic", "Basic", can_send=False)
SMALL = Plan("small", "Small", 2495, 23900, credits_a_month=15, simultaneous_contacts=2, balance_cap_months=3)
LARGE = Plan("large", "Large", 9995, 95900, credits_a_month=150, simultaneous_contacts=5, balance_cap_months=4)
WIDE = Plan("wide", "Wide", 5000, 50000, credits_a_month=10, balance_cap_months=1)
KEPT = Plan("kept", "Kept", 5000, 50000, credits_a_month=10, credits_after_end="keep")
PLANS = (SMALL, LARGE, WIDE, KEPT)
OFFER = Offer({plan.slug: plan for plan in (FREE, *PLANS)}, tax_percent=Decimal("7.7"), timezone="Europe/Berlin")
CHARGED = Offer(OFFER.plans, provider="stripe")


def done(store, offer, plan, annual, *, first):
    """What the call itself does: the outcome, the credits granted and expired by it."""
    subscriptions.advance(store, offer, "acme")
    before = wallet(store)
    call = subscriptions.subscribe if first else subscriptions.change
    outcome = call(store, offer, "acme", plan, annual=bool(annual) if first else annual)
    after = wallet(store)
    return outcome, after["granted"] - before["granted"], after["expired"] - before["expired"]


def check(store, offer, plan, annual, *, first=False):
    """Preview it, do it, compare; returns the preview."""
    before = whole(store)
    foretold = preview.preview(store, offer, "acme", plan, annual=annual)
    if first:
        assert preview.preview_subscribe(store, offer, "acme", plan, annual=bool(annual)) == foretold
    assert whole(store) == before, "a preview writes nothing"
    outcome, granted, expired = done(store, offer, plan, annual, first=first)
    sub, invoice = outcome.subscription, outcome.invoice
    assert foretold.kind == ("nothing" if not outcome.changed else "at_period_end" if sub.next_plan else "at_once")
    assert (foretold.plan, foretold.cycle) == ((sub.next_plan or sub.plan).slug, sub.next_cycle or sub.cycle)
    assert foretold.takes_effect_at_ms == (sub.period_end_ms if sub.next_plan else store.at_ms)
    assert foretold.lines == (invoice.lines if invoice else ())
    money = ("subtotal_minor", "tax_minor", "total_minor", "balance_used_minor", "due_minor")
    assert [getattr(foretold, n) for n in money] == [getattr(invoice, n) if invoice else 0 for n in money]
    assert (foretold.credits_granted, foretold.credits_expiring) == (granted, expired)
    return foretold


def started(store, plan=SMALL, annual=False, offer=OFFER):
    an_account(store, plan=FREE)
    return subscriptions.subscribe(store, offer, "acme", plan, annual=annual)


@pytest.mark.parametrize("offer", [OFFER, CHARGED])
@pytest.mark.parametrize("annual", [False, True])
def test_a_first_subscription_is_as_it_was_previewed(store, annual, offer):
    an_account(store, plan=FREE)
    foretold = check(store, offer, SMALL, annual, first=True)
    assert (foretold.kind, foretold.subtotal_minor) == ("at_once", 23900 if annual else 2495)
    assert foretold.credits_granted == (0 if offer.charges else 15), "what is not paid gives nothing yet"
    assert check(store, offer, SMALL, annual, first=True).kind == "nothing"


@pytest.mark.parametrize("days", [0, 1, 15, 29, 30, 45, 400])
@pytest.mark.parametrize(
    ("old", "old_annual", "new", "annual", "kind"),
    [
        (SMALL, False, LARGE, None, "at_once"),
        (SMALL, True, LARGE, None, "at_once"),
        (SMALL, False, LARGE, True, "at_once"),
        (SMALL, True, LARGE, False, "at_once"),
        (SMALL, False, SMALL, True, "at_once"),
        (SMALL, True, SMALL, False, "at_period_end"),
        (LARGE, False, SMALL, None, "at_period_end"),
        (LARGE, True, WIDE, False, "at_period_end"),
        (WIDE, False, KEPT, None, "at_period_end"),
        (SMALL, False, SMALL, None, "nothing"),
    ],
)
def test_a_change_is_as_it_was_previewed(store, old, old_annual, new, annual, kind, days):
    offer = Offer(OFFER.plans, OFFER.tax_percent, payment_due_ms=90 * DAY_MS, timezone=OFFER.timezone)
    started(store, old, old_annual, offer)
    pay_all(store, offer)  # what was not paid is not given back
    for _ in range(days // 15):
        store.at_ms += 15 * DAY_MS
        pay_all(store, offer)
    store.at_ms += days % 15 * DAY_MS
    assert check(store, offer, new, annual).kind == kind
    assert check(store, offer, new, annual).kind == "nothing", "asked for again, it stands so already"


def pay_all(store, offer):
    sub = subscriptions.advance(store, offer, "acme")
    for one in sub.unpaid if sub else ():
        payments.record_paid(store, offer, "acme", one.number)


def test_what_is_to_be_taken_back_is_previewed_too(store):
    started(store, LARGE)
    check(store, OFFER, SMALL, None)
    assert check(store, OFFER, LARGE, None).kind == "at_once", "the pending change goes"
    subscriptions.cancel(store, OFFER, "acme")
    before = whole(store)
    foretold = preview.preview(store, OFFER, "acme", LARGE)
    assert (foretold.kind, foretold.lines, foretold.credits_granted) == ("at_once", (), 0)
    assert preview.preview_subscribe(store, OFFER, "acme", LARGE) == foretold
    assert whole(store) == before
    assert subscriptions.subscribe(store, OFFER, "acme", LARGE).subscription.ends_at_ms == 0


def test_what_is_due_by_now_happens_before_what_is_previewed(store):
    started(store, SMALL)
    payments.record_paid(store, OFFER, "acme", "acme-0001")
    store.at_ms += 32 * DAY_MS
    foretold = check(store, OFFER, LARGE, None)
    assert len(list_invoices(store, "acme", most=9)) == 3, "the second month's and the upgrade's"
    assert len(foretold.lines) == 2


def test_contacts_over_the_new_limit_are_told_and_the_next_charge_with_tax_and_balance(store):
    started(store, LARGE)
    campaign = a_campaign(store, to=4)
    send(store, campaign)
    foretold = check(store, OFFER, SMALL, None)
    assert (foretold.contacts_open, foretold.simultaneous_contacts, foretold.contacts_over) == (4, 2, 2)
    assert foretold.next_charge_at_ms == foretold.takes_effect_at_ms
    assert foretold.next_charge_minor == 2687
    store.at_ms = foretold.takes_effect_at_ms
    payments.record_paid(store, OFFER, "acme", "acme-0001")
    sub = subscriptions.advance(store, OFFER, "acme")
    assert list_invoices(store, "acme", after="acme-0001", most=1)[0].due_minor == 2687
    assert sub.plan == SMALL


def test_what_goes_over_the_new_cap_is_told(store):
    started(store, WIDE)
    credits.grant(store, "acme", 700, reason="gift")
    foretold = check(store, OFFER, LARGE, None)
    assert (foretold.credits_granted, foretold.credits_expiring) == (140, 140)


@pytest.mark.parametrize("plan", [SMALL, KEPT])
def test_a_cancellation_is_as_it_was_previewed(store, plan):
    started(store, plan)
    payments.record_paid(store, OFFER, "acme", "acme-0001")
    a_campaign(store, to=3)
    a_campaign(store, to=["later@example.org"])
    campaigns.steer(store, "acme.2", "pause")
    before = whole(store)
    foretold = preview.preview_cancel(store, OFFER, "acme")
    assert whole(store) == before
    available = wallet(store)["available"]
    expiring = None if plan is KEPT else available
    assert (foretold.changed, foretold.at_once, foretold.credits_expiring) == (True, False, expiring)
    assert foretold.campaigns_that_will_wait == 1
    assert subscriptions.cancel(store, OFFER, "acme").subscription.ends_at_ms == foretold.ends_at_ms
    assert preview.preview_cancel(store, OFFER, "acme").changed is False
    store.at_ms = foretold.ends_at_ms
    assert subscriptions.advance(store, OFFER, "acme").state == "ended"
    assert wallet(store)["expired"] == (expiring or 0)


def test_cancelling_what_is_not_paid_ends_it_at_once_and_says_so(store):
    started(store)
    store.at_ms += 15 * DAY_MS
    foretold = preview.preview_cancel(store, OFFER, "acme")
    assert (foretold.at_once, foretold.ends_at_ms, foretold.credits_expiring) == (True, store.at_ms, 15)
    assert subscriptions.cancel(store, OFFER, "acme").subscription.state == "ended"
    assert wallet(store)["expired"] == 15


@pytest.mark.parametrize(
    ("plan", "code"),
    [(FREE, "free_plan"), (Plan("euro", "Euro", 9900, currency="EUR"), "currency")],
)
def test_what_would_be_refused_is_refused_in_the_preview(store, plan, code):
    started(store)
    with pytest.raises(Refused) as refusal:
        preview.preview(store, OFFER, "acme", plan)
    assert refusal.value.code == code


def test_a_balance_never_pays_in_another_currency(store):
    started(store, SMALL, True)
    pay_all(store, OFFER)
    assert subscriptions.change(store, OFFER, "acme", LARGE, annual=False).subscription.balance_minor > 0
    store.at_ms += 40 * DAY_MS
    subscriptions.cancel(store, OFFER, "acme")
    store.at_ms += 40 * DAY_MS
    assert subscriptions.advance(store, OFFER, "acme").state == "ended"
    with pytest.raises(Refused, match="cannot pay for it") as refusal:
        subscriptions.subscribe(store, OFFER, "acme", Plan("euro", "Euro", 5000, currency="EUR"))
    assert refusal.value.code == "currency"
    assert store.client.hget(store.keys.plans_sold, "euro 1") is None, "what was refused was not sold"


def test_a_version_that_was_sold_with_other_terms_is_refused_and_an_unsold_one_is_not_kept(store):
    started(store)
    with pytest.raises(Refused, match="version = 2"):
        preview.preview(store, OFFER, "acme", Plan("small", "Small", 1, credits_a_month=15))
    kept = store.client.hgetall(store.keys.plans_sold)
    preview.preview(store, OFFER, "acme", LARGE)
    assert store.client.hgetall(store.keys.plans_sold) == kept


steps = st.tuples(st.sampled_from(PLANS), st.sampled_from((None, False, True)), st.integers(0, 70), st.integers(0, 30))


@settings(max_examples=150, deadline=None)
@given(first=st.tuples(st.sampled_from(PLANS), st.booleans()), then=st.lists(steps, max_size=4))
def test_whatever_is_done_when_it_is_as_previewed(first, then):
    store = Store(fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0)), at_ms=NOON_MS)
    started(store, *first)
    for plan, annual, days, spent in then:
        store.at_ms += days * DAY_MS + 12_345
        pay_all(store, OFFER)
        if spent:
            credits.grant(store, "acme", spent, reason="gift")
        if subscriptions.advance(store, OFFER, "acme").state == "active":
            check(store, OFFER, plan, annual)
        charge = preview.next_charge(sub := subscriptions.advance(store, OFFER, "acme"), OFFER)
        assert charge is None or charge[0] == sub.period_end_ms
