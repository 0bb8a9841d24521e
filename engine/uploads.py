"""Lists uploaded over HTTP: who reads one, how far that is, what became of it. The list itself is not kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from engine.errors import NotFound
from engine.store import Store

LEASE_MS: Final = 15_000
"""A reader that has not been heard of for so long is dead: the upload shows as interrupted."""

KEPT_MS: Final = 7 * 86_400_000
"""How long an upload is told of after it was last heard of."""

STATES: Final = ("reading", "submitted", "checked", "failed", "interrupted")

_WHOLE: Final = ("rows", "accepted", "rejected", "bytes_read", "bytes_total", "began_at_ms", "ended_at_ms")


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as it stands. ``state``: reading; submitted (see ``campaign``); checked (a dry run's ``forecast``);
    failed (``code`` and ``detail`` say why); interrupted (its process died: send it again)."""

    id: str
    account: str
    state: str
    campaign: str = ""
    code: str = ""
    detail: str = ""
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    bytes_read: int = 0
    bytes_total: int = 0
    began_at_ms: int = 0
    ended_at_ms: int = 0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    forecast: dict[str, Any] | None = None


def begin(store: Store, upload: str, account: str, *, token: str, fingerprint: str, bytes_total: int) -> str:
    """Begin to read an upload under a token of this try: 'go'; or the state of one that was sent before; or 'reused'
    when the id came with another list."""
    fields = ("account", account, "bytes_total", bytes_total)
    reply = store.run("begin_upload", [store.keys.upload(upload)], token, LEASE_MS, KEPT_MS, fingerprint, *fields)
    return str(reply[1] if reply[0] == "known" else reply[0])


def note(store: Store, upload: str, token: str, *, over: bool = False, **values: Any) -> bool:
    """Say how far an upload is, and that it is being read still; False when another try has it.

    ``over``: it is not read any more (interrupted, unless a ``state`` says how it ended).
    """
    pairs: list[str | int] = []
    for name, value in values.items():
        pairs += (name, value if isinstance(value, int | str) else orjson.dumps(value).decode())
    lease_ms = 0 if over else LEASE_MS
    key = [store.keys.upload(upload)]
    return bool(store.run("note_upload", key, token, lease_ms, KEPT_MS, *pairs)[0] == "ok")


def get(store: Store, upload: str, *, account: str) -> Upload:
    """The upload of that id; raises NotFound, alike for one of another account."""
    stored = store.hash(store.keys.upload(upload))
    if stored.get("account") != account:
        raise NotFound(f"no upload {upload[:80]!r}", code="no_upload")
    state = stored["state"]
    if state == "reading" and int(stored["until_ms"]) <= store.now_ms(store.keys.upload(upload)):
        state = "interrupted"
    documents = ("rejected_by_reason", "rejects", "notes", "forecast")
    return Upload(
        id=upload,
        account=account,
        state=state,
        **{name: stored.get(name, "") for name in ("campaign", "code", "detail")},  # type: ignore[arg-type]
        **{name: int(stored.get(name, 0)) for name in _WHOLE},  # type: ignore[arg-type]
        **{name: orjson.loads(stored[name]) for name in documents if name in stored},
    )
