"""Stripe: a page where a person pays and leaves a card, and charges of that card. Money is asked for from here alone.

Nothing is decided by what is kept here: before anything is charged or a page is shown, Stripe is asked what it has
of the invoice already. So an answer lost on the way, a page left open or a repeat never takes money twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import stripe
from pydantic import SecretStr

from engine.errors import Refused
from workers.payments.provider import Event, Failed, Link, NoCard, Order, Outcome, Paid, Pending
from workers.payments.stripe_amounts import to_stripe
from workers.payments.stripe_customers import CustomerBook, Customers
from workers.payments.stripe_events import ACCOUNT, ATTEMPT, BY, CARD, ENGINE, INVOICE, PAGE, failure_of, read_event
from workers.payments.stripe_trouble import code_of, is_missing, trouble_told

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams
    from stripe.params.checkout import SessionCreateParams

_TIMEOUT_S: Final = (5.0, 15.0)  # to connect, to answer
_RETRIES: Final = 2
_MOST: Final = 100  # what Stripe gives at once, newest first; an account has far fewer in the life of an invoice
_WHAT_CHARS_MAX: Final = 200
_OF_THE_CARD: Final = frozenset({"amount_too_large", "amount_too_small", "payment_method_unexpected_state"})
"""Refusals that no repeat and no other setting would mend: the person has to pay in another way."""


class StripeProvider:
    """Payments through one Stripe account; shared freely between threads."""

    name = "stripe"
    charges = True

    def __init__(
        self, customers: Customers, *, key: SecretStr, webhook_secret: SecretStr, api: str, engine: str
    ) -> None:
        """``api``: base address of Stripe's API; ``engine``: the namespace, which marks all that is ours at Stripe."""
        self._client = stripe.StripeClient(
            key.get_secret_value(),
            base_addresses={"api": api},
            max_network_retries=_RETRIES,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_S),
        )
        self._secret = webhook_secret
        self._engine = engine
        self._book = CustomerBook(self._client, customers, engine)

    def checkout(self, order: Order) -> Link | None:
        """The page of an order: the open one, else a new one. None: it is paid, or a payment is under way."""
        with trouble_told():
            customer = self._book.find_or_make(order)
            if self._before(order, customer) is not None:
                return None
            pages = self._pages(order, customer)
            for page in pages:
                if page.status == "open" and page.amount_total == _amount(order):
                    return _link(page)
                self._close(page)
            # As many pages as there are before it make the key: two calls at once open one.
            key = f"{self._engine}:page:{order.account}:{order.number}:{len(pages)}"
            return _link(
                self._client.v1.checkout.sessions.create(self._page(order, customer), {"idempotency_key": key})
            )

    def charge(self, order: Order, attempt: int) -> Outcome:
        """Charge the card the customer has made the default, else the one saved last."""
        with trouble_told():
            customer = self._book.find(order.account)
            if customer is None:
                return NoCard()
            before = self._before(order, customer.id)
            if before is not None:
                return before
            card = self._card(customer)
            if card is None:
                return NoCard()
            if self._close_pages(order, customer.id):
                before = self._before(order, customer.id)
            return before or self._attempt(order, attempt, customer.id, card)

    def portal(self, account: str, return_url: str) -> str | None:
        """Stripe's own page for cards and receipts; None for an account that has never paid here."""
        with trouble_told():
            customer = self._book.find(account)
            if customer is None:
                return None
            made = self._client.v1.billing_portal.sessions.create({"customer": customer.id, "return_url": return_url})
            return made.url

    def event(self, payload: bytes, signature: str) -> Event | None:
        """What a webhook's body says, once its signature has been verified; see read_event."""
        secret = self._secret.get_secret_value()
        return read_event(self._client, payload, signature, secret=secret, engine=self._engine)

    def _before(self, order: Order, customer: str) -> Paid | Pending | None:
        """What Stripe has of the order's payment already: one that is through, or one under way."""
        pending: Pending | None = None
        for intent in self._client.v1.payment_intents.list({"customer": customer, "limit": _MOST}).data:
            if not _is_of(intent, order) or intent.status not in ("succeeded", "processing"):
                continue
            if intent.amount != _amount(order) or intent.currency.upper() != order.currency:
                raise Refused(
                    f"invoice {order.number} has a payment of another amount at Stripe: {intent.id}",
                    code="wrong_amount",
                )
            if intent.status == "succeeded":
                return Paid(intent.id)
            pending = Pending(intent.id)
        return pending

    def _attempt(self, order: Order, attempt: int, customer: str, card: stripe.PaymentMethod) -> Outcome:
        asked: PaymentIntentCreateParams = {
            "amount": _amount(order),
            "currency": order.currency.lower(),
            "customer": customer,
            "payment_method": card.id,
            "allowed_payment_method_types": [card.type],
            "confirm": True,
            "off_session": True,
            "description": order.what[:_WHAT_CHARS_MAX],
            "metadata": {**self._metadata(order, CARD), ATTEMPT: str(attempt)},
        }
        key = f"{self._engine}:charge:{order.account}:{order.number}:{attempt}"
        try:
            intent = self._client.v1.payment_intents.create(asked, {"idempotency_key": key})
        except stripe.CardError as error:
            return Failed(code_of(error))
        except stripe.IdempotencyError:
            # This attempt was made with another card, and had it come to anything, _before would have said so.
            return Failed("attempted_before")
        except stripe.InvalidRequestError as error:
            if code_of(error) in _OF_THE_CARD or (is_missing(error) and error.param == "payment_method"):
                return Failed(code_of(error))
            raise
        if intent.status == "succeeded":
            return Paid(intent.id)
        if intent.status == "processing":
            return Pending(intent.id)
        return Failed("authentication_required" if intent.status == "requires_action" else failure_of(intent.to_dict()))

    def _card(self, customer: stripe.Customer) -> stripe.PaymentMethod | None:
        chosen = customer.invoice_settings.default_payment_method if customer.invoice_settings else None
        if isinstance(chosen, stripe.PaymentMethod):
            return chosen
        saved = self._client.v1.payment_methods.list({"customer": customer.id, "type": "card", "limit": _MOST}).data
        return max(saved, key=lambda each: each.created, default=None)

    def _pages(self, order: Order, customer: str) -> list[stripe.checkout.Session]:
        found = self._client.v1.checkout.sessions.list({"customer": customer, "limit": _MOST}).data
        return [page for page in found if _is_of(page, order)]

    def _close_pages(self, order: Order, customer: str) -> bool:
        """Close the order's open pages, so that nobody pays there what is being charged; whether there were any."""
        return sum(self._close(page) for page in self._pages(order, customer)) > 0

    def _close(self, page: stripe.checkout.Session) -> bool:
        """Whether the page was open; refused where it went through or expired in this moment: _before says which."""
        if page.status != "open":
            return False
        with suppress(stripe.InvalidRequestError):
            self._client.v1.checkout.sessions.expire(page.id)
        return True

    def _page(self, order: Order, customer: str) -> SessionCreateParams:
        what = " ".join(order.what.split())[:_WHAT_CHARS_MAX] or order.number
        return {
            "mode": "payment",
            "customer": customer,
            "client_reference_id": order.number,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": order.currency.lower(),
                        "unit_amount": _amount(order),
                        "product_data": {"name": what},
                    },
                }
            ],
            # In another currency, what was paid could not be held against the invoice.
            "adaptive_pricing": {"enabled": False},
            "metadata": self._metadata(order, PAGE),
            # Of the payment itself as well: its own events, and _before, know it by this.
            "payment_intent_data": {"setup_future_usage": "off_session", "metadata": self._metadata(order, PAGE)},
            "success_url": order.return_url,
            "cancel_url": order.return_url,
        }

    def _metadata(self, order: Order, by: str) -> dict[str, str]:
        return {ENGINE: self._engine, ACCOUNT: order.account, INVOICE: order.number, BY: by}


def _is_of(thing: stripe.PaymentIntent | stripe.checkout.Session, order: Order) -> bool:
    marks: dict[str, str] = thing.metadata.to_dict() if thing.metadata else {}
    return (marks.get(ACCOUNT), marks.get(INVOICE)) == (order.account, order.number)


def _amount(order: Order) -> int:
    return to_stripe(order.amount_minor, order.currency)


def _link(page: stripe.checkout.Session) -> Link:
    if not page.url:
        raise Refused("Stripe gave a page without an address", code="payment_refused")
    return Link(page.url, page.id, page.expires_at * 1000)
