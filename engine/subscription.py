"""A subscription as it is stored: an account's time on a plan, and what it owes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import orjson

from engine.plans import Plan, of_terms
from engine.store import Store

ACTIVE, PAST_DUE, LAPSED, ENDED, INCOMPLETE = "active", "past_due", "lapsed", "ended", "incomplete"
LIVE = (ACTIVE, PAST_DUE, LAPSED)
CANCELLED = "cancelled"
"""Why one has ended whose owner did not want it any more."""


@dataclass(frozen=True, slots=True)
class Unpaid:
    """An open invoice; ``failed``: its payment was reported as failed."""

    number: str
    due_at_ms: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """The account's subscription. ``number`` counts those it had; month and billing period are the present ones.

    Times in epoch ms, 0 = none; ``month`` counts from 0 at the anchor; ``balance_minor`` is owed to the account;
    ``invoices`` were issued so far. ``attempt`` payments of the oldest unpaid invoice were tried, the next is at
    ``try_at_ms``. ``debts`` are invoices that were given up; ``late`` are months granted after a later one had begun:
    when they began, when they were processed, credits kept.
    """

    account: str
    revision: int
    number: int
    state: str
    plan: Plan
    cycle: str
    timezone: str
    provider: str
    anchor_ms: int
    month: int
    month_start_ms: int
    month_end_ms: int
    period_start_ms: int
    period_end_ms: int
    ends_at_ms: int = 0
    grace_until_ms: int = 0
    lapsed_at_ms: int = 0
    next_plan: Plan | None = None
    next_cycle: str = ""
    balance_minor: int = 0
    invoices: int = 0
    unpaid: tuple[Unpaid, ...] = ()
    debts: tuple[str, ...] = ()
    late: tuple[tuple[int, int, int], ...] = ()
    ended_reason: str = ""
    attempt: int = 0
    try_at_ms: int = 0
    next_at_ms: int = 0

    @property
    def label(self) -> str:
        """What the log calls the month it is in: 's1.3' is month 3 of the account's first subscription."""
        return f"s{self.number}.{self.month}"

    @property
    def sends_until_ms(self) -> int:
        """When sending stops by itself, 0 = not as far as is known."""
        if self.state == PAST_DUE:
            return min(self.grace_until_ms, self.ends_at_ms or self.grace_until_ms)
        return self.ends_at_ms if self.state == ACTIVE else 0

    def pairs(self) -> list[str | int]:
        """Field, value … as they are stored; the script that changes one counts its revision by itself."""
        return [part for pair in self._stored().items() for part in pair]

    def _stored(self) -> dict[str, str | int]:
        stored: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        stored["plan_slug"], stored["plan_version"] = self.plan.slug, self.plan.version
        stored["plan"] = self.plan.to_terms()
        stored["next_plan"] = self.next_plan.to_terms() if self.next_plan else ""
        stored["debts"] = ",".join(self.debts)
        stored["late"] = orjson.dumps(self.late).decode()
        stored["unpaid"] = orjson.dumps([[one.number, one.due_at_ms, one.failed] for one in self.unpaid]).decode()
        return stored


def parse(stored: dict[str, str]) -> Subscription:
    """A stored subscription."""
    values: dict[str, Any] = {
        field.name: stored[field.name] if field.type == "str" else int(stored[field.name])
        for field in fields(Subscription)
        if field.name not in ("plan", "next_plan", "unpaid", "debts", "late")
    }
    return Subscription(
        **values,
        plan=of_terms(stored["plan"]),
        next_plan=of_terms(stored["next_plan"]) if stored["next_plan"] else None,
        debts=tuple(stored["debts"].split(",")) if stored["debts"] else (),
        late=tuple((began, processed, kept) for began, processed, kept in orjson.loads(stored["late"])),
        unpaid=tuple(Unpaid(*one) for one in orjson.loads(stored["unpaid"])),
    )


def read(store: Store, account: str) -> Subscription | None:
    """The account's subscription as it was left, the ended one included; None where there never was one."""
    stored = store.hash(store.keys.subscription(account))
    return parse(stored) if stored else None
