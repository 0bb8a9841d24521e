"""Campaigns that have recipients nobody wrote to yet: those that run, wait, or begin later."""

from __future__ import annotations

from engine.store import Store

_CAMPAIGNS_A_STEP = 200
_GO_ON = (b"running", b"waiting", b"scheduled")


def campaigns_to_send(store: Store, account: str, *, seat: str | None = None) -> int:
    """How many an account has; with ``seat``, of that seat."""
    found, first = 0, 0
    while ids := store.client.zrange(store.keys.sending(account), first, first + _CAMPAIGNS_A_STEP - 1):
        pipe = store.client.pipeline(transaction=False)
        for campaign in ids:
            pipe.hmget(store.keys.campaign(campaign.decode()), "state", "queued", "seat")
        found += sum(
            state in _GO_ON and int(queued or 0) > 0 and (seat is None or (whose or b"").decode() == seat)
            for state, queued, whose in pipe.execute()
        )
        first += len(ids)
    return found
