"""The outlook of an account: when its credits run out at the present rate, and what the next month brings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Final

from engine.accounts import Account, get_account
from engine.credits import wallet, wallet_at
from engine.periods import period_at
from engine.plans import Plan
from engine.store import Store
from engine.subscription import ACTIVE, Subscription, read

DAY_MS: Final = 86_400_000
OBSERVED_DAYS: Final = 28
"""The rate is that of so many days past: four weeks, so that weekends count as often as they come."""
HORIZON_DAYS: Final = 366
"""Credits that last longer than this are not said to run out."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where an account's credits go from here.

    ``rate_credits_a_day`` is what left ``available`` for good or is held still, a day, over the last
    ``days_observed``; never below 0. ``empties_at_ms`` is when nothing is available at that rate, None = not within a
    year. ``next_grant_at_ms`` is None where none comes; ``expiring_credits`` is what of it would go over the cap today.
    """

    available: int
    rate_credits_a_day: float
    empties_at_ms: int | None
    next_grant_at_ms: int | None
    next_grant_credits: int
    expiring_credits: int
    days_observed: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def outlook(store: Store, account: str) -> Outlook:
    """The account's outlook as things stand: who owes gets no more months, who cannot send uses no more credits.

    Raises NotFound.
    """
    owner, sub = get_account(store, account), read(store, account)
    now_ms, purse = store.now_ms(store.keys.account(account)), wallet(store, account)
    days = min(OBSERVED_DAYS, max(1, -(-(now_ms - owner.opened_at_ms) // DAY_MS)))
    since_ms = now_ms - days * DAY_MS
    then = wallet_at(store, account, since_ms if since_ms > owner.opened_at_ms else 0)
    used = max(0, purse.held + purse.spent - then.held - then.spent)
    horizon_ms = now_ms + HORIZON_DAYS * DAY_MS
    coming = list(grants_to_come(sub, horizon_ms)) if sub else []
    at_ms, plan = coming[0] if coming else (None, None)
    coming_n = plan.credits_a_month if plan else 0
    return Outlook(
        available=purse.available,
        rate_credits_a_day=round(used / days, 3),
        empties_at_ms=_empties_at(_Walk(now_ms, purse.available, used, days), owner, sub, coming, horizon_ms),
        next_grant_at_ms=at_ms,
        next_grant_credits=coming_n,
        expiring_credits=over_cap(plan, purse.available) if plan else 0,
        days_observed=days,
    )


def over_cap(plan: Plan, balance: int) -> int:
    """What of a month's credits expires at once, with so many available when the month begins."""
    n, cap = plan.credits_a_month, plan.balance_cap
    return min(n, max(0, balance + n - cap)) if cap else 0


def grants_to_come(sub: Subscription, until_ms: int) -> Iterator[tuple[int, Plan]]:
    """When months with credits begin, ms, each with the plan it is then on, as things stand; up to ``until_ms``.

    None come while the subscription is not paid; none after it ends.
    """
    if sub.state != ACTIVE:
        return
    for month in count(sub.month + 1):
        at_ms = period_at(sub.anchor_ms, sub.cycle, sub.timezone, month).start_ms
        if at_ms > until_ms or (sub.ends_at_ms and at_ms >= sub.ends_at_ms):
            return
        plan = sub.next_plan if sub.next_plan and at_ms >= sub.period_end_ms else sub.plan
        if plan.credits_a_month:
            yield at_ms, plan


class _Walk:
    """A balance that goes down by ``used`` credits in ``days``, reckoned in whole numbers."""

    def __init__(self, now_ms: int, balance: int, used: int, days: int) -> None:
        self.at_ms, self.used, self.unit = now_ms, used, days * DAY_MS
        self.scaled = balance * self.unit

    def empties_before(self, until_ms: int) -> int | None:
        """When nothing is left, if that is before then; else goes on to that time."""
        if until_ms <= self.at_ms:  # due already, only not done yet
            return None
        if self.scaled == 0:
            return self.at_ms
        empties = self.at_ms - (-self.scaled // self.used) if self.used else until_ms
        if empties < until_ms:
            return empties
        self.scaled = max(0, self.scaled - self.used * (until_ms - self.at_ms))
        self.at_ms = until_ms
        return None

    def month(self, plan: Plan) -> None:
        """A month's credits come, of which the cap lets some expire."""
        self.scaled += (plan.credits_a_month - over_cap(plan, self.scaled // self.unit)) * self.unit


def _empties_at(
    walk: _Walk, owner: Account, sub: Subscription | None, coming: list[tuple[int, Plan]], horizon_ms: int
) -> int | None:
    if not owner.may_send(walk.at_ms):
        return walk.at_ms if walk.scaled == 0 else None
    until_ms = min(owner.sends_until_ms or horizon_ms, horizon_ms)
    for at_ms, plan in coming:
        if at_ms >= until_ms:
            break
        if (empty := walk.empties_before(at_ms)) is not None:
            return empty
        walk.month(plan)
    if (empty := walk.empties_before(until_ms)) is not None:
        return empty
    expires = sub is not None and sub.ends_at_ms == until_ms and sub.plan.credits_after_end == "expire"
    return until_ms if expires else None
