"""Accounts whose log went back: Redis came back older than what a process had seen, and sending stopped."""

from __future__ import annotations

from engine.errors import NotFound
from engine.store import Store
from engine.wake import wake


def stopped_for(store: Store, account: str) -> str | None:
    """Why the account does not send, or None where it does."""
    reason = store.client.hget(store.keys.account(account), "stopped")
    return reason.decode() if reason else None


def accept(store: Store, account: str) -> str | None:
    """Let the account send again, from the log as it is now; returns what it was stopped for, None where it was not.

    Raises NotFound. Whoever accepts has looked: InMails sent after the point the log went back to may go out again.
    """
    reply = store.run("accept", store.keys.of_account(account))
    if reply[0] == "unknown":
        raise NotFound(f"no account {account[:80]!r}", code="no_account")
    wake(store, account)
    return str(reply[1]) if reply[0] == "ok" else None
