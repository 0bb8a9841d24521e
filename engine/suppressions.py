"""Suppressions: addresses an account must not write to, by its own will or because their owner said so."""

from __future__ import annotations

from typing import Literal

from engine.accounts import get_account
from engine.errors import NotFound, Refused
from engine.identity import digest, parse_address
from engine.rows import ERASED
from engine.store import Store

Who = Literal["a", "c"]
"""Who said so: the account, or the candidate."""


def suppress(store: Store, account: str, address: str, *, who: Who = "a") -> bool:
    """Never write from this account to that address again; False when they had said so already. NotFound, Invalid."""
    return _say(store, account, address, who, "1")


def unsuppress(store: Store, account: str, address: str, *, who: Who = "a") -> bool:
    """Take that back; False when they had not said so.

    Errors: Refused (``stopped_by_candidate``) where an account would take back what the candidate said.
    """
    return _say(store, account, address, who, "0")


def stopped_by_candidate(store: Store, account: str, address: str) -> bool:
    """Whether the owner of the address said that this account must not write."""
    return said_by_candidate(store.client.hget(store.keys.suppressed(account), digest(parse_address(address))))


def said_by_candidate(stored: bytes | None) -> bool:
    """The same of what stands under an address."""
    return b"c" in (stored or b"").partition(b" ")[0]


def suppressions(store: Store, account: str) -> list[str]:
    """The addresses this account must not write to, in order, but for those that were erased."""
    get_account(store, account)
    found = (stored.decode().partition(" ")[2] for stored in store.client.hvals(store.keys.suppressed(account)))
    return sorted(address for address in found if address != ERASED)


def _say(store: Store, account: str, address: str, who: Who, must_not: str) -> bool:
    normal = parse_address(address)
    status = store.run("suppress", store.keys.of_account(account), digest(normal), normal, who, must_not)
    if status[0] == "unknown":
        raise NotFound(f"no account {account[:80]!r}; open it with: inmail account open", code="no_account")
    if status[0] == "theirs":
        raise Refused(
            f"{normal} asked not to be written to by this account: only they can take that back",
            code="stopped_by_candidate",
        )
    return bool(status[1] == "1")
