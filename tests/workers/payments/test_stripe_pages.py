"""Where a person pays: one page for an order, the amount as the order has it, and one customer for an account."""

import threading

import pytest

from engine.errors import Refused
from engine.store import Store
from engine.stripe_customers import StripeCustomers
from tests.workers.payments.conftest import an_order, provider_at
from workers.payments.provider import NoCard, Paid


def test_a_page_asks_for_what_the_order_says_and_saves_the_card(provider, stand_in):
    link = provider.checkout(an_order())
    (call,) = stand_in.calls("POST", "/v1/checkout/sessions")
    form = call["form"]

    assert link.url.startswith("http://127.0.0.1/pay/")
    assert link.expires_at_ms > 0
    assert form["mode"] == "payment"
    assert form["adaptive_pricing"] == {"enabled": "false"}
    assert form["client_reference_id"] == "acme-0001"
    (line,) = form["line_items"]
    assert line["price_data"] == {"currency": "usd", "unit_amount": "2495", "product_data": {"name": "Business"}}
    ours = {"engine": "inmail", "account": "acme", "invoice": "acme-0001", "by": "page"}
    assert form["payment_intent_data"] == {"setup_future_usage": "off_session", "metadata": ours}
    assert form["metadata"] == ours
    assert form["success_url"] == form["cancel_url"] == "https://mail.example.org/billing"


def test_asking_twice_gives_the_same_page_as_long_as_it_is_open(provider, stand_in):
    first = provider.checkout(an_order())
    assert provider.checkout(an_order()) == first
    stand_in.ask(f"/v1/checkout/sessions/{first.reference}/expire", {})
    assert provider.checkout(an_order()).reference != first.reference


def test_two_who_ask_at_once_get_the_same_page(stand_in, store):
    links, gate = [], threading.Barrier(2)

    def ask():
        provider = provider_at(stand_in.url, store)
        gate.wait(10)
        links.append(provider.checkout(an_order()))

    both = [threading.Thread(target=ask) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(20)

    assert len(set(links)) == 1
    assert len(stand_in.ask("/v1/customers")["data"]) == 1


def test_another_invoice_has_a_page_of_its_own(provider):
    assert provider.checkout(an_order()) != provider.checkout(an_order("acme-0002"))


def test_there_is_no_page_for_what_is_paid(provider, stand_in):
    stand_in.pay(provider.checkout(an_order()))
    assert provider.checkout(an_order()) is None


@pytest.mark.parametrize("changed", [{"amount_minor": 9995}, {"currency": "EUR"}])
def test_a_payment_of_another_amount_under_the_same_number_is_told(provider, stand_in, changed):
    stand_in.pay(provider.checkout(an_order()))
    with pytest.raises(Refused, match="another amount") as caught:
        provider.checkout(an_order(**changed))
    assert caught.value.code == "wrong_amount"


def test_a_page_with_another_amount_is_closed_rather_than_shown(provider, stand_in):
    old = provider.checkout(an_order())
    new = provider.checkout(an_order(amount_minor=9995))
    pages = {one["id"]: (one["status"], one["amount_total"]) for one in stand_in.ask("/v1/checkout/sessions")["data"]}
    assert pages == {old.reference: ("expired", 2495), new.reference: ("open", 9995)}


def test_an_account_is_one_customer_with_the_name_and_address_of_the_last_order(provider, stand_in):
    provider.checkout(an_order())
    provider.checkout(an_order("acme-0002", email="new@example.org"))
    (customer,) = stand_in.ask("/v1/customers")["data"]

    assert customer["email"] == "new@example.org"
    assert customer["metadata"] == {"engine": "inmail", "account": "acme"}


def test_a_customer_redis_has_forgotten_is_found_by_its_metadata(provider, stand_in, store):
    provider.checkout(an_order())
    (customer,) = stand_in.ask("/v1/customers")["data"]
    store.client.flushdb()
    provider.checkout(an_order("acme-0002"))

    assert len(stand_in.ask("/v1/customers")["data"]) == 1
    assert store.hash("inmail:stripe_customers") == {"acme": customer["id"]}


def test_a_customer_deleted_at_stripe_is_made_anew(provider, stand_in, store):
    provider.checkout(an_order())
    (gone,) = stand_in.ask("/v1/customers")["data"]
    stand_in.ask(f"/v1/customers/{gone['id']}", method="DELETE")
    assert provider.portal("acme", "https://mail.example.org/") is None
    provider.checkout(an_order("acme-0002"))

    (made,) = stand_in.ask("/v1/customers")["data"]
    assert made["id"] != gone["id"]
    assert store.hash("inmail:stripe_customers") == {"acme": made["id"]}


def test_a_customer_another_process_makes_in_this_moment_is_not_made_twice(provider, stand_in, store):
    too_early = [None]

    class Behind(StripeCustomers):
        """What is kept, read a moment too early the first time."""

        def get(self, account):
            return too_early.pop() if too_early else StripeCustomers.get(self, account)

    provider.checkout(an_order())
    stand_in.ask("/_config/faults", {"at": "/customers/search", "faults": ["lag"]})
    provider_at(stand_in.url, store, customers=Behind(store)).checkout(an_order("acme-0002"))
    assert len(stand_in.ask("/v1/customers")["data"]) == 1


def test_a_customer_stripe_does_not_know_is_made_anew(provider, stand_in, store):
    store.client.hset("inmail:stripe_customers", "acme", "cus_ofthetestmode")
    assert provider.charge(an_order(), 1) == NoCard()
    provider.checkout(an_order())
    (made,) = stand_in.ask("/v1/customers")["data"]
    assert store.hash("inmail:stripe_customers") == {"acme": made["id"]}


def test_two_engines_with_one_stripe_account_never_take_anothers_payments_for_theirs(stand_in, store):
    live, other = provider_at(stand_in.url, store), Store(store.client, "staging")
    staging = provider_at(stand_in.url, other, engine="staging")
    stand_in.pay(live.checkout(an_order()))

    assert staging.checkout(an_order()) is not None
    assert staging.charge(an_order(), 1) == NoCard()
    assert isinstance(live.charge(an_order(), 1), Paid)
    assert len(stand_in.charges()) == 1


def test_the_portal_is_for_those_who_have_a_customer_there(provider):
    assert provider.portal("acme", "https://mail.example.org/billing") is None
    provider.checkout(an_order())
    assert provider.portal("acme", "https://mail.example.org/billing") == "http://127.0.0.1/portal/bps_1"


@pytest.mark.parametrize(("currency", "asked"), [("JPY", "500"), ("ISK", "50000"), ("UGX", "50000"), ("KWD", "500")])
def test_amounts_are_asked_for_in_stripes_own_minor_units(provider, stand_in, currency, asked):
    provider.checkout(an_order(currency=currency, amount_minor=500))
    (call,) = stand_in.calls("POST", "/v1/checkout/sessions")
    assert call["form"]["line_items"][0]["price_data"]["unit_amount"] == asked


def test_a_currency_whose_minor_unit_is_another_at_stripe_is_refused(provider, stand_in):
    with pytest.raises(Refused, match="MGA"):
        provider.checkout(an_order(currency="MGA"))
    assert stand_in.calls("POST", "/v1/checkout/sessions") == []
