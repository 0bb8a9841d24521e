"""Plans, calendar, rounding and the wallet of the year's reckoning, written from the rules R1-R12 alone.

Standard library only. Nothing here may import the project: the reckoning is what the engine is measured against.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
Plan = dict[str, Any]


def a_plan(slug: str, monthly: int, annual: int, credits_a_month: int, cap_months: int, contacts: int) -> Plan:
    """A plan as a plain dict; fees in cents."""
    return {
        "slug": slug,
        "version": 1,
        "fee_monthly": monthly,
        "fee_annual": annual,
        "currency": "USD",
        "credits_a_month": credits_a_month,
        "balance_cap_months": cap_months,
        "simultaneous_contacts": contacts,
        "credits_after_end": "expire",
    }


PLANS = {
    "business": a_plan("business", 2495, 23900, 15, 3, 25),
    "business_plus": a_plan("business_plus", 4995, 47900, 50, 3, 100),
    "executive": a_plan("executive", 9995, 95900, 150, 4, 500),
}


def fee(plan: Plan, annual: bool) -> int:
    return plan["fee_annual"] if annual else plan["fee_monthly"]


@cache
def month_start_ms(anchor_ms: int, zone: str, month: int) -> int:
    """R1: the anchor's day and wall-clock time so many months on, the day clipped to the month's length."""
    if month == 0:
        return anchor_ms
    began = datetime.fromtimestamp(anchor_ms // 1000, ZoneInfo(zone))
    years, month_before = divmod(began.month - 1 + month, 12)
    year, of_year = began.year + years, month_before + 1
    day = min(began.day, monthrange(year, of_year)[1])
    return int(began.replace(year=year, month=of_year, day=day, fold=0).timestamp()) * 1000 + anchor_ms % 1000


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number, halves away from zero; the denominator is above 0."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def tax_of(subtotal_minor: int, percent: str) -> int:
    tax = subtotal_minor * Fraction(percent) / 100
    return half_up(tax.numerator, tax.denominator)


def days_and_left(start_ms: int, end_ms: int, at_ms: int) -> tuple[int, int]:
    """R9: the whole days of a period, and how many of them are left."""
    days = half_up(end_ms - start_ms, DAY_MS)
    return days, min(days, -((at_ms - end_ms) // DAY_MS))


@dataclass
class Bill:
    """An account's n-th invoice. ``counts`` = its subscription has not ended; ``lines`` are (plan's slug, amount)."""

    n: int
    lines: tuple[tuple[str, int], ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    balance_used_minor: int
    due_minor: int
    state: str
    issued_at_ms: int
    due_at_ms: int
    paid_at_ms: int = 0
    failed: bool = False
    counts: bool = True


@dataclass
class Books:
    """An account's invoices and the money owed to it (R10)."""

    balance_minor: int = 0
    invoices: list[Bill] = field(default_factory=list)

    def issue(self, lines: tuple[tuple[str, int], ...], tax_percent: str, at_ms: int, due_at_ms: int) -> None:
        subtotal = sum(amount for _, amount in lines)
        tax = tax_of(subtotal, tax_percent)
        total = subtotal + tax
        used = min(self.balance_minor, max(total, 0))
        due = max(total, 0) - used
        self.balance_minor += max(-total, 0) - used
        state, paid_at_ms = ("open", 0) if due else ("paid", at_ms)
        n = len(self.invoices) + 1
        self.invoices.append(Bill(n, lines, subtotal, tax, total, used, due, state, at_ms, due_at_ms, paid_at_ms))

    def open(self) -> list[Bill]:
        return [bill for bill in self.invoices if bill.state == "open" and bill.counts]


@dataclass
class Wallet:
    """Credits, with what was available when: R3 asks for the balance at a moment that may be long past."""

    granted: int = 0
    expired: int = 0
    available: int = 0
    held: int = 0
    spent: int = 0
    times: list[int] = field(default_factory=list)
    balances: list[int] = field(default_factory=list)
    months: list[tuple[int, int, int]] = field(default_factory=list)  # began, processed, credits kept

    def move(self, at_ms: int, **by: int) -> None:
        """Add to the named columns; the law of the wallet holds after every move."""
        for column, n in by.items():
            setattr(self, column, getattr(self, column) + n)
        columns = (self.available, self.held, self.spent, self.expired)
        assert min(columns) >= 0
        assert self.granted == sum(columns)
        self.times.append(at_ms)
        self.balances.append(self.available)

    def grant(self, at_ms: int, n: int, plan: Plan, balance: int) -> int:
        """R3: n credits under the plan's cap, given the balance that counts; returns how many were kept."""
        cap = plan["balance_cap_months"] * plan["credits_a_month"]
        over = min(n, max(0, balance + n - cap)) if cap else 0
        self.move(at_ms, granted=n, available=n - over, expired=over)
        return n - over

    def grant_month(self, began_ms: int, at_ms: int, plan: Plan) -> None:
        """The month that began then, processed now: as if every month before it had been processed in time."""
        if plan["credits_a_month"]:
            kept = self.grant(at_ms, plan["credits_a_month"], plan, self.balance_at(began_ms))
            self.months.append((began_ms, at_ms, kept))

    def balance_at(self, moment_ms: int) -> int:
        known = bisect_right(self.times, moment_ms)
        late = sum(kept for began, processed, kept in self.months if began < moment_ms < processed)
        return (self.balances[known - 1] if known else 0) + late
