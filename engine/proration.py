"""What a change of plan costs when it takes effect at once: by days, in whole numbers, rounded once per line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from engine.invoices import Line, fee_line, fee_of
from engine.money import half_up
from engine.plans import Plan

__all__ = ["Prorated", "days", "days_left", "half_up", "is_upgrade", "prorate"]

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Prorated:
    """What an upgrade charges and grants.

    ``at_once``: the periods stay as they are. ``restart``: the moment of the change is a new anchor. The first of the
    lines is the new plan, the second gives back what is left of the old; there is none for a plan that cost nothing.
    ``credits`` is what is granted at once, before the cap of the balance.
    """

    kind: Literal["at_once", "restart"]
    lines: tuple[Line, ...]
    credits: int


def days(start_ms: int, end_ms: int) -> int:
    """How many days a period has; one that clocks were set within has whole days as well."""
    return half_up(end_ms - start_ms, _DAY_MS)


def days_left(at_ms: int, start_ms: int, end_ms: int) -> int:
    """How many days of a period are left at that moment, begun ones counted whole; none from its end on."""
    return max(0, min(days(start_ms, end_ms), -((at_ms - end_ms) // _DAY_MS)))


def is_upgrade(old: Plan, old_cycle: str, new: Plan, new_cycle: str) -> bool:
    """Whether a change takes effect at once: to a dearer plan, or from monthly to annual at the same fee."""
    if _a_year(new) != _a_year(old):
        return _a_year(new) > _a_year(old)
    return (old_cycle, new_cycle) == ("monthly", "annual")


def _a_year(plan: Plan) -> int:
    """What a plan costs in a year, minor units: by the month where it is sold so, as plans are compared."""
    return plan.fee_monthly * 12 or plan.fee_annual


def prorate(
    old: Plan,
    old_cycle: str,
    new: Plan,
    new_cycle: str,
    *,
    at_ms: int,
    period: tuple[int, int],
    month: tuple[int, int],
    new_period_end_ms: int,
) -> Prorated:
    """What an upgrade at ``at_ms`` charges and grants, for whole days as ``days_left`` counts them.

    ``period`` is the billing period and ``month`` the month it falls into, each start and end, ms;
    ``new_period_end_ms`` ends the billing period that begins where the cycle changes. Raises Invalid bad_cycle.
    """
    of, left = days(*period), days_left(at_ms, *period)
    mdays, mleft = days(*month), days_left(at_ms, *month)
    given_back = half_up(fee_of(old, old_cycle) * left, of)
    unused = Line(f"{old.name}, {old_cycle}: {left} of {of} days not used", -given_back, at_ms, period[1])
    back = (unused,) if given_back else ()
    if old_cycle != new_cycle:
        fee = fee_line(new, new_cycle, at_ms, new_period_end_ms)
        granted = new.credits_a_month - half_up(old.credits_a_month * mleft, mdays)
        return Prorated("restart", (fee, *back), max(0, granted))
    charged = half_up(fee_of(new, new_cycle) * left, of)
    part = Line(f"{new.name}, {new_cycle}: {left} of {of} days", charged, at_ms, period[1])
    granted = half_up((new.credits_a_month - old.credits_a_month) * mleft, mdays)
    return Prorated("at_once", (part, *back), max(0, granted))
