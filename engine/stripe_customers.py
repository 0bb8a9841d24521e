"""Which customer of Stripe's an account is. Kept for speed: lost, each is found again at Stripe by its metadata."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store import Store


@dataclass(frozen=True, slots=True)
class StripeCustomers:
    """The ids of Stripe's customers by account. Both calls raise RedisTrouble."""

    store: Store

    def get(self, account: str) -> str | None:
        """The customer of an account; None where none is known."""
        found = self.store.client.hget(self.store.keys.stripe_customers, account)
        return None if found is None else str(found.decode())

    def set(self, account: str, customer: str) -> None:
        """Keep which customer an account is, instead of any before."""
        self.store.client.hset(self.store.keys.stripe_customers, account, customer)
