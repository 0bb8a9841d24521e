"""Renewing: subscriptions whose time has come go on, and payments that are due are sent for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from engine import agenda, payments, subscriptions
from engine.offer import Offer
from engine.store import Store
from engine.subscription import Subscription

_ACCOUNTS_A_TURN = 64
_LOOK_AGAIN_MS = 60_000
"""An account whose subscription cannot be carried on, as something of it is damaged, is tried again after so long."""

Going = Callable[..., AbstractContextManager[None]]
"""Keeps one account's damage from the others, under a name for the log."""


class Renewer:
    """Carries subscriptions on. ``collect`` sends for a payment: account, number of its invoice, attempt."""

    def __init__(self, store: Store, offer: Offer, collect: Callable[[str, str, int], None]) -> None:
        self.store, self.offer, self.collect = store, offer, collect

    def turn(self, going_on: Going) -> int:
        """Carry on with the subscriptions of which something is due, as many as one turn takes; returns how many."""
        due = agenda.renewals_due(self.store, most=_ACCOUNTS_A_TURN, look_again_ms=_LOOK_AGAIN_MS)
        for account in due:
            with going_on("subscription.broken", account=account):
                self.carry_on(account)
        return len(due)

    def carry_on(self, account: str) -> Subscription | None:
        """Let everything happen that is due in one account's subscription, and send for a payment that is."""
        sub = subscriptions.advance(self.store, self.offer, account)
        if sub is None:
            return None
        if self.offer.charges and (attempt := payments.take_attempt(self.store, self.offer, account)):
            self.collect(account, attempt.number, attempt.attempt)
        return sub
