"""Entitlements: what an account may do under its plan, how much of it is used, and when a limit lifts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.accounts import get_account
from engine.credits import wallet
from engine.outlook import DAY_MS, HORIZON_DAYS, grants_to_come
from engine.plans import Plan
from engine.refunds import earliest_of_account
from engine.store import Store
from engine.subscription import Subscription, read


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One thing a plan allows: ``used`` of ``limit`` (None = no limit, 0 = none of it); ``lifts_at_ms`` is when more of
    it is there again by itself, as far as that is known (None = not by itself)."""

    name: str
    used: int
    limit: int | None
    lifts_at_ms: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def entitlements(store: Store, account: str) -> list[Entitlement]:
    """What the account's plan allows, each with what is used of it: sending at all (1 or 0; where it may, its
    ``lifts_at_ms`` is when it stops), credits, simultaneous
    contacts, recipients of a campaign, profiles a search shows. Raises NotFound."""
    owner, purse, sub = get_account(store, account), wallet(store, account), read(store, account)
    may, until = owner.may_send(store.now_ms(store.keys.account(account))), owner.sends_until_ms or None
    refund, grant = earliest_of_account(store, account), next_grant_ms(sub)
    # Under the other rule an InMail that falls due gives no credit back.
    coming = (refund if owner.refund_when == "unanswered" else None, grant)
    back = min((at_ms for at_ms in coming if at_ms), default=None)
    limits = [owner.simultaneous_contacts, owner.recipients_per_campaign]
    # 0 stands for no limit in a plan; here it is one, of an account that cannot send at all.
    contacts, recipients = (limit or None if owner.can_send else 0 for limit in limits)
    return [
        Entitlement("sending", 0, int(may), until if may else None),
        Entitlement("credits", purse.held, purse.held + purse.available, back),
        Entitlement("simultaneous_contacts", purse.held, contacts, refund),
        Entitlement("recipients_per_campaign", 0, recipients, None),
        Entitlement("profiles_per_search", 0, owner.profiles_per_search or None, None),
    ]


def next_grant_ms(sub: Subscription | None) -> int | None:
    """When the next month's credits come, ms; None where none will, as things stand."""
    if sub is None:
        return None
    coming = grants_to_come(sub, sub.month_end_ms + HORIZON_DAYS * DAY_MS)
    return next((at_ms for at_ms, _ in coming), None)


def next_month_plan(sub: Subscription) -> Plan:
    """The plan the next month is under: a pending change takes effect only where a billing period ends."""
    return sub.next_plan if sub.next_plan and sub.month_end_ms == sub.period_end_ms else sub.plan
