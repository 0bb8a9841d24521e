"""Collecting: from the engine's invoice over Stripe's stand-in and back, whatever is lost on the way."""

from dataclasses import replace

import fakeredis
import pytest

from engine import credits, opening, subscriptions
from engine.accounts import get_account
from engine.audit import audit
from engine.credits import wallet
from engine.errors import Refused
from engine.invoices import get_invoice
from engine.payments import record_failed, take_attempt
from engine.store import Store
from engine.subscription import read
from tests.conftest import DAY_MS, NOON_MS
from tests.subscribing import BASIC, BUSINESS, EXECUTIVE, OFFER, PLUS
from workers.payments.collecting import WAIVED, Collector
from workers.payments.manual import ManualProvider
from workers.payments.provider import Event, Failed, NoCard, Paid, Pending


@pytest.fixture
def store():
    """A store whose clock moves when told, audited at the end."""
    made = Store(fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0)), at_ms=NOON_MS)
    yield made
    assert audit(made, "acme").drift == []


CHARGING = replace(OFFER, provider="stripe")


class Teller:
    """A provider that answers as it is told to, and remembers what it was asked."""

    name, charges = "teller", True

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def charge(self, order, attempt):
        self.asked.append((order.number, order.amount_minor, order.currency, attempt))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def collector(store, *answers):
    return Collector(store, CHARGING, Teller(*answers), "https://jobs.example")


def ordered(store, plan=BUSINESS, **how):
    opening.open_account(store, "acme", email="a@example.org", name="A", plan=BASIC, offer=CHARGING)
    return subscriptions.subscribe(store, CHARGING, "acme", plan, **how)


def paid_event(number="acme-0001", amount=2495, currency="USD", event_id="evt_1"):
    return Event("paid", "acme", number, amount, currency, "pi_1", event_id)


def failed_event(number, attempt):
    return Event("failed", "acme", number, 2495, "USD", "pi_2", "evt_2", "card_declined", attempt)


def begun(store, plan=BUSINESS):
    ordered(store, plan)
    collector(store).take(paid_event(amount=plan.fee_monthly))


def test_an_order_gives_nothing_before_it_is_paid_and_everything_then(store):
    done = ordered(store)
    assert (done.subscription.state, done.invoice.due_minor, done.subscription.try_at_ms) == ("incomplete", 2495, 0)
    assert (get_account(store, "acme").can_send, wallet(store, "acme").available) == (False, 0)

    for _ in range(2):
        taken = collector(store).take(paid_event())

    assert taken.subscription.state == "active"
    assert (get_account(store, "acme").can_send, wallet(store, "acme").available) == (True, 15)
    assert get_invoice(store, "acme", "acme-0001").reference == "pi_1"


def test_an_order_that_is_never_paid_is_dropped_after_a_day(store):
    ordered(store)
    store.at_ms += DAY_MS

    sub = subscriptions.advance(store, CHARGING, "acme")

    assert (sub.state, sub.ended_reason, wallet(store, "acme").granted) == ("ended", "never paid", 0)
    assert get_invoice(store, "acme", "acme-0001").state == "uncollectible"


def test_ordering_the_same_again_is_the_same_order_and_another_takes_its_place(store):
    first = ordered(store)
    assert subscriptions.subscribe(store, CHARGING, "acme", BUSINESS).invoice == first.invoice

    other = subscriptions.subscribe(store, CHARGING, "acme", PLUS)

    assert (other.invoice.number, other.subscription.state) == ("acme-0002", "incomplete")
    assert get_invoice(store, "acme", "acme-0001").state == "uncollectible"


@pytest.mark.parametrize(("amount", "currency"), [(2494, "USD"), (2495, "EUR"), (0, "USD")])
def test_an_amount_that_was_not_due_begins_nothing(store, amount, currency):
    ordered(store)
    with pytest.raises(Refused, match="are due"):
        collector(store).take(paid_event(amount=amount, currency=currency))
    assert read(store, "acme").state == "incomplete"


def test_an_event_about_what_is_not_there_is_passed_over(store):
    ordered(store)
    assert collector(store).take(paid_event(number="acme-0009")) is None
    assert collector(store).take(replace(paid_event(), account="nobody")) is None


def test_a_renewal_is_charged_once_and_recorded(store):
    begun(store)
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, CHARGING, "acme")
    attempt = take_attempt(store, CHARGING, "acme")
    assert (attempt.number, attempt.attempt) == ("acme-0002", 0)
    assert take_attempt(store, CHARGING, "acme") is None  # somebody has it

    asked = collector(store, Paid("pi_2"))
    for _ in range(2):
        asked.collect("acme", attempt.number, attempt.attempt)

    assert asked.provider.asked == [("acme-0002", 2495, "USD", 0)]
    assert (read(store, "acme").state, read(store, "acme").unpaid, read(store, "acme").try_at_ms) == ("active", (), 0)


def test_an_attempt_nothing_is_heard_of_is_taken_again_under_the_same_name(store):
    begun(store)
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, CHARGING, "acme")
    first = take_attempt(store, CHARGING, "acme")
    store.at_ms += 11 * 60_000
    assert take_attempt(store, CHARGING, "acme") == first


@pytest.mark.parametrize("told_again", [0, 1, 5])
def test_a_card_that_is_declined_is_tried_within_the_grace_period_and_shortly_before_its_end(store, told_again):
    begun(store)
    began = store.at_ms + 31 * DAY_MS
    store.at_ms = began
    tried = []
    for _ in range(8):
        subscriptions.advance(store, CHARGING, "acme")
        if attempt := take_attempt(store, CHARGING, "acme"):
            tried.append(((store.at_ms - began) / DAY_MS, attempt.attempt))
            told = collector(store, Failed("card_declined"))
            told.collect("acme", attempt.number, attempt.attempt)
            for _ in range(told_again):  # by the event of the same failure, however often it comes
                told.take(failed_event(attempt.number, attempt.attempt))
        sub = read(store, "acme")
        store.at_ms = sub.try_at_ms or store.at_ms + DAY_MS

    assert tried == [(0, 0), (1, 1), (3, 2), (5, 3), (7 - 1 / 24, 4)]
    assert read(store, "acme").state == "lapsed"
    collector(store).take(paid_event(number="acme-0002"))
    assert read(store, "acme").state == "active"


@pytest.mark.parametrize(
    ("answer", "state", "reference"),
    [
        (Failed("amount_too_small"), "active", WAIVED),
        (NoCard(), "past_due", ""),
        (Pending("pi_9"), "active", ""),
    ],
)
def test_whatever_a_provider_answers_is_recorded_as_what_it_is(store, answer, state, reference):
    begun(store)
    store.at_ms += DAY_MS
    subscriptions.change(store, CHARGING, "acme", EXECUTIVE)
    attempt = take_attempt(store, CHARGING, "acme")

    collector(store, answer).collect("acme", attempt.number, attempt.attempt)

    assert (read(store, "acme").state, get_invoice(store, "acme", "acme-0002").reference) == (state, reference)


def test_a_failure_told_after_the_payment_changes_nothing(store):
    begun(store)
    collector(store).take(replace(paid_event(), kind="failed", reason="card_declined"))
    assert read(store, "acme").state == "active"


def test_an_operator_who_is_told_what_was_paid_has_no_page_and_no_charges(store):
    opening.open_account(store, "acme", email="a@example.org", name="A", plan=BUSINESS, offer=OFFER)
    by_hand = Collector(store, OFFER, ManualProvider(), "https://jobs.example")
    assert by_hand.checkout("acme", "acme-0001") is None
    assert by_hand.portal("acme") is None


def test_from_order_to_renewal_over_the_stand_in(store, stand_in, provider):
    ordered(store)
    desk = Collector(store, CHARGING, provider, "https://jobs.example")
    page = desk.checkout("acme", "acme-0001")
    assert desk.checkout("acme", "acme-0001") == page
    stand_in.pay(page)
    collector(store).take(paid_event())
    assert desk.checkout("acme", "acme-0001") is None
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, CHARGING, "acme")
    attempt = take_attempt(store, CHARGING, "acme")

    done = desk.collect("acme", attempt.number, attempt.attempt)

    assert (done.invoice.state, read(store, "acme").unpaid) == ("paid", ())
    assert get_invoice(store, "acme", "acme-0002").reference.startswith("pi_")
    assert desk.portal("acme").startswith("http")


def test_a_debt_is_paid_over_a_page_and_the_account_may_begin_anew(store, stand_in, provider):
    begun(store)
    desk = Collector(store, CHARGING, provider, "https://jobs.example")
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, CHARGING, "acme")
    record_failed(store, CHARGING, "acme", "acme-0002", reason="declined")
    subscriptions.cancel(store, CHARGING, "acme")
    assert get_invoice(store, "acme", "acme-0002").state == "uncollectible"
    with pytest.raises(Refused, match=r"acme-0002 .* is not paid"):
        subscriptions.subscribe(store, CHARGING, "acme", BUSINESS)

    stand_in.pay(desk.checkout("acme", "acme-0002"))
    desk.take(paid_event(number="acme-0002"))

    assert desk.checkout("acme", "acme-0002") is None
    assert subscriptions.subscribe(store, CHARGING, "acme", BUSINESS).subscription.state == "incomplete"


def test_an_order_that_was_dropped_has_no_page(store, stand_in, provider):
    ordered(store)
    store.at_ms += DAY_MS
    subscriptions.advance(store, CHARGING, "acme")

    assert Collector(store, CHARGING, provider, "https://jobs.example").checkout("acme", "acme-0001") is None


def test_paying_for_an_order_that_was_given_up_begins_no_other(store):
    """The page of a cheap order is still open when a dear one takes its place."""
    ordered(store)
    subscriptions.subscribe(store, CHARGING, "acme", EXECUTIVE, annual=True)

    taken = collector(store).take(paid_event())

    assert (taken.subscription.state, taken.subscription.balance_minor) == ("incomplete", 2495)
    assert (get_account(store, "acme").can_send, wallet(store, "acme").granted) == (False, 0)
    collector(store).take(paid_event(number="acme-0002", amount=95900))
    assert read(store, "acme").state == "active"


def test_an_order_that_never_began_gives_the_balance_back(store):
    begun(store)
    store.at_ms += DAY_MS
    subscriptions.change(store, CHARGING, "acme", BUSINESS, annual=True)
    collector(store).take(paid_event(number="acme-0002", amount=get_invoice(store, "acme", "acme-0002").due_minor))
    subscriptions.change(store, CHARGING, "acme", PLUS, annual=False)
    subscriptions.cancel(store, CHARGING, "acme")
    store.at_ms += 40 * DAY_MS
    ended = subscriptions.advance(store, CHARGING, "acme")
    assert (ended.state, ended.balance_minor > 10_000) == ("ended", True)
    credits.grant(store, "acme", 7, reason="a present")
    done = subscriptions.subscribe(store, CHARGING, "acme", EXECUTIVE, annual=True)
    assert (done.subscription.state, done.invoice.balance_used_minor) == ("incomplete", ended.balance_minor)

    store.at_ms += 2 * DAY_MS
    sub = subscriptions.advance(store, CHARGING, "acme")

    assert (sub.state, sub.balance_minor, sub.debts) == ("ended", ended.balance_minor, ())
    assert wallet(store, "acme").available == 7, "an order that never began expires nothing"


def test_an_attempt_that_is_planned_stays_planned_whatever_is_changed_meanwhile(store):
    begun(store)
    store.at_ms += 10 * DAY_MS
    subscriptions.change(store, CHARGING, "acme", PLUS)
    planned = read(store, "acme").try_at_ms
    assert planned == store.at_ms
    store.at_ms += 1000
    subscriptions.change(store, CHARGING, "acme", EXECUTIVE)  # its invoice is the second that is unpaid
    assert read(store, "acme").try_at_ms == planned
    subscriptions.change(store, CHARGING, "acme", EXECUTIVE, annual=True)  # begins anew
    assert (read(store, "acme").try_at_ms, read(store, "acme").number) == (planned, 2)
    assert [one.number for one in read(store, "acme").unpaid] == ["acme-0002", "acme-0003", "acme-0004"]
    first = take_attempt(store, CHARGING, "acme")
    collector(store, Paid("pi_2")).collect("acme", first.number, first.attempt)
    assert take_attempt(store, CHARGING, "acme").number == "acme-0003", "the others are asked for as well"


def test_an_invoice_of_a_charging_provider_is_due_at_once_and_nothing_is_planned_after_the_end(store):
    begun(store)
    assert get_invoice(store, "acme", "acme-0001").due_at_ms == get_invoice(store, "acme", "acme-0001").issued_at_ms
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, CHARGING, "acme")
    first = take_attempt(store, CHARGING, "acme")
    collector(store, Failed("card_declined")).collect("acme", first.number, first.attempt)
    done = subscriptions.cancel(store, CHARGING, "acme")
    assert (done.subscription.state, done.subscription.try_at_ms, done.subscription.attempt) == ("ended", 0, 0)


def test_a_failure_heard_of_late_plans_no_attempt_in_the_past(store):
    begun(store)
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, CHARGING, "acme")
    collector(store).take(failed_event("acme-0002", 0))
    began = store.at_ms
    store.at_ms += 4 * DAY_MS
    collector(store).take(failed_event("acme-0002", 1))
    assert read(store, "acme").try_at_ms == began + 5 * DAY_MS


def test_a_failure_of_an_order_that_is_not_paid_yet_begins_no_grace(store):
    ordered(store)
    collector(store).take(replace(paid_event(), kind="failed", reason="payment_failed"))
    assert read(store, "acme").state == "incomplete"
