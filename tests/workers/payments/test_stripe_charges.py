"""Charges of the saved card: once for each attempt, never of what is paid, and every failure in a word."""

import pytest

from engine.errors import Invalid, Refused, Unavailable
from tests.workers.payments.conftest import KEY, an_order, provider_at
from workers.payments.provider import Failed, NoCard, Paid

DECLINED = "4000000000000341"
ASKS_THE_BANK = "4000002500003155"


def a_card(number):
    return {"type": "card", "card": {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}}


@pytest.fixture
def with_card(provider, stand_in):
    """The provider, after acme has paid its first invoice on a page and so left a card."""
    stand_in.pay(provider.checkout(an_order()))
    return provider


def test_a_card_left_on_the_page_pays_the_next_invoice(with_card, stand_in):
    outcome = with_card.charge(an_order("acme-0002"), 1)
    _, charge = stand_in.charges()

    assert outcome == Paid(charge["id"])
    assert (charge["amount"], charge["currency"]) == (2495, "usd")
    assert charge["metadata"] == {
        "engine": "inmail",
        "account": "acme",
        "invoice": "acme-0002",
        "by": "card",
        "attempt": "1",
    }
    (call,) = stand_in.calls("POST", "/v1/payment_intents")
    assert call["form"]["off_session"] == call["form"]["confirm"] == "true"
    assert call["form"]["allowed_payment_method_types"] == ["card"]


def test_the_key_of_an_attempt_is_made_of_account_invoice_and_attempt(provider, stand_in):
    provider.checkout(an_order())
    stand_in.save_card("acme", a_card(DECLINED))
    for attempt in (1, 1, 2):
        assert provider.charge(an_order(), attempt) == Failed("card_declined")
    keys = [call["key"] for call in stand_in.calls("POST", "/v1/payment_intents")]
    assert keys == [f"inmail:charge:acme:acme-0001:{attempt}" for attempt in (1, 1, 2)]
    assert len(stand_in.ask("/v1/payment_intents")["data"]) == 2


def test_an_attempt_made_twice_charges_once(with_card, stand_in):
    assert with_card.charge(an_order("acme-0002"), 1) == with_card.charge(an_order("acme-0002"), 1)
    assert len(stand_in.charges()) == 2


def test_an_answer_lost_on_the_way_charges_once(with_card, stand_in, no_pause):
    stand_in.ask("/_config/faults", {"at": "POST /v1/payment_intents", "faults": ["lost"]})
    assert isinstance(with_card.charge(an_order("acme-0002"), 1), Paid)

    assert len(stand_in.charges()) == 2
    keys = [call["key"] for call in stand_in.calls("POST", "/v1/payment_intents")]
    assert keys == ["inmail:charge:acme:acme-0002:1"] * 2


def test_a_later_attempt_does_not_charge_what_an_earlier_one_has(with_card, stand_in):
    first = with_card.charge(an_order("acme-0002"), 1)
    assert with_card.charge(an_order("acme-0002"), 2) == first
    assert len(stand_in.charges()) == 2


def test_what_was_paid_on_the_page_is_not_charged(with_card, stand_in):
    paid = with_card.charge(an_order(), 1)
    assert paid == Paid(stand_in.charges()[0]["id"])
    assert len(stand_in.charges()) == 1


def test_a_page_left_open_is_closed_before_the_card_is_charged(with_card, stand_in):
    link = with_card.checkout(an_order("acme-0002"))
    assert isinstance(with_card.charge(an_order("acme-0002"), 1), Paid)
    pages = {one["id"]: one["status"] for one in stand_in.ask("/v1/checkout/sessions")["data"]}
    assert pages[link.reference] == "expired"


def test_a_page_paid_in_the_moment_it_was_to_be_closed_is_not_charged_again(with_card, stand_in):
    with_card.checkout(an_order("acme-0002"))
    stand_in.ask("/_config/faults", {"at": "/expire", "faults": ["paid meanwhile"]})
    paid = with_card.charge(an_order("acme-0002"), 1)

    assert paid == Paid(stand_in.charges()[-1]["id"])
    assert len(stand_in.charges()) == 2


def test_a_page_stays_open_where_there_is_no_card_to_charge(provider, stand_in):
    link = provider.checkout(an_order())
    assert provider.charge(an_order(), 1) == NoCard()
    stand_in.pay(link)


def test_an_account_never_seen_has_no_card(provider, stand_in):
    assert provider.charge(an_order(), 1) == NoCard()
    assert stand_in.ask("/v1/customers")["data"] == []


@pytest.mark.parametrize(
    ("number", "reason"), [(DECLINED, "card_declined"), (ASKS_THE_BANK, "authentication_required")]
)
def test_a_card_that_does_not_pay_is_told_in_a_word(provider, stand_in, number, reason):
    provider.checkout(an_order())
    stand_in.save_card("acme", a_card(number))
    assert provider.charge(an_order(), 1) == Failed(reason)
    assert stand_in.charges() == []


def test_the_card_made_the_default_goes_before_the_others(with_card, stand_in):
    customer, card = stand_in.save_card("acme", a_card(DECLINED))
    chosen = {"invoice_settings": {"default_payment_method": card}}
    stand_in.ask(f"/v1/customers/{customer}", chosen)
    assert with_card.charge(an_order("acme-0002"), 1) == Failed("card_declined")


def test_an_attempt_repeated_with_another_card_waits_for_the_next_one(provider, stand_in):
    provider.checkout(an_order())
    customer, _ = stand_in.save_card("acme", a_card(DECLINED))
    assert provider.charge(an_order(), 1) == Failed("card_declined")
    _, better = stand_in.save_card("acme", a_card("4242424242424242"))
    stand_in.ask(f"/v1/customers/{customer}", {"invoice_settings": {"default_payment_method": better}})

    assert provider.charge(an_order(), 1) == Failed("attempted_before")
    assert isinstance(provider.charge(an_order(), 2), Paid)


def test_an_amount_too_small_for_a_card_fails_rather_than_being_tried_for_ever(with_card):
    assert with_card.charge(an_order("acme-0002", amount_minor=30), 1) == Failed("amount_too_small")


def test_nothing_is_charged_for_nothing():
    with pytest.raises(Invalid, match="nothing to pay"):
        an_order(amount_minor=0)


def test_a_stripe_that_fails_is_asked_three_times_and_then_told(provider, stand_in, no_pause):
    stand_in.ask("/_config/faults", {"faults": ["500"] * 3})
    with pytest.raises(Unavailable, match="try again in a while"):
        provider.checkout(an_order())
    assert len(stand_in.ask("/_config/calls")) == 3


def test_a_stripe_that_fails_once_is_asked_again(provider, stand_in, no_pause):
    stand_in.ask("/_config/faults", {"faults": ["503"]})
    assert provider.checkout(an_order()) is not None


def test_a_stripe_nobody_reaches_is_unavailable(store, no_pause):
    nobody = provider_at("http://127.0.0.1:1", store)  # a port nothing listens on
    for call in (
        lambda: nobody.checkout(an_order()),
        lambda: nobody.charge(an_order(), 1),
        lambda: nobody.portal("acme", "https://mail.example.org/"),
    ):
        with pytest.raises(Unavailable, match="APIConnectionError"):
            call()


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_key_stripe_does_not_take_is_told_without_the_key(provider, stand_in, status):
    stand_in.ask("/_config/faults", {"faults": [status]})
    with pytest.raises(Unavailable, match="INMAIL_STRIPE_KEY") as caught:
        provider.checkout(an_order())
    assert KEY not in str(caught.value)


def test_an_order_stripe_does_not_take_is_refused_in_our_words(provider, stand_in):
    stand_in.ask("/_config/faults", {"faults": ["400"]})
    with pytest.raises(Refused, match=r"^Stripe does not take this \(error\)$") as caught:
        provider.checkout(an_order())
    assert caught.value.code == "payment_refused"
