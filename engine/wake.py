"""Waking the scheduler: the one thing every change that makes room for sending does last."""

from __future__ import annotations

from contextlib import suppress

from engine.store import RedisTrouble, Store

_TOKENS_MAX = 64


def wake(store: Store, account: str, *, now_ms: int | None = None, untidy: bool = False) -> None:
    """Have the scheduler look at an account at once: something it may be waiting for has happened.

    A hint only: where the caller dies before this, the scheduler finds the account by itself within a minute. So
    Redis trouble here is no error of the caller's, whose change is made: memory may be full, for one.
    A caller that has just learnt the time from Redis passes it, which saves a round trip; one that has closed packs
    says that there is something to tidy.
    """
    with suppress(RedisTrouble):
        _wake(store, account, now_ms, untidy)


def _wake(store: Store, account: str, now_ms: int | None, untidy: bool) -> None:
    pipe = store.client.pipeline(transaction=False)
    pipe.zadd(store.keys.runnable, {account: store.now_ms() if now_ms is None else now_ms}, lt=True)
    pipe.rpush(store.keys.wake, account)
    if untidy:
        pipe.sadd(store.keys.untidy, account)
    pipe.ltrim(store.keys.wake, 0, _TOKENS_MAX - 1)
    pipe.execute()
