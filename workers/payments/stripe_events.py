"""Stripe's webhooks: the signature first, then what an event says of one of our invoices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import stripe

from engine.errors import Refused
from workers.payments.provider import Event
from workers.payments.stripe_amounts import from_stripe
from workers.payments.stripe_trouble import word

ENGINE: Final = "engine"
"""In the metadata of all we make at Stripe: which engine (namespace) it is of; two may share a Stripe account."""
ACCOUNT: Final = "account"
INVOICE: Final = "invoice"
ATTEMPT: Final = "attempt"
"""In the metadata of a charge of the saved card: which attempt of ours it is."""
BY: Final = "by"
"""In the metadata of a payment: whether a person pays on a page, or the saved card was charged."""
PAGE: Final = "page"
CARD: Final = "card"

TOLERANCE_S: Final = 300
"""An event signed longer ago is refused; a redelivered one is signed anew."""


def read_event(
    client: stripe.StripeClient, payload: bytes, signature: str, *, secret: str, engine: str
) -> Event | None:
    """The event in the body of a webhook; None for one of no invoice of this engine, or that decides nothing.

    Errors: Refused, code bad_signature.
    """
    found = _verified(client, payload, signature, secret)
    try:
        told: dict[str, Any] = found.data.object.to_dict()
    except AttributeError:  # signed, but of a shape no event has: there is nothing in it to decide by
        return None
    if _text(told, "metadata", ENGINE) != engine:
        return None
    if found.type.startswith("checkout.session."):
        return _of_session(found.id, found.type, told)
    return _of_intent(found.id, found.type, told)


def _verified(client: stripe.StripeClient, payload: bytes, signature: str, secret: str) -> stripe.Event:
    try:
        if signature.isascii():  # the library's comparison takes nothing else
            return client.construct_event(payload, signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError, AttributeError, TypeError):
        pass  # the last three: a body that is no text, no JSON, or no object
    raise Refused("the signature of this event is wrong, missing or too old", code="bad_signature")


def _of_session(event_id: str, kind: str, session: Mapping[str, Any]) -> Event | None:
    """A page was gone through. Its payment may take days yet; that is told by another event."""
    reference = _reference(session.get("payment_intent")) or str(session["id"])
    if kind == "checkout.session.async_payment_failed":
        return _event(event_id, session, "failed", session.get("amount_total"), reference, "payment_failed")
    done = kind == "checkout.session.completed" and session.get("payment_status") == "paid"
    if done or kind == "checkout.session.async_payment_succeeded":
        return _event(event_id, session, "paid", session.get("amount_total"), reference)
    return None


def _of_intent(event_id: str, kind: str, intent: Mapping[str, Any]) -> Event | None:
    if kind == "payment_intent.succeeded":
        received = intent.get("amount_received", intent.get("amount"))
        return _event(event_id, intent, "paid", received, str(intent["id"]))
    # A card refused on a page is not the end: the person stands before it and may take another.
    if kind == "payment_intent.payment_failed" and _text(intent, "metadata", BY) == CARD:
        failed = _event(event_id, intent, "failed", intent.get("amount"), str(intent["id"]), failure_of(intent))
        attempt = _text(intent, "metadata", ATTEMPT)
        return replace(failed, attempt=int(attempt)) if failed and attempt.isdecimal() else failed
    return None


def failure_of(intent: Mapping[str, Any]) -> str:
    """Why a payment failed, as Stripe's code: the bank's where there is one."""
    error = intent.get("last_payment_error")
    error = error if isinstance(error, Mapping) else {}
    return word(error.get("decline_code")) or word(error.get("code")) or "payment_failed"


def _event(
    event_id: str, told: Mapping[str, Any], kind: Any, amount: Any, reference: str, reason: str = ""
) -> Event | None:
    account, number = _text(told, "metadata", ACCOUNT), _text(told, "metadata", INVOICE)
    currency = str(told.get("currency") or "").upper()
    if not account or not number or not isinstance(amount, int):
        return None
    return Event(kind, account, number, from_stripe(amount, currency), currency, reference, event_id, reason)


def _reference(intent: Any) -> str:
    """The id of a payment, which Stripe gives alone or with all that belongs to it."""
    return str(intent.get("id", "")) if isinstance(intent, Mapping) else str(intent or "")


def _text(told: Mapping[str, Any], *path: str) -> str:
    found: Any = told
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
