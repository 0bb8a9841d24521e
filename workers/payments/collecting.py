"""Collecting: an invoice's money is asked for with the saved card, and what a provider says becomes what we record."""

from __future__ import annotations

from typing import Final

import structlog

from config.settings import Settings
from engine import payments
from engine.accounts import get_account
from engine.errors import NotFound, Refused
from engine.invoices import Invoice, get_invoice
from engine.offer import Offer
from engine.store import Store
from engine.subscription import read
from engine.subscriptions import Outcome
from workers.payments.choose import provider_of
from workers.payments.provider import Event, Failed, Link, NoCard, Order, Paid, PaymentProvider
from workers.runtime import the_offer

log = structlog.get_logger("inmail.payments")

TOO_SMALL: Final = "amount_too_small"
"""What a provider says of an amount below what it can charge: the rest of an upgrade on a month's last day, for one."""
WAIVED: Final = "too small to be charged, waived"


class Collector:
    """Asks one provider for the money of invoices. Every call may be made again: what is paid is not charged twice."""

    def __init__(self, store: Store, offer: Offer, provider: PaymentProvider, public_url: str) -> None:
        self.store, self.offer, self.provider, self.public_url = store, offer, provider, public_url

    def collect(self, account: str, number: str, attempt: int) -> Outcome | None:
        """Charge the saved card for an invoice, and record what came of it; None where nothing is decided yet.

        Errors: Unavailable where the provider does not answer: to be called again, with the same attempt.
        """
        try:
            invoice = get_invoice(self.store, account, number)
        except NotFound:
            log.info("payment.gone", account=account, invoice=number)
            return None
        if invoice.state != "open":
            return None
        done = self.provider.charge(self.order(invoice), attempt)
        if isinstance(done, Paid):
            return self._paid(invoice, done.reference)
        if isinstance(done, Failed) and done.reason == TOO_SMALL:
            return self._paid(invoice, WAIVED)
        if isinstance(done, Failed | NoCard):
            reason = done.reason if isinstance(done, Failed) else "no saved card"
            return self._failed(account, number, reason, attempt)
        log.info("payment.pending", account=account, invoice=number)
        return None

    def checkout(self, account: str, number: str) -> Link | None:
        """The page where a person pays an invoice, also one that was given up and is owed; None where nothing is, or
        the provider has no such page."""
        invoice = get_invoice(self.store, account, number)
        sub = read(self.store, account)
        owed = invoice.state == "open" or (sub is not None and number in sub.debts)
        return self.provider.checkout(self.order(invoice)) if owed else None

    def portal(self, account: str) -> str | None:
        """The page where an account's person sees to cards; None where the provider has none."""
        get_account(self.store, account)
        return self.provider.portal(account, self.public_url)

    def take(self, event: Event) -> Outcome | None:
        """Record what a provider reports by itself; twice is once. None where it speaks of nothing we know.

        An amount that is not what was due is refused, and told to the operator.
        """
        try:
            if event.kind == "failed":
                return self._failed(event.account, event.number, event.reason or "failed", event.attempt)
            return payments.record_paid(
                self.store,
                self.offer,
                event.account,
                event.number,
                reference=event.reference,
                amount_minor=event.amount_minor,
                currency=event.currency,
            )
        except NotFound:
            log.warning("payment.unknown", account=event.account, invoice=event.number, event_id=event.event_id)
            return None
        except Refused as refused:
            log.error("payment.wrong", event_id=event.event_id, detail=str(refused))
            raise

    def order(self, invoice: Invoice) -> Order:
        """What a provider is told of an invoice: amount and currency are the invoice's, whoever asks."""
        owner = get_account(self.store, invoice.account)
        what = "; ".join(line.what for line in invoice.lines if line.amount_minor > 0)
        return Order(
            invoice.account,
            owner.email,
            owner.name,
            invoice.number,
            invoice.due_minor,
            invoice.currency,
            what,
            self.public_url,
        )

    def _paid(self, invoice: Invoice, reference: str) -> Outcome:
        log.info("payment.paid", account=invoice.account, invoice=invoice.number)
        return payments.record_paid(self.store, self.offer, invoice.account, invoice.number, reference=reference)

    def _failed(self, account: str, number: str, reason: str, attempt: int | None) -> Outcome:
        log.warning("payment.failed", account=account, invoice=number, reason=reason)
        return payments.record_failed(self.store, self.offer, account, number, reason=reason, attempt=attempt)


def collector(store: Store, settings: Settings) -> Collector:
    """The collector the settings name: their provider, their terms."""
    return Collector(store, the_offer(settings), provider_of(settings, store), settings.public_url)
