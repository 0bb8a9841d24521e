"""Invoices: what is charged, the tax on it, what the account's balance pays of it; made once, read from Redis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal, cast

import orjson

from engine.errors import Invalid, NotFound
from engine.money import half_up, major, money
from engine.periods import months_of
from engine.plans import Plan
from engine.store import Store

__all__ = [
    "CSV_COLUMNS",
    "Invoice",
    "Line",
    "State",
    "csv_rows",
    "fee_line",
    "fee_of",
    "from_json",
    "get_invoice",
    "list_invoices",
    "make",
    "money",
    "number_of",
    "to_json",
]

State = Literal["open", "paid", "uncollectible"]

CSV_COLUMNS: Final = (
    *("number", "account", "state", "issued_at", "due_at", "paid_at", "currency"),
    *("subtotal", "tax", "total", "due", "to_pay", "reference"),
)
"""What the cells of ``csv_rows`` are, in order. ``due`` is what was to be paid at first, ``to_pay`` what still is."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing charged, or given back where the amount is negative, and the time it is for."""

    what: str
    amount_minor: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice. ``paid_at_ms`` is 0 while nothing was paid; ``tax_percent`` as written in the settings: '7.7'.

    ``total_minor`` below 0 is what went to the account's balance; then nothing is due.
    """

    number: str
    account: str
    state: State
    issued_at_ms: int
    due_at_ms: int
    paid_at_ms: int
    currency: str
    lines: tuple[Line, ...]
    subtotal_minor: int
    tax_percent: str
    tax_minor: int
    total_minor: int
    balance_used_minor: int
    due_minor: int
    buyer: tuple[str, ...]
    seller: tuple[str, ...]
    reference: str
    provider: str

    @property
    def tax_rate(self) -> Decimal:
        """The tax in percent."""
        return Decimal(self.tax_percent)

    @property
    def to_pay_minor(self) -> int:
        """What is still to be paid: nothing of one that was paid or given up."""
        return self.due_minor if self.state == "open" else 0


def make(
    number: str,
    account: str,
    lines: Iterable[Line],
    *,
    balance_minor: int,
    tax_percent: Decimal,
    currency: str,
    issued_at_ms: int,
    due_at_ms: int,
    buyer: Sequence[str],
    seller: Sequence[str],
    provider: str,
) -> tuple[Invoice, int]:
    """An invoice of those lines, and the account's balance after it, minor units. Stores nothing.

    What the balance covers is not due; a total below zero is added to the balance instead.
    """
    charged = tuple(lines)
    subtotal = sum(line.amount_minor for line in charged)
    tax = _tax(subtotal, tax_percent)
    total = subtotal + tax
    from_balance = max(0, min(balance_minor, total))
    due = max(0, total) - from_balance
    invoice = Invoice(
        number=number,
        account=account,
        state="open" if due else "paid",
        issued_at_ms=issued_at_ms,
        due_at_ms=due_at_ms,
        paid_at_ms=0 if due else issued_at_ms,
        currency=currency,
        lines=charged,
        subtotal_minor=subtotal,
        tax_percent=f"{tax_percent.normalize():f}",
        tax_minor=tax,
        total_minor=total,
        balance_used_minor=from_balance,
        due_minor=due,
        buyer=tuple(buyer),
        seller=tuple(seller),
        reference="",
        provider=provider,
    )
    return invoice, balance_minor - from_balance + max(0, -total)


def _tax(subtotal_minor: int, percent: Decimal) -> int:
    if not percent.is_finite() or percent < 0:
        raise Invalid(f"a tax of {percent} percent cannot be reckoned with", code="bad_tax")
    rate, of = percent.as_integer_ratio()
    return half_up(subtotal_minor * rate, of * 100)


def number_of(account: str, n: int) -> str:
    """The number of an account's n-th invoice, from 1: acme-0001."""
    return f"{account}-{n:04}"


def fee_of(plan: Plan, cycle: str) -> int:
    """What one billing period of a plan costs, minor units; raises Invalid bad_cycle."""
    return plan.fee_monthly if months_of(cycle) == 1 else plan.fee_annual


def fee_line(plan: Plan, cycle: str, start_ms: int, end_ms: int) -> Line:
    """The full fee of one billing period."""
    return Line(f"{plan.name}, {cycle}", fee_of(plan, cycle), start_ms, end_ms)


def to_json(invoice: Invoice) -> str:
    """An invoice as it is stored."""
    return orjson.dumps(invoice).decode()


def from_json(text: str | bytes) -> Invoice:
    """A stored invoice."""
    fields: dict[str, Any] = orjson.loads(text)
    fields["lines"] = tuple(Line(**line) for line in fields["lines"])
    return Invoice(**{**fields, "buyer": tuple(fields["buyer"]), "seller": tuple(fields["seller"])})


def get_invoice(store: Store, account: str, number: str) -> Invoice:
    """The invoice of that number; raises NotFound no_invoice."""
    stored = cast("bytes | None", store.client.hget(store.keys.invoices(account), number))
    if stored is None:
        raise NotFound(f"no invoice {number[:80]!r} of account {account[:80]!r}", code="no_invoice")
    return from_json(stored)


def list_invoices(store: Store, account: str, *, after: str = "", most: int) -> list[Invoice]:
    """Up to ``most`` invoices in order of number, from the one after number ``after`` on; none for an account without.

    Numbers have no gaps, so a page is read by the numbers it must have; raises Invalid bad_invoice where ``after``
    is no number of this account's.
    """
    key = store.keys.invoices(account)
    first = _place(account, after) + 1
    last = min(first + most - 1, int(store.client.hlen(key)))
    if last < first:
        return []
    found = store.client.hmget(key, [number_of(account, n) for n in range(first, last + 1)])
    return [from_json(stored) for stored in found if stored is not None]


def _place(account: str, number: str) -> int:
    """Which of an account's invoices a number names; 0 for none of them, before the first."""
    if not number:
        return 0
    match = re.fullmatch(rf"{re.escape(account)}-(0[0-9]{{3}}|[1-9][0-9]{{3,8}})", number)
    if not match:
        raise Invalid(
            f"{number[:80]!r} is no invoice of account {account[:80]!r}: those look like {number_of(account[:80], 1)}",
            code="bad_invoice",
        )
    return int(match[1])


def csv_rows(invoices: Iterable[Invoice]) -> Iterator[list[str]]:
    """One row an invoice, its cells as CSV_COLUMNS says; money in major units. Whoever writes them makes them inert."""
    for it in invoices:
        times = [_iso(at_ms) for at_ms in (it.issued_at_ms, it.due_at_ms, it.paid_at_ms)]
        amounts = (it.subtotal_minor, it.tax_minor, it.total_minor, it.due_minor, it.to_pay_minor)
        yield [
            *(it.number, it.account, it.state, *times, it.currency),
            *(major(amount, it.currency) for amount in amounts),
            it.reference,
        ]


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat().replace("+00:00", "Z") if at_ms else ""
