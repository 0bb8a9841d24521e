"""Damage to a subscription is named in one line, whatever part of it is damaged."""

import orjson
import pytest

from engine import subscriptions
from engine.audit import audit
from engine.credits import log
from engine.payments import record_paid
from tests.subscribing import BUSINESS, EXECUTIVE, OFFER, at, subscribed

pytestmark = pytest.mark.drifts


def a_life(store):
    subscribed(store, BUSINESS)
    record_paid(store, OFFER, "acme", "acme-0001")
    at(store, day=32)
    subscriptions.advance(store, OFFER, "acme")
    subscriptions.change(store, OFFER, "acme", EXECUTIVE)
    assert audit(store, "acme").drift == []


def the_invoice(store, **changes):
    key = store.keys.invoices("acme")
    kept = orjson.loads(store.client.hget(key, "acme-0002"))
    store.client.hset(key, "acme-0002", orjson.dumps(kept | changes))


def the_account(field, value):
    return lambda store: store.client.hset(store.keys.account("acme"), field, value)


def the_subscription(field, value=None):
    def damage(store):
        key = store.keys.subscription("acme")
        store.client.hdel(key, field) if value is None else store.client.hset(key, field, value)

    return damage


DAMAGE = {
    "the account sends on": (the_account("can_send", 0), "the account's can_send"),
    "its contacts": (the_account("simultaneous_contacts", 1), "simultaneous_contacts is 1"),
    "its month": (the_subscription("month", 7), "month s1.7, the log in s1.1"),
    "the terms": (the_subscription("plan", "{"), "the subscription cannot be read"),
    "a field": (the_subscription("grace_until_ms"), "the subscription cannot be read"),
    "an invoice is gone": (
        lambda store: store.client.hdel(store.keys.invoices("acme"), "acme-0002"),
        "3 invoices were issued, 2 are kept",
    ),
    "an invoice's amount": (lambda store: the_invoice(store, due_minor=1), "acme-0002: its amounts do not follow"),
    "an invoice paid beside": (lambda store: the_invoice(store, state="paid"), "acme-0002 is not open"),
    "all of it": (
        lambda store: store.client.delete(store.keys.subscription("acme")),
        "3 invoices without a subscription",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named(store, what):
    a_life(store)
    damage, line = DAMAGE[what]
    damage(store)
    found = audit(store, "acme").drift
    assert any(line in one for one in found), found


def test_a_month_granted_twice_is_named(store):
    a_life(store)
    amendment = subscriptions.open_amendment(store, OFFER, "acme")
    amendment.grant(15, balance=0)
    assert amendment.commit(store, "call:twice")
    assert "month s1.1 was granted 2 times" in audit(store, "acme").drift


def test_a_month_that_does_not_follow_is_named(store):
    a_life(store)
    amendment = subscriptions.open_amendment(store, OFFER, "acme")
    amendment.set(month=5)
    amendment.note("renew", "business monthly")
    assert amendment.commit(store, "call:jump")
    seq = [entry.seq for entry in log(store, "acme")][-1]
    assert audit(store, "acme").drift == [f"log entry {seq} (renew) is of month s1.5, after s1.1"]
