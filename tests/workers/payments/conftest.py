"""Stripe's stand-in as a server of this session's own, a provider that speaks to it, events signed as Stripe's."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import fakeredis
import pytest
from pydantic import SecretStr

from engine.store import Store
from engine.stripe_customers import StripeCustomers
from workers.payments.provider import Order
from workers.payments.stripe_provider import StripeProvider

KEY = "sk_test_thekeythatnobodymaysee"
SECRET = "whsec_thesecretthatnobodymaysee"
ROOT = Path(__file__).parent.parent.parent.parent


@dataclass(frozen=True)
class StandIn:
    """The running stand-in, seen from a test."""

    url: str

    def ask(self, path, data=None, *, method=None):
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, body, {"Authorization": "Bearer sk_test_test"}, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def calls(self, method, path):
        """What was asked of it there, oldest first."""
        return [call for call in self.ask("/_config/calls") if (call["method"], call["path"]) == (method, path)]

    def pay(self, link, method="pm_card_visa"):
        """Pay on a page as a person does, with a card which is then saved."""
        return self.ask(f"/_config/pay/{link.reference}/{method}", {})

    def charges(self):
        """The payments that went through."""
        return [one for one in self.ask("/v1/payment_intents?limit=100")["data"] if one["status"] == "succeeded"]

    def save_card(self, account, method):
        """A card saved for an account's customer, as it comes from Stripe's portal."""
        (customer,) = [one for one in self.ask("/v1/customers")["data"] if one["metadata"]["account"] == account]
        card = method if isinstance(method, str) else self.ask("/v1/payment_methods", method)["id"]
        if not card.startswith("pm_card"):
            self.ask(f"/v1/payment_methods/{card}/attach", {"customer": customer["id"]})
        return customer["id"], card


@pytest.fixture(scope="session")
def stripe_server() -> Iterator[str]:
    """The address of a stand-in of Stripe's API of this session's own, ended with it."""
    if find_spec("localstripe") is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have localstripe: it is among the dev dependencies")
        pytest.skip("localstripe, the stand-in of Stripe's API, is not installed")
    command = [sys.executable, "-m", "tests.workers.payments.stand_in"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port, "the stand-in did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.communicate(timeout=10)  # closes its standard input, which ends it


@pytest.fixture
def stand_in(stripe_server) -> StandIn:
    """The stand-in, with nothing in it."""
    made = StandIn(stripe_server)
    made.ask("/_config/data", method="DELETE")
    return made


@pytest.fixture
def store() -> Store:
    return Store(fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0)))


def provider_at(url, store, *, key=KEY, engine="inmail", customers=None):
    return StripeProvider(
        customers or StripeCustomers(store),
        key=SecretStr(key),
        webhook_secret=SecretStr(SECRET),
        api=url,
        engine=engine,
    )


@pytest.fixture
def provider(stand_in, store):
    return provider_at(stand_in.url, store)


@pytest.fixture
def no_pause(monkeypatch):
    """Stripe's library tries again at once."""
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0)
    monkeypatch.setattr("stripe.HTTPClient.MAX_DELAY", 0)


def an_order(number="acme-0001", *, account="acme", **changed):
    facts = {"email": "ada@example.org", "name": "Ada", "amount_minor": 2495, "currency": "USD", "what": "Business"}
    facts |= {"return_url": "https://mail.example.org/billing"}
    return Order(account=account, number=number, **(facts | changed))


def signed(payload, *, secret=SECRET, at_s=None):
    """The header Stripe sends with a body, by its documented scheme."""
    at_s = int(time.time()) if at_s is None else at_s
    mac = hmac.new(secret.encode(), b"%d.%s" % (at_s, payload), hashlib.sha256).hexdigest()
    return f"t={at_s},v1={mac}"


def an_event(kind, told, *, event_id="evt_1"):
    """The body of a webhook."""
    return json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": told}}).encode()
