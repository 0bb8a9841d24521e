"""Webhooks of Stripe: the signature by its documented scheme, and what an event says of an invoice of ours."""

import queue
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from engine.errors import Refused
from tests.workers.payments.conftest import SECRET, an_event, an_order, provider_at, signed
from workers.payments.provider import Event

PAGE = {"engine": "inmail", "account": "acme", "invoice": "acme-0001", "by": "page"}
CARD = PAGE | {"by": "card"}
INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 2495, "currency": "usd", "metadata": CARD}
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "amount_total": 2495,
    "currency": "usd",
    "metadata": PAGE,
    "payment_intent": "pi_1",
    "payment_status": "paid",
}
PAID = Event("paid", "acme", "acme-0001", 2495, "USD", "pi_1", "evt_1")
DECLINED = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "No money, Ada Lovelace"}


@pytest.fixture
def provider(store):
    """A provider nobody has to answer to: events are read without a call."""
    return provider_at("http://127.0.0.1:1", store)


def read(provider, kind, told, **changed):
    payload = an_event(kind, told)
    return provider.event(payload, signed(payload, **changed))


def test_a_page_paid_for_is_a_payment_with_its_amount_and_reference(provider):
    assert read(provider, "checkout.session.completed", SESSION) == PAID


def test_all_events_of_one_payment_have_the_same_reference(provider):
    late = read(provider, "checkout.session.async_payment_succeeded", SESSION)
    charged = read(provider, "payment_intent.succeeded", INTENT | {"amount_received": 2495})
    whole = read(provider, "checkout.session.completed", SESSION | {"payment_intent": INTENT})
    assert late == charged == whole == PAID


def test_an_event_sent_again_says_the_same_under_the_same_id(provider):
    first = read(provider, "payment_intent.succeeded", INTENT)
    again = read(provider, "payment_intent.succeeded", INTENT, at_s=int(time.time()) - 200)
    assert first == again == PAID


def test_what_was_received_counts_not_what_was_asked(provider):
    found = read(provider, "payment_intent.succeeded", INTENT | {"amount_received": 2000})
    assert found.amount_minor == 2000


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("jpy", 500, 500), ("isk", 50000, 500), ("isk", 50050, 50050)]
)
def test_an_events_amount_is_in_our_minor_units_where_that_is_a_whole_number(provider, currency, amount, minor):
    found = read(provider, "payment_intent.succeeded", INTENT | {"currency": currency, "amount": amount})
    assert (found.amount_minor, found.currency) == (minor, currency.upper())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DECLINED, "insufficient_funds"),
        ({"code": "authentication_required"}, "authentication_required"),
        ({"code": "No such word!"}, "payment_failed"),
        (None, "payment_failed"),
    ],
)
def test_a_failed_charge_is_told_with_stripes_word_for_it(provider, error, reason):
    found = read(provider, "payment_intent.payment_failed", INTENT | {"last_payment_error": error})
    assert (found.kind, found.number, found.reason) == ("failed", "acme-0001", reason)


def test_a_payment_of_a_page_that_comes_to_nothing_days_later_has_failed(provider):
    found = read(provider, "checkout.session.async_payment_failed", SESSION | {"payment_status": "unpaid"})
    assert (found.kind, found.reference, found.reason) == ("failed", "pi_1", "payment_failed")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("checkout.session.completed", SESSION | {"payment_status": "unpaid"}),
        ("payment_intent.payment_failed", INTENT | {"metadata": PAGE}),
        ("checkout.session.expired", SESSION),
        ("payment_intent.created", INTENT),
        ("payment_intent.succeeded", INTENT | {"metadata": {}}),
        ("payment_intent.succeeded", INTENT | {"metadata": None}),
        ("payment_intent.succeeded", INTENT | {"metadata": CARD | {"engine": "staging"}}),
        ("payment_intent.succeeded", INTENT | {"metadata": {"engine": "inmail", "account": "acme"}}),
        (
            "customer.updated",
            {"id": "cus_1", "object": "customer", "metadata": {"engine": "inmail", "account": "acme"}},
        ),
        ("something.new", {"id": "x"}),
    ],
)
def test_what_is_none_of_ours_or_decides_nothing_is_nothing(provider, kind, told):
    assert read(provider, kind, told) is None


def is_refused(provider, payload, signature):
    with pytest.raises(Refused) as caught:
        provider.event(payload, signature)
    assert SECRET not in str(caught.value)
    return caught.value.code == "bad_signature"


def test_a_signature_made_with_another_secret_is_refused(provider):
    payload = an_event("payment_intent.succeeded", INTENT)
    assert is_refused(provider, payload, signed(payload, secret="whsec_another"))


def test_a_body_altered_after_it_was_signed_is_refused(provider):
    payload = an_event("payment_intent.succeeded", INTENT)
    assert is_refused(provider, payload.replace(b"2495", b"1"), signed(payload))


def test_a_signature_older_than_five_minutes_is_refused(provider):
    payload, now_s = an_event("payment_intent.succeeded", INTENT), int(time.time())
    assert provider.event(payload, signed(payload, at_s=now_s - 290)) == PAID
    assert is_refused(provider, payload, signed(payload, at_s=now_s - 310))


def test_a_time_put_forward_without_the_secret_is_refused(provider):
    payload, now_s = an_event("payment_intent.succeeded", INTENT), int(time.time())
    old = signed(payload, at_s=now_s - 4000)
    assert is_refused(provider, payload, old.replace(f"t={now_s - 4000}", f"t={now_s}"))


@pytest.mark.parametrize(
    "signature", ["", "v1=", "t=1", "t=x,v1=y", "é", "t=1,v1=é", "t=" + "9" * 5000 + ",v1=a", "\0"]
)
def test_a_signature_that_is_missing_or_none_is_refused(provider, signature):
    assert is_refused(provider, an_event("payment_intent.succeeded", INTENT), signature)


def test_the_scheme_of_before_is_not_taken_for_the_one_of_today(provider):
    payload = an_event("payment_intent.succeeded", INTENT)
    assert is_refused(provider, payload, signed(payload).replace("v1=", "v0="))


def test_one_right_signature_of_several_is_enough_while_a_secret_is_replaced(provider):
    payload = an_event("payment_intent.succeeded", INTENT)
    other = signed(payload, secret="whsec_another").partition(",")[2]
    assert provider.event(payload, signed(payload).replace(",", f",{other},", 1)) == PAID


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"", b"no json"])
def test_a_body_that_is_no_event_is_refused_even_when_signed(provider, payload):
    assert is_refused(provider, payload, signed(payload))


@pytest.fixture
def inbox():
    """A server that takes what is posted to it: its address, and a queue of body and signature."""
    arrived: queue.Queue = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            arrived.put((body, self.headers["Stripe-Signature"]))

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", arrived
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_what_the_stand_in_signs_and_sends_is_read(stand_in, store, inbox):
    url, arrived = inbox
    provider = provider_at(stand_in.url, store)
    hook = {"url": url, "secret": SECRET, "events": ["payment_intent.succeeded"]}
    stand_in.ask("/_config/webhooks/one", hook)
    paid = stand_in.pay(provider.checkout(an_order()))

    # It sends a second late, so that payments of the tests before may arrive here first.
    sent = iter(lambda: arrived.get(timeout=20), None)
    found = next(event for event in (provider.event(*each) for each in sent) if event.reference == paid["intent"]["id"])
    assert (found.kind, found.number, found.amount_minor, found.currency) == ("paid", "acme-0001", 2495, "USD")


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"null", b'{"type": "x", "data": 1}', b'{"id": "e", "type": "x"}'])
def test_what_is_signed_and_no_event_decides_nothing(provider, payload):
    with suppress(Refused):
        assert provider.event(payload, signed(payload)) is None
