"""Accounts whose log went back: Redis came back older than what a process had seen, and sending stopped."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from itertools import islice

from engine.errors import NotFound
from engine.store import Store
from engine.wake import wake


def stopped_for(store: Store, account: str) -> str | None:
    """Why the account does not send, or None where it does."""
    reason = store.client.hget(store.keys.account(account), "stopped")
    return reason.decode() if reason else None


def stopped_accounts(store: Store, accounts: Iterable[str], *, step: int = 500) -> Iterator[tuple[str, str]]:
    """Those of the accounts that do not send, and why; asked ``step`` at a time, in one round trip each."""
    left = iter(accounts)
    while batch := list(islice(left, step)):
        pipe = store.client.pipeline(transaction=False)
        for account in batch:
            pipe.hget(store.keys.account(account), "stopped")
        for account, reason in zip(batch, pipe.execute(), strict=True):
            if reason:
                yield account, reason.decode()


def accept(store: Store, account: str) -> str | None:
    """Let the account send again, from the log as it is now; returns what it was stopped for, None where it was not.

    Raises NotFound. Whoever accepts has looked: InMails sent after the point the log went back to may go out again.
    """
    reply = store.run("accept", store.keys.of_account(account), f"call:{secrets.token_hex(8)}")
    if reply[0] == "unknown":
        raise NotFound(f"no account {account[:80]!r}", code="no_account")
    wake(store, account)
    return str(reply[1]) if reply[0] == "ok" else None
