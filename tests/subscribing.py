"""What tests of subscriptions share: the plans of docs/plans.md, an offer of them, days counted from the first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine import opening
from engine.offer import Offer
from engine.plans import Plan
from engine.store import Store
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import release

BASIC = Plan("basic", "Basic", profiles_per_search=100, can_send=False)
BUSINESS = Plan("business", "Business", 2495, 23900, "USD", 15, 300, 25, balance_cap_months=3)
PLUS = Plan("business_plus", "Business Plus", 4995, 47900, "USD", 50, 500, 100, balance_cap_months=3)
EXECUTIVE = Plan("executive", "Executive", 9995, 95900, "USD", 150, 700, 500, balance_cap_months=4)
OFFER = Offer({plan.slug: plan for plan in (BASIC, BUSINESS, PLUS, EXECUTIVE)})

assert datetime.fromtimestamp(NOON_MS / 1000, UTC).isoformat() == "2027-01-15T08:00:00+00:00"


def subscribed(store: Store, plan: Plan, account: str = "acme", *, offer: Offer = OFFER, **how: Any) -> str:
    """An account on a plan from now on, its first invoice open."""
    opening.open_account(store, account, email=f"{account}@example.org", name="Acme", plan=plan, offer=offer, **how)
    return account


def day_of(store: Store, day: int) -> int:
    """The moment so many days after the first, ms."""
    return NOON_MS + day * DAY_MS


def at(store: Store, *, day: int) -> None:
    """Set the clock to so many days after the first."""
    store.at_ms = day_of(store, day)


def whole(store: Store) -> dict[bytes, bytes]:
    """All that is in Redis."""
    return {key: store.client.dump(key) for key in store.client.scan_iter()}


def waits_for(store: Store, campaign: str) -> tuple[str, str]:
    """A campaign's state and what it waits for, once the scheduler has looked at it."""
    release(store, campaign)
    state, reason = store.client.hmget(store.keys.campaign(campaign), "state", "waiting_for")
    return state.decode(), reason.decode()
