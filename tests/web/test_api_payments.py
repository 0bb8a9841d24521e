"""Paying over HTTP: Stripe's stand-in, its pages, its signed events; and what is told where nothing is paid so."""

import pytest
import redis
from pydantic import SecretStr

from config.settings import Settings
from engine import api_keys, opening
from engine.invoices import get_invoice
from engine.subscription import read
from tests.subscribing import BASIC, BUSINESS
from tests.web.conftest import opened, problem
from tests.workers.payments.conftest import KEY, SECRET, an_event, signed, stand_in, stripe_server  # noqa: F401
from web.documents_billing import PaymentPage

pytestmark = pytest.mark.redis


@pytest.fixture
def api(stage, redis_url, stand_in):  # noqa: F811
    terms = Settings(
        api_rate=100_000,
        api_burst=1_000_000,
        payments="stripe",
        stripe_key=SecretStr(KEY),
        stripe_webhook_secret=SecretStr(SECRET),
        stripe_api=stand_in.url,
    )
    yield from opened(stage, redis_url, terms)


@pytest.fixture
def ordered(api):
    """A caller for acme, which has ordered a plan and not paid for it yet."""
    opening.open_account(api.store, "acme", email="acme@example.org", name="Acme", plan=BASIC)
    caller = api.caller("acme")
    answer = caller.post("/v1/subscription", json={"plan": "business"})
    assert answer.json()["subscription"]["state"] == "incomplete"
    return caller


def told_by_stripe(api, payload, signature=None):
    headers = {"Stripe-Signature": signed(payload) if signature is None else signature}
    return api.client().post("/webhooks/stripe", content=payload, headers=headers)


def paid(stand_in, page):  # noqa: F811
    """Pay on a page as a person does; returns Stripe's session after it."""
    (session,) = [one for one in sessions(stand_in) if one["url"] == page["url"]]
    stand_in.ask(f"/_config/pay/{session['id']}/pm_card_visa", {})
    return next(one for one in sessions(stand_in) if one["id"] == session["id"])


def sessions(stand_in):  # noqa: F811
    return stand_in.ask("/v1/checkout/sessions?limit=100")["data"]


def test_an_order_is_paid_on_a_page_and_begins_by_the_event(api, ordered, stand_in):  # noqa: F811
    page = ordered.post("/v1/invoices/acme-0001/checkout")
    PaymentPage.model_validate(page.json())
    payload = an_event("checkout.session.completed", paid(stand_in, page.json()))

    for _ in range(2):
        assert told_by_stripe(api, payload).status_code == 204

    assert read(api.store, "acme").state == "active"
    assert get_invoice(api.store, "acme", "acme-0001").state == "paid"
    assert ordered.get("/v1/credits").json()["available"] == 15
    problem(ordered.post("/v1/invoices/acme-0001/checkout"), 409, "no_page")
    assert ordered.post("/v1/subscription/portal").json()["url"].startswith("http")


FORGED = {
    "none": lambda: "",
    "too old": lambda: "t=1,v1=00",
    "nonsense": lambda: "nonsense",
    "another body": lambda: signed(b"{}"),
    "another secret": lambda: signed(b"{}", secret="whsec_other"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_what_stripe_did_not_sign_is_refused_and_changes_nothing(api, ordered, forged):
    signature = FORGED[forged]()
    payload = an_event("checkout.session.completed", {"id": "cs_1"})
    problem(told_by_stripe(api, payload, signature), 400, "bad_signature")
    assert read(api.store, "acme").state == "incomplete"


def test_another_amount_is_not_recorded_however_often_it_is_sent(api, ordered, stand_in):  # noqa: F811
    page = ordered.post("/v1/invoices/acme-0001/checkout").json()
    payload = an_event("checkout.session.completed", paid(stand_in, page) | {"amount_total": 1})
    for _ in range(2):
        assert told_by_stripe(api, payload).status_code == 204
    assert read(api.store, "acme").state == "incomplete"


def test_an_event_that_is_none_of_ours_is_taken_and_passed_over(api, ordered):
    payload = an_event("customer.created", {})
    assert told_by_stripe(api, payload).status_code == 204


def test_a_key_that_may_only_read_opens_no_page(api, ordered):
    key = api_keys.create(api.store, "acme", scopes=["billing:read"])
    reading = api.client({"Authorization": f"Bearer {key}"})
    problem(reading.post("/v1/invoices/acme-0001/checkout"), 403, "no_scope")


def test_anothers_invoice_has_no_page(api, ordered):
    opening.open_account(
        api.store, "globex", email="g@example.org", name="G", plan=BUSINESS, offer=api.app.state.services.offer
    )
    problem(ordered.post("/v1/invoices/globex-0001/checkout"), 404, "no_invoice")


def test_where_an_operator_says_what_was_paid_there_is_no_page(stage, redis_url):
    for api in opened(stage, redis_url, Settings(api_rate=100_000, api_burst=1_000_000)):
        opening.open_account(api.store, "acme", email="a@example.org", name="A", plan=BUSINESS)
        caller = api.caller("acme")
        problem(caller.post("/v1/invoices/acme-0001/checkout"), 409, "no_page")
        problem(caller.post("/v1/subscription/portal"), 409, "no_page")
        problem(told_by_stripe(api, b"{}"), 400, "bad_signature")


def test_while_redis_is_away_the_event_is_to_be_sent_again(api, ordered, monkeypatch):
    event = an_event("payment_intent.succeeded", {"id": "pi_1"})
    collector = api.app.state.services.collector
    monkeypatch.setattr(collector.provider, "event", lambda *_: object())

    def away(_):
        raise redis.ConnectionError("away")

    monkeypatch.setattr(collector, "take", away)
    problem(told_by_stripe(api, event), 503, "unavailable")
