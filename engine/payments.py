"""Payments: what became of one, as an operator or a payment provider says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine import course
from engine.amendment import Amendment
from engine.errors import Invalid, Refused
from engine.invoices import Invoice
from engine.money import half_up
from engine.offer import Offer
from engine.proration import days, days_left
from engine.store import Store
from engine.subscription import ACTIVE, INCOMPLETE, PAST_DUE, Subscription
from engine.subscriptions import Outcome, transition

_TEXT_CHARS_MAX = 200


def record_paid(
    store: Store,
    offer: Offer,
    account: str,
    number: str,
    *,
    reference: str = "",
    amount_minor: int | None = None,
    currency: str | None = None,
) -> Outcome:
    """An invoice was paid; twice is once. Where nothing is overdue any more, the subscription is as it was before.

    What a provider says was paid must be what was due. Of what is paid for one that was given up, the account's balance
    gets what nothing was given for.

    Errors: NotFound; Refused wrong_amount, paid_otherwise where it was paid under another reference; Invalid
    for a bad reference.
    """
    text = _line(reference, "a reference")

    def act(amendment: Amendment) -> None:
        invoice = amendment.invoice(number)
        if (amount_minor, currency) != (None, None) and (amount_minor, currency) != (
            invoice.due_minor,
            invoice.currency,
        ):
            raise Refused(
                f"{amount_minor} {currency} were paid for invoice {number}, on which {invoice.due_minor} "
                f"{invoice.currency} are due (minor units): look into it with the payment provider",
                code="wrong_amount",
                facts={"paid_minor": amount_minor, "due_minor": invoice.due_minor},
            )
        if invoice.state == "paid":
            if text and invoice.reference and text != invoice.reference:
                raise Refused(
                    f"invoice {number} was paid before, as {invoice.reference}: where this is another payment, pay it "
                    "back",
                    code="paid_otherwise",
                )
            amendment.issued = invoice
            return
        it = amendment.it
        if invoice.state == "uncollectible" and invoice.currency == it.plan.currency:
            amendment.set(balance_minor=it.balance_minor + _not_given(invoice, it))
        amendment.set(debts=tuple(debt for debt in it.debts if debt != number))
        wanted = any(one.number == number for one in it.unpaid)
        paid = replace(invoice, state="paid", paid_at_ms=amendment.now_ms, reference=text)
        amendment.put_invoice(paid)
        left = tuple(one for one in amendment.it.unpaid if one.number != number)
        try_at = amendment.now_ms if left and amendment.offer.charges else 0
        amendment.set(unpaid=left, attempt=0, try_at_ms=try_at)
        amendment.note("paid", f"invoice {number}" + (f", {text}" if text else ""))
        if wanted:  # else it is of an order or a subscription that is over
            course.recover(amendment)
        amendment.issued = paid

    return transition(store, offer, account, act)


def _not_given(invoice: Invoice, ended: Subscription) -> int:
    """How much of what is paid for an invoice that was given up was for nothing: the days of its period after the last
    month whose credits came, all of them where it never began. Minor units."""
    if invoice.number not in ended.debts:
        return invoice.due_minor
    start_ms, end_ms = invoice.lines[0].start_ms, invoice.lines[0].end_ms
    left = days_left(ended.month_end_ms, start_ms, end_ms)
    # A period of less than half a day, the rest an upgrade was for, has no days at all.
    return half_up(invoice.due_minor * left, days(start_ms, end_ms)) if left else 0


def record_failed(
    store: Store, offer: Offer, account: str, number: str, *, reason: str, attempt: int | None = None
) -> Outcome:
    """The payment of an invoice failed: the grace period begins, in which it is tried again.

    ``attempt`` is which one failed, as a charging provider knows: told twice, by whatever way, it counts once.

    Nothing happens for an invoice that is not open any more. Errors: NotFound; Invalid for a bad reason.
    """
    text = _line(reason, "a reason")

    def act(amendment: Amendment) -> None:
        invoice, sub = amendment.invoice(number), amendment.it
        amendment.issued = invoice
        if not any(one.number == number for one in sub.unpaid) or sub.state == INCOMPLETE:
            return
        if attempt is not None and attempt != sub.attempt:
            return
        failed = tuple(replace(one, failed=True) if one.number == number else one for one in sub.unpaid)
        first = not any(one.failed for one in sub.unpaid if one.number == number)
        amendment.set(unpaid=failed)
        if sub.state == ACTIVE:
            course.fall_due(amendment, amendment.now_ms, f"the payment of invoice {number} failed: {text}")
        elif first or amendment.offer.charges:
            amendment.note("past_due", f"the payment of invoice {number} failed: {text}")
        if amendment.offer.charges and amendment.it.state == PAST_DUE:
            course.try_again(amendment)

    return transition(store, offer, account, act)


def _line(text: str, what: str) -> str:
    text = " ".join(text.split())
    if len(text) > _TEXT_CHARS_MAX or not text.isprintable():
        raise Invalid(f"{what} has at most {_TEXT_CHARS_MAX} printable characters", code="bad_text")
    return text


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to be paid for an invoice: ``attempt`` counts from 0, and names it to the provider."""

    number: str
    attempt: int


def take_attempt(store: Store, offer: Offer, account: str) -> Attempt | None:
    """The attempt that is due for the account's oldest unpaid invoice, or None.

    It is taken for a while: what comes of it is recorded, or it is taken again, under the same name.
    """
    taken: list[Attempt] = []

    def act(amendment: Amendment) -> None:
        taken.clear()
        sub = amendment.sub
        if sub is None or not sub.unpaid or not 0 < sub.try_at_ms <= amendment.now_ms:
            return
        taken.append(Attempt(sub.unpaid[0].number, sub.attempt))
        amendment.set(try_at_ms=amendment.now_ms + course.RETRY_UNHEARD_MS)

    transition(store, offer, account, act)
    return taken[0] if taken else None
