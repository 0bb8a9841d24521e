"""Credits: the wallet of an account, and the log of everything that ever moved one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import Invalid, NotFound, Refused
from engine.store import Store
from engine.wake import wake

GRANT_CREDITS_MAX = 1_000_000_000
_CHAIN_BELOW = 35_184_372_088_777
GRANTED_CREDITS_MAX = 2**52  # whole numbers below 2^53 are exact in Lua


@dataclass(frozen=True, slots=True)
class Wallet:
    """Whole credits of one account. Always: granted = available + held + spent + expired, all ≥ 0."""

    available: int
    held: int
    spent: int
    granted: int
    expired: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


WALLET_FIELDS = ("available", "held", "spent", "granted", "expired")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One transition of an account. ``moves`` are the letters that moved ('QC500 QP3'), ``wallet`` the one after."""

    seq: int
    kind: str
    campaign: str
    at: str
    n: int
    moves: str
    wallet: Wallet
    at_ms: int
    note: str
    chain: int


def grant(store: Store, account: str, n: int, *, reason: str, key: str | None = None) -> int:
    """Add ``n`` credits; returns the log's sequence number. With a key, twice is once.

    Errors: Invalid for a bad amount, reason or key; NotFound; Refused when the key was used for another grant.
    """
    if not 1 <= n <= GRANT_CREDITS_MAX:
        raise Invalid(f"grant from 1 to {GRANT_CREDITS_MAX:,} credits, not {n:,}", code="bad_amount")
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= 200:
        raise Invalid("a reason has 1 to 200 characters", code="bad_reason")
    if key is not None and not (1 <= len(key) <= 100 and key.isprintable()):
        raise Invalid("a key has 1 to 100 printable characters", code="bad_key")
    # Without a key the id still protects one call against its own repeats after a lost reply.
    operation = f"key:{key}" if key is not None else f"call:{secrets.token_hex(8)}"
    reply = store.run("grant", store.keys.of_account(account), operation, n, reason, GRANTED_CREDITS_MAX)
    if reply[0] == "unknown":
        raise NotFound(f"no account {account[:80]!r}; open it with: inmail account open", code="no_account")
    if reply[0] == "conflict":
        raise Refused(f"key {key!r} was used for another grant; use a new key", code="key_reused")
    if reply[0] == "too_much":
        raise Refused(f"account {account!r} would hold more than 2^52 credits", code="too_much")
    wake(store, account)
    return int(reply[1])


def wallet(store: Store, account: str) -> Wallet:
    """The wallet now; raises NotFound."""
    values = store.client.hmget(store.keys.wallet(account), WALLET_FIELDS)
    if values[0] is None:
        raise NotFound(f"no account {account[:80]!r}; open it with: inmail account open", code="no_account")
    return Wallet(*map(int, values))


def chained(before: int, entry: LogEntry) -> int:
    """The chain number an entry must carry after one with ``before``: as the scripts make it, from all it says."""
    wallet = ",".join(str(value) for value in entry.wallet.as_dict().values())
    parts = (entry.seq, entry.kind, entry.campaign, entry.at, entry.n, entry.moves, wallet, entry.at_ms, entry.note)
    chain = before
    said = "|".join(map(str, parts)).encode()
    for i in range(0, len(said), 4):
        chain = (chain * 131 + int.from_bytes(said[i : i + 4].ljust(4, b"\0"))) % _CHAIN_BELOW
    return chain


def last_seq(store: Store, account: str) -> int:
    """The number of the account's newest log entry, 0 where it has none."""
    return int(store.client.hget(store.keys.wallet(account), "seq") or 0)


def log(store: Store, account: str, *, after_seq: int = 0, most: int | None = None) -> Iterator[LogEntry]:
    """The account's log in order, read in steps of 1,000 entries, from the one after ``after_seq`` on."""
    key, left = store.keys.log(account), most
    while left is None or left > 0:
        step = 1000 if left is None else min(left, 1000)
        entries = store.client.xrange(key, min=f"({after_seq}-0", count=step)
        for entry_id, fields in entries:
            entry = parse_entry(entry_id, fields)
            after_seq = entry.seq
            yield entry
        if len(entries) < step:
            return
        left = None if left is None else left - step


def available_at(store: Store, account: str, at_ms: int) -> int:
    """The available credits at a time gone by, as the log says."""
    return wallet_at(store, account, at_ms).available


def wallet_at(store: Store, account: str, at_ms: int) -> Wallet:
    """The wallet at a time gone by, as the log says; empty before the log began."""
    found = entry_at(store, account, at_ms)
    return found.wallet if found else Wallet(0, 0, 0, 0, 0)


def entry_at(store: Store, account: str, at_ms: int) -> LogEntry | None:
    """The last entry of the account's log not later than a time, or None.

    The log is searched by halves, as its numbers are dense and its times grow.
    """
    found = store.client.xrevrange(store.keys.log(account), count=1)
    newest = parse_entry(*found[0]) if found else None
    low, high = 0, newest.seq if newest else 0
    while newest is not None and newest.at_ms > at_ms:
        if high - low <= 1:
            return _entry(store, account, low)
        middle = (low + high) // 2
        entry = _entry(store, account, middle)
        if entry is not None and entry.at_ms > at_ms:
            high = middle
        else:
            low = middle
    return newest


def _entry(store: Store, account: str, seq: int) -> LogEntry | None:
    found = store.client.xrange(store.keys.log(account), min=f"{seq}-0", max=f"{seq}-0") if seq > 0 else []
    return parse_entry(*found[0]) if found else None


def logs_after(store: Store, after_seq: Mapping[str, int], *, most: int) -> dict[str, list[LogEntry]]:
    """Up to ``most`` entries of several accounts' logs, each from the one after its number on, in one round trip."""
    pipe = store.client.pipeline(transaction=False)
    for account, seq in after_seq.items():
        pipe.xrange(store.keys.log(account), min=f"({seq}-0", count=most)
    found = pipe.execute()
    return {
        account: [parse_entry(entry_id, fields) for entry_id, fields in entries]
        for account, entries in zip(after_seq, found, strict=True)
    }


def parse_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> LogEntry:
    """A stream entry as a LogEntry."""
    text: dict[str, Any] = {k.decode(): v.decode() for k, v in fields.items()}
    return LogEntry(
        seq=int(entry_id.decode().partition("-")[0]),
        kind=text["kind"],
        campaign=text["campaign"],
        at=text["at"],
        n=int(text["n"]),
        moves=text["moves"],
        wallet=Wallet(*map(int, text["wallet"].split(","))),
        at_ms=int(text["at_ms"]),
        note=text["note"],
        chain=int(text["chain"]),
    )
