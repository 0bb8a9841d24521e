"""A snapshot: who a query finds at this moment, frozen as the list of a campaign."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from engine.accounts import get_account
from engine.directory.profile import Profile
from engine.directory.store import visible_many
from engine.errors import Refused
from engine.identity import digest
from engine.search.index import FOUND_MAX
from engine.search.marks import STANDS_IN_THE_WAY, marks
from engine.search.query import parse
from engine.search.queued import queued_people
from engine.search.searching import CONTACTED_DAYS, SHOWN_MAX, Searches
from engine.store import Store

_AT_ONCE: Final = 500


@dataclass(slots=True)
class Snapshot:
    """The rows of a list, and how it came to be: ``total`` matched, ``shown`` within the plan's cap, of these
    ``left_out`` by reason: the marks of those who would not be written to."""

    query: str
    total: int = 0
    shown: int = 0
    rows: list[dict[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def as_lines(self) -> bytes:
        """The rows as a list that is read like any other: a JSON object a line."""
        return b"\n".join(orjson.dumps(row) for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """What is told of it."""
        return {"query": self.query, "total": self.total, "shown": self.shown, "left_out": dict(self.left_out)}


def snapshot(
    store: Store, index: Searches, account: str, query: str, *, contacted_days: int = CONTACTED_DAYS
) -> Snapshot:
    """Freeze what a query finds for an account, within its plan's cap, best first; whoever has an address once.

    Errors: as ``search``; Refused (``nobody``) where nobody is left to be written to.
    """
    cap = get_account(store, account).profiles_per_search
    now_ms = store.now_ms()
    found = index.search(parse(query, now_ms=now_ms), most=min(cap or SHOWN_MAX, FOUND_MAX))
    taken = Snapshot(query, found.total, len(found.ids))
    seen: set[str] = set()
    for start in range(0, len(found.ids), _AT_ONCE):
        profiles = [each for each in visible_many(store, found.ids[start : start + _AT_ONCE]) if each is not None]
        told = marks(store, account, profiles, contacted_days=contacted_days, now_ms=now_ms)
        people = frozenset(digest(profile.address) for profile in profiles if profile.address)
        waiting = queued_people(store, account, people)
        for profile, mark in zip(profiles, told, strict=True):
            if mark is not None and (mark.kind in STANDS_IN_THE_WAY or mark.kind == "contacted"):
                taken.left_out[mark.kind] += 1
            elif digest(profile.address) in waiting:
                taken.left_out["queued"] += 1
            elif profile.address in seen:
                taken.left_out["same_address"] += 1
            else:
                seen.add(profile.address)
                taken.rows.append(row_of(profile))
    if not taken.rows:
        why = ", ".join(f"{n:,} {reason}" for reason, n in taken.left_out.most_common()) or "nobody matches"
        raise Refused(f"the search finds nobody to write to ({why})", code="nobody")
    return taken


def row_of(profile: Profile) -> dict[str, str]:
    """A profile as a row of a campaign's list."""
    first, _, rest = profile.name.partition(" ")
    return {
        "email": profile.address,
        "id": profile.id,
        "name": profile.name,
        "first_name": first,
        "last_name": rest.rpartition(" ")[2],
        "headline": profile.headline,
        "title": profile.title,
        "company": profile.company,
        "location": profile.location,
        "industry": profile.industry,
        "skills": ", ".join(profile.skills),
    }
