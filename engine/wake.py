"""Waking the scheduler: the one thing every change that makes room for sending does last."""

from __future__ import annotations

from engine.store import Store

_TOKENS_MAX = 64


def wake(store: Store, account: str) -> None:
    """Have the scheduler look at an account at once: something it may be waiting for has happened.

    A hint only: where the caller dies before this, the scheduler finds the account by itself within a minute.
    """
    pipe = store.client.pipeline(transaction=False)
    pipe.zadd(store.keys.runnable, {account: store.now_ms()}, lt=True)
    pipe.rpush(store.keys.wake, account)
    pipe.ltrim(store.keys.wake, 0, _TOKENS_MAX - 1)
    pipe.execute()
