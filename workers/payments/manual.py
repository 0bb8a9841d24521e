"""No provider: invoices are paid in some other way, and the operator marks them paid."""

from __future__ import annotations

from engine.errors import Refused
from workers.payments.provider import Event, Link, NoCard, Order, Outcome


class ManualProvider:
    """Charges nothing and shows no page."""

    name = "manual"
    charges = False

    def checkout(self, order: Order) -> Link | None:
        """None: there is no page."""

    def charge(self, order: Order, attempt: int) -> Outcome:
        """NoCard, always."""
        return NoCard()

    def portal(self, account: str, return_url: str) -> str | None:
        """None: there is no page."""

    def event(self, payload: bytes, signature: str) -> Event | None:
        """Refused, always: nobody is known whose word would count."""
        raise Refused("INMAIL_PAYMENTS=manual takes no payment events", code="bad_signature")
