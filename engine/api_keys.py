"""API keys: ``id.secret``, of one account, with scopes; the secret is told once and kept as its SHA-256 only."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from engine.accounts import get_account, seat_since
from engine.errors import Invalid, NotFound, Refused
from engine.store import Store

SCOPES: Final = (
    "account:read",
    "credits:read",
    "campaigns:read",
    "campaigns:write",
    "mailbox:read",
    "mailbox:write",
    "suppressions:read",
    "suppressions:write",
    "billing:read",
    "billing:write",
    "candidates:read",
    "candidates:write",
    "seats:read",
    "seats:write",
)
_NOT_A_SEATS: Final = frozenset({"seats:write", "billing:write"})
"""What a seat's key has only where it is named: a seat could raise its own cap, or end everybody's subscription."""

KEYS_MAX: Final = 100
"""Keys of the account itself."""
KEYS_OF_SEAT_MAX: Final = 10
_FORGOTTEN_MS: Final = 30 * 86_400_000  # a key that has been over for so long is no longer listed
_KEY = re.compile(r"(imk_[a-z0-9]{16})\.([A-Za-z0-9_-]{43})")
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_NOBODY: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key as it is listed. Times in ms, 0 where there is none; ``last_used_at_ms`` to the minute."""

    id: str
    account: str
    name: str
    scopes: tuple[str, ...]
    created_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int
    last_used_at_ms: int
    previous_until_ms: int
    seat: str = ""

    def state(self, now_ms: int) -> str:
        """in force, revoked or expired."""
        if self.revoked_at_ms:
            return "revoked"
        return "expired" if 0 < self.expires_at_ms <= now_ms else "in force"

    def ended_at_ms(self) -> int:
        """When it was revoked or is to expire, 0 = never."""
        return self.revoked_at_ms or self.expires_at_ms


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a key may ask: ``rate`` requests a second, ``burst`` of them at once."""

    rate: int
    burst: int


@dataclass(frozen=True, slots=True)
class Admission:
    """Whose a key is and what it may do. ``left`` requests may follow at once; ``wait_ms`` is 0 unless it asks too
    often, ``empty_ms`` how long until all of its burst is free again."""

    key_id: str
    account: str
    scopes: frozenset[str]
    left: int
    wait_ms: int
    empty_ms: int
    seat: str = ""


def create(
    store: Store, account: str, *, name: str = "", scopes: Iterable[str] = (), lifetime_ms: int = 0, seat: str = ""
) -> str:
    """Make a key for an account, with all scopes where none is named; returns it whole, for the only time.

    With a seat it is that person's, in force as long as the seat is there, and has seats:write only where it is named.
    Errors: NotFound; Invalid for a bad name, scope or lifetime; Refused past KEYS_MAX keys, KEYS_OF_SEAT_MAX of a seat.
    """
    get_account(store, account)
    name = " ".join(name.split())
    if len(name) > 120 or not name.isprintable():
        raise Invalid("a key's name has at most 120 printable characters", code="bad_name")
    if lifetime_ms < 0:
        raise Invalid("a key's lifetime is a positive duration", code="bad_lifetime")
    chosen = _scopes(scopes) if scopes or not seat else tuple(one for one in SCOPES if one not in _NOT_A_SEATS)
    since = seat_since(store, account, seat) if seat else ""
    if seat and not since:
        raise NotFound(f"account {account!r} has no seat {seat[:60]!r}", code="no_seat")
    now = store.now_ms(store.keys.api_keys(account))
    _forget(store, account, now)
    whose, most = f"account {account!r}", KEYS_MAX
    if seat:
        whose, most = f"seat {seat!r}", KEYS_OF_SEAT_MAX
    if sum(key.seat == seat for key in of_account(store, account)) >= most:
        raise Refused(f"{whose} has {most} keys: revoke those not used any more", code="too_many_keys")
    key_id, secret = "imk_" + "".join(secrets.choice(_ALPHABET) for _ in range(16)), secrets.token_urlsafe(32)
    # Listed first: a crash in between leaves an id without a key, never a key that nobody sees.
    store.client.zadd(store.keys.api_keys(account), {key_id: now})
    store.client.hset(
        store.keys.api_key(key_id),
        mapping={
            "account": account,
            "name": name,
            "scopes": " ".join(chosen),
            "digest": _digest(secret),
            "previous": "",
            "previous_until_ms": 0,
            "created_at_ms": now,
            "expires_at_ms": now + lifetime_ms if lifetime_ms else 0,
            "revoked_at_ms": 0,
            "last_used_at_ms": 0,
            "seat": seat,
            "seat_since": since,
        },
    )
    return f"{key_id}.{secret}"


def rotate(store: Store, key_id: str, *, overlap_ms: int) -> str:
    """Give a key another secret; returns it whole. The one before stays in force for ``overlap_ms``.

    Errors: NotFound; Refused for a key that is revoked or expired; Invalid for a bad overlap.
    """
    if not 0 <= overlap_ms <= 90 * 86_400_000:
        raise Invalid("an overlap is from nothing to 90 days", code="bad_lifetime")
    secret = secrets.token_urlsafe(32)
    reply = store.run("rotate_key", [store.keys.api_key(key_id)], _digest(secret), overlap_ms)
    if reply[0] == "unknown":
        raise _missing(key_id)
    if reply[0] == "over":
        raise Refused(f"key {key_id} is revoked or expired: make a new one", code="key_over")
    return f"{key_id}.{secret}"


def revoke(store: Store, key_id: str) -> bool:
    """Put a key out of force at once; False when it was revoked before. Raises NotFound."""
    found = get(store, key_id)
    if found.revoked_at_ms:
        return False
    store.client.hset(store.keys.api_key(key_id), "revoked_at_ms", store.now_ms(store.keys.api_key(key_id)))
    return True


def get(store: Store, key_id: str) -> ApiKey:
    """The key of that id; raises NotFound."""
    stored = store.hash(store.keys.api_key(key_id))
    if not stored:
        raise _missing(key_id)
    return _parsed(key_id, stored)


def in_force(store: Store, key_id: str) -> bool:
    """Whether a key that was admitted before may go on: it was not revoked, nor its seat, and has not expired since."""
    names = ("revoked_at_ms", "expires_at_ms", "account", "seat", "seat_since")
    stored = store.client.hmget(store.keys.api_key(key_id), names)
    if stored[0] is None or int(stored[0]):
        return False
    account, seat, since = ((value or b"").decode() for value in stored[2:])
    if seat and seat_since(store, account, seat) != since:
        return False
    return not 0 < int(stored[1]) <= store.now_ms(store.keys.api_key(key_id))


def of_account(store: Store, account: str) -> list[ApiKey]:
    """The account's keys, oldest first; raises NotFound. Making one forgets those that were over for 30 days."""
    get_account(store, account)
    ids = [member.decode() for member in store.client.zrange(store.keys.api_keys(account), 0, -1)]
    pipe = store.client.pipeline(transaction=False)
    for key_id in ids:
        pipe.hgetall(store.keys.api_key(key_id))
    found = [{k.decode(): v.decode() for k, v in stored.items()} for stored in pipe.execute()]
    return [_parsed(key_id, stored) for key_id, stored in zip(ids, found, strict=True) if stored]


def admit(store: Store, presented: str, pace: Pace) -> Admission | None:
    """Whose a key presented by a request is, counting the request; None alike for every key that is not in force."""
    match = _KEY.fullmatch(presented)
    if match is None:
        return None
    key_id, digest = match[1], _digest(match[2])
    keys = [store.keys.api_key(key_id), store.keys.api_key_bucket(key_id)]
    reply = store.run("admit", keys, digest, pace.rate, pace.burst)
    kept = reply[1] if len(reply) > 1 else _NOBODY
    if not hmac.compare_digest(digest, kept):
        return None
    status, _, account, scopes, left, ms, seat, since = reply
    if seat and seat_since(store, account, seat) != since:
        return None
    wait_ms = int(ms) if status == "wait" else 0
    return Admission(key_id, account, frozenset(scopes.split()), int(left), wait_ms, 0 if wait_ms else int(ms), seat)


def _scopes(asked: Iterable[str]) -> tuple[str, ...]:
    wanted = set(asked)
    if unknown := wanted - set(SCOPES):
        raise Invalid(f"no scope {min(unknown)[:40]!r}; there are: {', '.join(SCOPES)}", code="unknown_scope")
    return tuple(scope for scope in SCOPES if scope in wanted) if wanted else SCOPES


def _forget(store: Store, account: str, now_ms: int) -> None:
    for key in of_account(store, account):
        if key.state(now_ms) != "in force" and key.ended_at_ms() < now_ms - _FORGOTTEN_MS:
            store.client.delete(store.keys.api_key(key.id))
            store.client.zrem(store.keys.api_keys(account), key.id)


def _parsed(key_id: str, stored: dict[str, Any]) -> ApiKey:
    return ApiKey(
        key_id,
        stored["account"],
        stored["name"],
        tuple(stored["scopes"].split()),
        created_at_ms=int(stored["created_at_ms"]),
        expires_at_ms=int(stored["expires_at_ms"]),
        revoked_at_ms=int(stored["revoked_at_ms"]),
        last_used_at_ms=int(stored["last_used_at_ms"]),
        previous_until_ms=int(stored["previous_until_ms"]),
        seat=stored.get("seat", ""),
    )


def _missing(key_id: str) -> NotFound:
    return NotFound(f"no key {key_id[:40]!r}; list them with: inmail key list ACCOUNT", code="no_api_key")


def _digest(secret: str) -> str:
    # A fast hash is enough: the secret has 256 random bits.
    return hashlib.sha256(secret.encode()).hexdigest()
