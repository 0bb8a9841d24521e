"""Refunds: InMails nobody answered in time are closed and their credits come home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engine import agenda
from engine.errors import NotFound
from engine.identity import account_of
from engine.store import Store

OTHERS_MAX: Final = 1_500
"""One call goes over so many recipients beside the pack it is for, which keeps it within a few milliseconds."""

_CAMPAIGNS_ASKED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Refunded:
    """How many InMails were closed, when the pack's next falls due (0 = none is left), when this was, and whether other
    packs of the campaign are due still."""

    closed: int
    next_due_ms: int
    now_ms: int
    more: bool = False


def refund(store: Store, campaign: str, pack: int, *, others: int = OTHERS_MAX) -> Refunded:
    """Close what is due of one pack, and of other packs of the campaign that are due, ``others`` recipients at most.

    What is not due yet, answered or closed already stays as it is. Raises NotFound for a campaign that is gone.
    """
    account = account_of(campaign)
    arguments = (pack, others, store.witness.seen(account))
    reply = store.run("refund", store.keys.of_campaign(campaign), *arguments)
    if reply[0] == "unknown":
        raise NotFound(f"no campaign {campaign!r}", code="no_campaign")
    store.witness.note(account, reply[4])
    return Refunded(int(reply[1]), int(reply[2]), int(reply[3]), reply[5] == "1")


def overdue(store: Store, campaign: str, *, step: int = 1000) -> Iterator[list[int]]:
    """All packs of a campaign with a refund due by now, earliest first, ``step`` at a time."""
    due, start = store.keys.campaign_due(campaign), 0
    now = store.now_ms(due)
    while True:
        found = [int(pack) for pack in store.client.zrangebyscore(due, "-inf", now, start=start, num=step)]
        if found:
            yield found
        if len(found) < step:
            return
        start += step


def late_ms(store: Store, *, campaigns: int = 100) -> int:
    """How long the longest overdue refund has waited, by now, in ms; 0 where none is due.

    The agenda may still name a time whose refund was made since: so the first ``campaigns`` on it are looked at.
    """
    now, earliest = store.now_ms(), []
    for campaign in agenda.refunds_expected(store, before_ms=now, most=campaigns):
        due_ms = earliest_due_ms(store, campaign)
        if due_ms is not None:
            earliest.append(due_ms)
    return max(0, now - min(earliest, default=now))


def earliest_due_ms(store: Store, campaign: str) -> int | None:
    """When the campaign's next refund falls due, or None."""
    found = store.client.zrange(store.keys.campaign_due(campaign), 0, 0, withscores=True)
    return int(found[0][1]) if found else None


def earliest_of_account(store: Store, account: str) -> int | None:
    """When the account's next InMail falls due, which frees a contact, or None; asks its oldest open campaigns."""
    pipe = store.client.pipeline(transaction=False)
    for campaign in store.client.zrange(store.keys.active(account), 0, _CAMPAIGNS_ASKED - 1):
        pipe.zrange(store.keys.campaign_due(campaign.decode()), 0, 0, withscores=True)
    return min((int(found[0][1]) for found in pipe.execute() if found), default=None)
