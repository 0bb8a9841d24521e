"""Campaigns that have recipients nobody wrote to yet, and how many these are."""

from __future__ import annotations

from collections.abc import Iterator

from engine.store import Store

_CAMPAIGNS_A_STEP = 200
_GO_ON = (b"running", b"waiting", b"scheduled")  # by themselves, now or later


def campaigns_to_send(store: Store, account: str, *, seat: str | None = None) -> int:
    """How many an account has; with ``seat``, of that seat."""
    return sum(state in _GO_ON and n > 0 for state, n in _standing(store, account, seat))


def recipients_queued(store: Store, account: str, seat: str | None = None) -> int:
    """Recipients queued in the account's campaigns, or one seat's, as things stand, paused and later ones left out:
    they share what is free with any further campaign."""
    return sum(n for state, n in _standing(store, account, seat) if state in (b"running", b"waiting"))


def _standing(store: Store, account: str, seat: str | None) -> Iterator[tuple[bytes | None, int]]:
    """State and queued recipients of each campaign that is not sent to its end."""
    first = 0
    while ids := store.client.zrange(store.keys.sending(account), first, first + _CAMPAIGNS_A_STEP - 1):
        pipe = store.client.pipeline(transaction=False)
        for campaign in ids:
            pipe.hmget(store.keys.campaign(campaign.decode()), "state", "queued", "seat")
        for state, n, whose in pipe.execute():
            if seat in (None, (whose or b"").decode()):
                yield state, int(n or 0)
        first += len(ids)
