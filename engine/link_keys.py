"""The keys reply links are signed with: one signs, all of them verify. From the settings, or kept in Redis."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from config.link_keys import parse_link_keys
from engine.errors import Invalid, Refused
from engine.store import RedisTrouble, Store

Purpose = Literal["answer", "conversation", "page"]
PURPOSES: Final[tuple[Purpose, ...]] = ("answer", "conversation", "page")

REREAD_S: Final = 10.0
"""So long a process goes by the keys it read last."""
SETTLE_MS: Final = 60_000
"""A key signs only once it is so old: every process that verifies has read it by then."""
_MAC_BYTES = 16
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class LinkKey:
    """One key; ``created_ms`` is 0 for one from the settings."""

    id: str
    secret: str = field(repr=False)
    created_ms: int


@dataclass(frozen=True, slots=True)
class _Ring:
    """For each key's id its own key for each purpose, so that a token made for one opens nothing else."""

    signer: str
    derived: dict[str, dict[Purpose, bytes]]


class LinkKeys:
    """Shared freely between threads. ``reread`` gives the keys and which of them signs; None: they never change."""

    def __init__(self, keys: Sequence[LinkKey], signer: str, reread: Callable[[], _Read] | None = None) -> None:
        self._ring = _ring(keys, signer)
        # An unknown id costs the same work: how long a refusal takes must not tell which ids there are.
        self._decoy = _derive(secrets.token_hex(32))
        self._reread, self._read_at = reread, time.monotonic()
        self._lock = threading.Lock()

    @property
    def signer(self) -> str:
        """The id of the key that signs now."""
        return self._fresh().signer

    def mac(self, key: str, purpose: Purpose, text: bytes) -> tuple[bool, bytes]:
        """Whether there is such a key, and the MAC of a text under it; a MAC nobody can know where there is none."""
        derived = self._fresh().derived.get(key)
        return derived is not None, hmac.digest((derived or self._decoy)[purpose], text, "sha256")[:_MAC_BYTES]

    def _fresh(self) -> _Ring:
        if self._reread is not None and time.monotonic() - self._read_at > REREAD_S and self._lock.acquire(False):
            try:
                self._read_at = time.monotonic()
                self._ring = _ring(*self._reread())
            except RedisTrouble:
                pass  # the keys read last do until Redis answers again
            finally:
                self._lock.release()
        return self._ring


_Read = tuple[list[LinkKey], str]


def open_link_keys(store: Store, settings_value: str | None) -> LinkKeys:
    """The keys the settings name; without them those in Redis, where the first is made now if there is none.

    Errors: Invalid for keys that are not usable; RedisTrouble.
    """
    if settings_value is not None:
        try:
            named = parse_link_keys(settings_value)
        except ValueError as error:
            raise Invalid(f"INMAIL_LINK_KEYS: {error}", code="bad_link_keys") from None
        return LinkKeys([LinkKey(key, secret, 0) for key, secret in named], named[0][0])

    def read() -> _Read:
        kept = stored_keys(store) or [_add(store, [])]
        return kept, _signer(kept, store.now_ms())

    return LinkKeys(*read(), reread=read)


def stored_keys(store: Store) -> list[LinkKey]:
    """The keys in Redis, oldest first."""
    found = []
    for key, value in store.hash(store.keys.link_keys).items():
        created_ms, _, secret = value.partition(" ")
        found.append(LinkKey(key, secret, int(created_ms)))
    return sorted(found, key=lambda each: (each.created_ms, len(each.id), each.id))


def rotate(store: Store, *, drop_older_than_ms: int | None = None) -> tuple[str, list[str]]:
    """Make a key that signs from SETTLE_MS on, and drop those made so long ago; returns its id and the dropped ones.

    Links signed by a dropped key end at once; where none but the new one is left, that signs at once. Repeated before
    the newest key signs, it makes no other: a repeat after a lost answer is once.
    Errors: Invalid for a negative span; Refused when no id is left.
    """
    if drop_older_than_ms is not None and drop_older_than_ms < 0:
        raise Invalid("give a span of time to drop keys older than", code="bad_span")
    kept, now_ms = stored_keys(store), store.now_ms()
    newest = kept[-1] if kept and now_ms - kept[-1].created_ms < SETTLE_MS else _add(store, kept)
    dropped = []
    if drop_older_than_ms is not None:
        dropped = [each.id for each in kept if each.id != newest.id and now_ms - each.created_ms >= drop_older_than_ms]
    if dropped:
        store.client.hdel(store.keys.link_keys, *dropped)
    return newest.id, dropped


def _add(store: Store, kept: list[LinkKey]) -> LinkKey:
    """One more key, under the next id; the one that stands there where another process was quicker."""
    key = base36(max((int(each.id, 36) for each in kept), default=0) + 1)
    if len(key) > 4:
        raise Refused("no id is left for one more key of reply links", code="too_many")
    value = f"{store.now_ms()} {secrets.token_urlsafe(32)}"
    store.client.hsetnx(store.keys.link_keys, key, value)
    return next(each for each in stored_keys(store) if each.id == key)


def base36(number: int) -> str:
    """A number from 0 on in as few characters as digits and small letters give."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def _signer(kept: list[LinkKey], now_ms: int) -> str:
    """The newest that every process knows; the oldest where none has been there for long."""
    return next((each.id for each in reversed(kept) if now_ms - each.created_ms >= SETTLE_MS), kept[0].id)


def _ring(keys: Sequence[LinkKey], signer: str) -> _Ring:
    return _Ring(signer, {each.id: _derive(each.secret) for each in keys})


def _derive(secret: str) -> dict[Purpose, bytes]:
    return {purpose: hmac.digest(secret.encode(), purpose.encode(), "sha256") for purpose in PURPOSES}
