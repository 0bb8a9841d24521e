"""Searching as an account does: within its plan's cap, page by page, each candidate with why and what to know first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from engine.accounts import get_account
from engine.directory.profile import Profile
from engine.directory.store import visible_many
from engine.errors import Invalid
from engine.search.facets import count_facets
from engine.search.index import FOUND_MAX, Found
from engine.search.marks import Mark, marks
from engine.search.query import parse
from engine.search.tree import Node
from engine.search.why import Reason, why
from engine.store import Store

CONTACTED_DAYS: Final = 30
CONTACTED_DAYS_MAX: Final = 730
PAGE_MAX: Final = 100
CHECKED_MAX: Final = 200
"""Up to so many found, each is looked up before anything is told of how many there are, whatever the plan shows."""
SHOWN_MAX: Final = 10_000
"""What a search shows under a plan that sets no limit: nobody looks at more, and a cursor goes no further."""


class Searches(Protocol):
    """What a search needs of an index."""

    def search(self, node: Node, *, most: int = 100, facets: bool = False) -> Found: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One candidate found: the profile, why it matches, and what to know before writing (None: nothing)."""

    profile: Profile
    why: list[Reason]
    mark: Mark | None

    def as_dict(self) -> dict[str, Any]:
        it = self.profile
        shown = {name: getattr(it, name) for name in ("id", "name", "headline", "title", "company", "location")}
        return {
            **shown,
            "skills": list(it.skills),
            "industry": it.industry,
            "years": it.years,
            "languages": list(it.languages),
            "open_to_work": it.open_to_work,
            "why": [{"field": name, "text": text} for name, text in self.why],
            "mark": self.mark.as_dict() if self.mark else None,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """One page. ``total`` profiles match; ``shown`` of them the plan lets be looked at, page by page, ``cap`` being its
    limit (None = no limit of the plan's); ``next`` goes on, None at the end of what is shown."""

    total: int
    shown: int
    cap: int | None
    items: list[Item]
    facets: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    next: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "shown": self.shown,
            "cap": self.cap,
            "items": [item.as_dict() for item in self.items],
            "facets": {
                name: [{"value": value, "count": n} for value, n in values] for name, values in self.facets.items()
            },
            "next": self.next,
        }


def search(
    store: Store,
    index: Searches,
    account: str,
    text: str,
    *,
    limit: int = 25,
    after: str = "",
    contacted_days: int = CONTACTED_DAYS,
    facets: bool = True,
) -> Result:
    """One page of what a query finds for an account; ``after`` is ``next`` of the page before.

    Errors: NotFound; QueryError, saying where; Invalid bad_cursor; Unavailable while the index is being built.
    """
    cap = get_account(store, account).profiles_per_search
    now_ms = store.now_ms()
    node = parse(text, now_ms=now_ms)
    most = min(cap or SHOWN_MAX, FOUND_MAX)
    # A plan may show fewer than are looked up.
    found = _as_it_is(store, index.search(node, most=max(most, CHECKED_MAX), facets=facets))
    shown, limit = found.ids[:most], min(limit, PAGE_MAX)
    start = _start(shown, after, limit)
    page = shown[start : start + limit]
    # What was hidden or removed since the index was written is in no result, whatever the index says.
    profiles = [profile for profile in visible_many(store, page) if profile is not None]
    told = marks(store, account, profiles, contacted_days=contacted_days, now_ms=now_ms)
    items = [Item(profile, why(node, profile), mark) for profile, mark in zip(profiles, told, strict=True)]
    end = start + len(page)
    following = f"{end}.{page[-1]}" if page and end < len(shown) else None
    return Result(found.total, len(shown), cap or None, items, found.facets, following)


def _as_it_is(store: Store, found: Found) -> Found:
    """Where few were found: only those who are in the directory still, and counted so, whatever the index says."""
    if found.total > CHECKED_MAX:
        return found
    profiles = dict(zip(found.ids, visible_many(store, found.ids), strict=True))
    there = [each for each in profiles.values() if each is not None]
    if len(there) == len(found.ids):
        return found
    return Found(len(there), [each.id for each in there], count_facets(there) if found.facets else {})


def _start(ids: list[str], after: str, limit: int) -> int:
    """Where the next page begins: behind the profile the last one ended with, but no further than the place it had.

    Where that is found no more, those behind it moved up, by how many nobody knows: a page's length before its place.
    Some are shown twice then, and nobody is left out. A cursor leads nowhere beyond what is shown.
    """
    if not after:
        return 0
    place, dot, ident = after.partition(".")
    if not (dot and ident and place.isascii() and place.isdecimal() and len(place) <= len(str(FOUND_MAX))):
        raise Invalid(
            "the cursor is none of this search: pass the one the page before ended with, as it came", code="bad_cursor"
        )
    if 0 < int(place) <= len(ids) and ids[int(place) - 1] == ident:
        return int(place)
    return min(ids.index(ident) + 1, int(place)) if ident in ids else max(int(place) - limit, 0)
