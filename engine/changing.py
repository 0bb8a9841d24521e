"""Changing a subscription: to a dearer plan at once and prorated, to any other at the end of the billing period."""

from __future__ import annotations

from engine import proration
from engine.amendment import NOW, Amendment
from engine.errors import Refused
from engine.periods import months_of, period_at
from engine.plans import Plan
from engine.refusals import cancelled, no_subscription, not_sold_so, unpaid
from engine.subscription import ACTIVE, LAPSED, LIVE, PAST_DUE, Subscription


def apply_change(amendment: Amendment, plan: Plan, annual: bool | None) -> None:
    """Make a change in an amendment: at once where it is an upgrade, else noted for the end of the billing period."""
    sub = _changeable(amendment)
    cycle = sub.cycle if annual is None else "annual" if annual else "monthly"
    if not plan.sells(cycle):
        raise not_sold_so(plan, cycle)
    if plan.currency != sub.plan.currency:
        raise Refused(
            f"plan {plan.slug} is paid in {plan.currency}, the present one in {sub.plan.currency}: cancel, and "
            "subscribe again when it has ended",
            code="currency",
        )
    if (plan.slug, plan.version, cycle) == (sub.plan.slug, sub.plan.version, sub.cycle):
        if sub.next_plan:
            amendment.set(next_plan=None, next_cycle="")
            amendment.note("change", f"stays {sub.plan.slug} {sub.cycle}")
    elif proration.is_upgrade(sub.plan, sub.cycle, plan, cycle):
        _upgrade(amendment, sub, plan, cycle)
    elif (sub.next_plan, sub.next_cycle) != (plan, cycle):
        amendment.set(next_plan=plan, next_cycle=cycle)
        amendment.note("change", f"to {plan.slug} {cycle} at the end of the period")


def _changeable(amendment: Amendment) -> Subscription:
    sub = amendment.sub
    if sub is None or sub.state not in LIVE:
        raise no_subscription(amendment.account)
    if sub.state in (PAST_DUE, LAPSED):
        raise unpaid(sub)
    if sub.ends_at_ms:
        raise cancelled(sub)
    return sub


def _upgrade(amendment: Amendment, sub: Subscription, plan: Plan, cycle: str) -> None:
    now = amendment.now_ms
    prorated = proration.prorate(
        sub.plan,
        sub.cycle,
        plan,
        cycle,
        at_ms=now,
        period=(sub.period_start_ms, sub.period_end_ms),
        month=(sub.month_start_ms, sub.month_end_ms),
        new_period_end_ms=period_at(now, cycle, sub.timezone, months_of(cycle)).start_ms,
    )
    if prorated.kind == "restart":
        amendment.begin(plan, cycle, state=ACTIVE, timezone=sub.timezone)
    amendment.set(plan=plan, next_plan=None, next_cycle="")
    amendment.note("change", f"from {sub.plan.slug} {sub.cycle} to {plan.slug} {cycle}")
    if any(line.amount_minor for line in prorated.lines):
        amendment.issue(prorated.lines)
    amendment.grant(prorated.credits, balance=NOW, note=f"upgrade to {plan.name}")
