"""What a payment provider is: where a person pays, an attempt with the saved card, and what it reports by itself.

No list of events is kept: an event may be read twice, and engine.payments makes twice once by the invoice's own state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.errors import Invalid


@dataclass(frozen=True, slots=True)
class Order:
    """One invoice to be paid. ``amount_minor`` in whole minor units of ``currency`` (ISO 4217, capitals), above 0;
    ``what`` is shown to the person; ``return_url`` is where the person's browser goes afterwards, paid or not."""

    account: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    number: str
    amount_minor: int
    currency: str
    what: str
    return_url: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise Invalid(f"invoice {self.number}: there is nothing to pay", code="bad_amount")


@dataclass(frozen=True, slots=True)
class Link:
    """A page where one person pays one invoice; whoever has the address can pay there. ``expires_at_ms`` 0 = never."""

    url: str = field(repr=False)
    reference: str
    expires_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is there; ``reference`` is what the provider calls the payment."""

    reference: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; ``reason`` is a stable word or two of the provider's, such as ``card_declined``."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """It is under way, days perhaps: an event will tell."""

    reference: str


@dataclass(frozen=True, slots=True)
class NoCard:
    """Nothing was attempted: there is no saved card to charge."""


Outcome = Paid | Failed | Pending | NoCard


@dataclass(frozen=True, slots=True)
class Event:
    """What a provider reports of one invoice. ``reference`` is the payment's, the same in all events of one payment
    and in ``Paid``; ``reason`` is told of a failed one, and
    ``attempt`` which of ours it was: what the call that made it was answered is told once more by its event."""

    kind: Literal["paid", "failed"]
    account: str
    number: str
    amount_minor: int
    currency: str
    reference: str
    event_id: str
    reason: str = ""
    attempt: int | None = None


class PaymentProvider(Protocol):
    """One way of being paid; shared freely between threads. Every call but ``event`` may go over the network.

    Errors of those: Unavailable when the provider does not answer or does not take our key (a repeat is safe);
    Refused when it does not take the order.
    """

    @property
    def name(self) -> str:
        """The word INMAIL_PAYMENTS knows it by."""

    @property
    def charges(self) -> bool:
        """Whether it charges by itself; where it does not, an operator tells what was paid."""

    def checkout(self, order: Order) -> Link | None:
        """Where a person pays this order, the same page as long as it is open; a card used there is saved for later.

        None: there is no such page, or the order is paid already or about to be.
        """

    def charge(self, order: Order, attempt: int) -> Outcome:
        """Charge the saved card, once for each attempt of an invoice however often it is called.

        What was paid before, in whatever way, is not charged again; a page still open for the order is closed.
        """

    def portal(self, account: str, return_url: str) -> str | None:
        """A page where the account's person sees to cards and receipts; None where there is none."""

    def event(self, payload: bytes, signature: str) -> Event | None:
        """What the body of a webhook says; None where it is about nothing of ours or nothing that is decided.

        Errors: Refused, code bad_signature, for a wrong, old or missing signature.
        """
