"""Waking the scheduler: the one thing every change that makes room for sending does last."""

from __future__ import annotations

from engine.store import Store

_TOKENS_MAX = 64


def wake(store: Store, account: str, *, now_ms: int | None = None) -> None:
    """Have the scheduler look at an account at once: something it may be waiting for has happened.

    A hint only: where the caller dies before this, the scheduler finds the account by itself within a minute.
    A caller that has just learnt the time from Redis passes it, which saves a round trip.
    """
    pipe = store.client.pipeline(transaction=False)
    pipe.zadd(store.keys.runnable, {account: store.now_ms() if now_ms is None else now_ms}, lt=True)
    pipe.rpush(store.keys.wake, account)
    pipe.ltrim(store.keys.wake, 0, _TOKENS_MAX - 1)
    pipe.execute()
