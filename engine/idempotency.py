"""Requests that come with an idempotency key: carried out once, answered the same ever after (for a day)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from engine.store import Store

LEASE_MS: Final = 60_000
"""How long a request may take; after that its process is taken for dead, and a repeat is carried out."""

KEPT_MS: Final = 86_400_000
"""How long an answer is kept."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is to be done with a request: carry it out ('go'), give what it was answered with ('done'), have the
    caller wait ('running', for ``wait_ms``), or refuse it as the key came with another body ('reused')."""

    verdict: Literal["go", "done", "running", "reused"]
    wait_ms: int = 0
    status: int = 0
    headers: str = ""
    body: bytes = b""


def record_of(account: str, method: str, path: str, key: str) -> str:
    """What names a request: the account, the route and the key, as one digest."""
    said = "\n".join((account, method, path, key)).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(said, digest_size=20).hexdigest()


def begin(store: Store, record: str, *, fingerprint: str, token: str) -> Begun:
    """Begin a request under a token of this try; see Begun."""
    reply = store.run("begin_request", [store.keys.request(record)], fingerprint, token, LEASE_MS, KEPT_MS)
    if reply[0] == "done":
        body = reply[3].encode("utf-8", "surrogateescape")
        return Begun("done", status=int(reply[1]), headers=reply[2], body=body)
    return Begun(reply[0], wait_ms=int(reply[1]) if reply[0] == "running" else 0)


def is_known(store: Store, record: str) -> bool:
    """Whether a request is being carried out under that record, or was."""
    return bool(store.client.exists(store.keys.request(record)))


def finish(store: Store, record: str, token: str, *, status: int, headers: str, body: bytes) -> bool:
    """Keep what a request was answered with; False when its lease had run out and another try has it."""
    return _end(store, record, token, status, headers, body)


def forget(store: Store, record: str, token: str) -> bool:
    """Forget that a request was begun: nothing was done, it may come again."""
    return _end(store, record, token, "", "", b"")


def _end(store: Store, record: str, token: str, status: int | str, headers: str, body: bytes) -> bool:
    key = [store.keys.request(record)]
    return bool(store.run("end_request", key, token, status, headers, body, KEPT_MS)[0] == "ok")
