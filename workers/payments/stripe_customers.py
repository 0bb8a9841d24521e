"""One customer at Stripe for each account: kept by its id, found again by our metadata, else made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import stripe

from workers.payments.provider import Order
from workers.payments.stripe_events import ACCOUNT, ENGINE
from workers.payments.stripe_trouble import is_missing


class Customers(Protocol):
    """Where the ids of customers are kept; losing one costs a search at Stripe."""

    def get(self, account: str) -> str | None:
        """The id kept for an account."""

    def set(self, account: str, customer: str) -> None:
        """Keep it, instead of any before."""


@dataclass(frozen=True, slots=True)
class CustomerBook:
    """The customers of one engine. Calls raise StripeError."""

    client: stripe.StripeClient
    kept: Customers
    engine: str

    def find(self, account: str) -> stripe.Customer | None:
        """The account's customer with its default card read along; None where there is none (any more)."""
        return self._find(account, self.kept.get(account))

    def find_or_make(self, order: Order) -> str:
        """The id of the account's customer, made now where there is none; name and address as the order has them."""
        known = self.kept.get(order.account)
        found = self._find(order.account, known)
        customer = self._make(order.account, known) if found is None else found.id
        self.client.v1.customers.update(customer, {"email": order.email, "name": order.name})
        return customer

    def _find(self, account: str, known: str | None) -> stripe.Customer | None:
        if known is not None and (found := self._read(known)) is not None:
            return found
        query = f"metadata['{ENGINE}']:'{self.engine}' AND metadata['{ACCOUNT}']:'{account}'"
        for each in self.client.v1.customers.search({"query": query, "limit": 10}).data:
            # The search lags by a minute: what it names may be gone.
            if (found := self._read(each.id)) is not None:
                self.kept.set(account, found.id)
                return found
        return None

    def _make(self, account: str, lost: str | None) -> str:
        # Two at once make one: they say the same under the same key. Another than the one lost before has another key.
        key = f"{self.engine}:customer:{account}:{lost or ''}"
        made = self.client.v1.customers.create(
            {"metadata": {ENGINE: self.engine, ACCOUNT: account}}, {"idempotency_key": key}
        )
        self.kept.set(account, made.id)
        return made.id

    def _read(self, customer: str) -> stripe.Customer | None:
        try:
            found = self.client.v1.customers.retrieve(customer, {"expand": ["invoice_settings.default_payment_method"]})
        except stripe.InvalidRequestError as error:
            if is_missing(error):
                return None
            raise
        return None if getattr(found, "deleted", False) else found
