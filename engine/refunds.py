"""Refunds: InMails nobody answered in time are closed and their credits come home."""

from __future__ import annotations

from dataclasses import dataclass

from engine.campaigns import get_campaign_and_pack
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Refunded:
    """How many InMails of the pack were closed, when its next falls due (0 = none is left), and when this was."""

    closed: int
    next_due_ms: int
    now_ms: int


def refund(store: Store, campaign: str, pack: int) -> Refunded:
    """Close what is due of one pack; what is not due yet, answered or closed already stays as it is."""
    it, columns = get_campaign_and_pack(store, campaign, pack)
    addresses = columns[it.address_column]
    reply = store.run("refund", store.keys.of_campaign(campaign), pack, it.first(pack), "\n".join(addresses))
    return Refunded(int(reply[1]), int(reply[2]), int(reply[3]))


def overdue(store: Store, campaign: str, *, most: int) -> list[int]:
    """Up to ``most`` packs of a campaign with a refund due by now, earliest first."""
    due = store.keys.campaign_due(campaign)
    return [int(pack) for pack in store.client.zrangebyscore(due, "-inf", store.now_ms(), start=0, num=most)]


def earliest_due_ms(store: Store, campaign: str) -> int | None:
    """When the campaign's next refund falls due, or None."""
    found = store.client.zrange(store.keys.campaign_due(campaign), 0, 0, withscores=True)
    return int(found[0][1]) if found else None
