"""The directory as rows of a list that can be imported again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from engine.directory.columns import marked
from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.profile import Profile
from engine.directory.store import all_profiles
from engine.store import Store

EXPORTED: Final = (
    *("id", "name", "headline", "title", "company", "location", "skills", "industry", "years", "languages"),
    *("open_to_work", "last_active", "email", "consent"),
)
"""The columns of an export."""


def export_rows(store: Store) -> Iterator[list[str]]:
    """Every profile, the hidden ones included, as cells of EXPORTED; in no order, in bounded memory."""
    for shard in range(DIRECTORY_SHARDS):
        exported: set[str] = set()  # a shard that grows meanwhile may give one twice
        for profile in all_profiles(store, shard):
            if profile.id not in exported:
                exported.add(profile.id)
                yield cells_of(profile)


def cells_of(profile: Profile) -> list[str]:
    """A profile as cells of EXPORTED, to be made inert (engine/intake/rejects.py) where a spreadsheet may read them."""
    at_ms = profile.last_active_ms
    active = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds") if at_ms else ""
    p = profile
    cells = [
        *(p.id, p.name, p.headline, p.title, p.company, p.location, _joined(p.skills), p.industry),
        *("" if p.years is None else str(p.years), _joined(p.languages), "yes" if p.open_to_work else "no"),
        *(active, p.address, "yes" if p.consent else "no"),
    ]
    return [*map(marked, cells)]


def _joined(items: Sequence[str]) -> str:
    """A list in a cell, as it is read again; a JSON array where an item holds what separates items."""
    joined = "; ".join(items)
    if joined.startswith("[") or any(sign in item for item in items for sign in ";|"):
        return orjson.dumps(items).decode()
    return joined
