"""How an account's subscription stands, as one document: for the command line, the API and the pages alike."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from redis.exceptions import OutOfMemoryError, ReadOnlyError

from engine.accounts import get_account
from engine.entitlements import next_grant_ms, next_month_plan
from engine.invoices import get_invoice
from engine.offer import Offer
from engine.periods import months_of
from engine.preview import next_charge
from engine.refusals import no_subscription
from engine.store import Store
from engine.subscription import LAPSED, Subscription, read
from engine.subscriptions import advance


def up_to_date(store: Store, offer: Offer, account: str) -> Subscription | None:
    """The subscription after all that is due by now; as it was left where Redis takes no writes. Raises NotFound."""
    with suppress(OutOfMemoryError, ReadOnlyError):
        return advance(store, offer, account)
    return read(store, account)


def standing(store: Store, offer: Offer, account: str) -> dict[str, Any]:
    """All there is to tell of the subscription, the ended one included; what is not known or not to come is None.

    Errors: NotFound; Refused no_subscription where there never was one.
    """
    get_account(store, account)
    sub = up_to_date(store, offer, account)
    if sub is None:
        raise no_subscription(account)
    return told(store, offer, sub)


def told(store: Store, offer: Offer, sub: Subscription) -> dict[str, Any]:
    """That document of a subscription at hand."""
    charge, grant_ms, currency = next_charge(sub, offer), next_grant_ms(sub), sub.plan.currency
    gives_up_ms = sub.lapsed_at_ms + offer.lapse_keeps_ms if sub.state == LAPSED else None
    return {
        "account": sub.account,
        "state": sub.state,
        "plan": sub.plan.slug,
        "plan_name": sub.plan.name,
        "version": sub.plan.version,
        "cycle": sub.cycle,
        "timezone": sub.timezone,
        "provider": sub.provider,
        "number": sub.number,
        "began_at_ms": sub.anchor_ms,
        "month": sub.month,
        "months_of_period": months_of(sub.cycle),
        "month_start_ms": sub.month_start_ms,
        "month_end_ms": sub.month_end_ms,
        "period_start_ms": sub.period_start_ms,
        "period_end_ms": sub.period_end_ms,
        "next_charge": {"at_ms": charge[0], "due_minor": charge[1], "currency": currency} if charge else None,
        "next_grant": {"at_ms": grant_ms, "credits": next_month_plan(sub).credits_a_month} if grant_ms else None,
        "pending": _pending(sub),
        "ends_at_ms": sub.ends_at_ms or None,
        "grace_until_ms": sub.grace_until_ms or None,
        "lapsed_at_ms": sub.lapsed_at_ms or None,
        "gives_up_at_ms": gives_up_ms,
        "ended_reason": sub.ended_reason or None,
        "balance_minor": sub.balance_minor,
        "currency": currency,
        "unpaid": _unpaid(store, sub),
    }


def _pending(sub: Subscription) -> dict[str, Any] | None:
    if sub.next_plan is None or sub.ends_at_ms:
        return None
    return {
        "plan": sub.next_plan.slug,
        "version": sub.next_plan.version,
        "cycle": sub.next_cycle,
        "at_ms": sub.period_end_ms,
    }


def _unpaid(store: Store, sub: Subscription) -> list[dict[str, Any]]:
    found = []
    for one in sub.unpaid:
        due = get_invoice(store, sub.account, one.number)
        found.append(
            {
                "number": one.number,
                "due_minor": due.due_minor,
                "currency": due.currency,
                "due_at_ms": one.due_at_ms,
                "failed": one.failed,
            }
        )
    return found
