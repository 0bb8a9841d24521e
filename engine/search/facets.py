"""How many of the profiles found have which location, company, skill …: exact, the most frequent values first.

Tantivy counts in two ways. Its aggregation looks at each profile found, and is slow where a profile has several values;
walking the values and intersecting each one's profiles with those found takes as long for few profiles as for many.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final

from tantivy import Query, Searcher

from engine.search.schema import FACETS, facet_field

VALUES_MAX: Final = 10
"""How many values of a facet are told."""

_ALL_BUCKETS: Final = 60_000
_FEW: Final = 2_000
"""Of so few profiles every value is counted, and cut afterwards."""
_MANY: Final = {"skill": 40_000, "language": 60_000}
"""From so many profiles on it is quicker to walk the values, where a profile has several of them."""
_SPARE: Final = 40

Facets = dict[str, list[tuple[str, int]]]


def facets(searcher: Searcher, query: Query, total: int) -> Facets:
    """For each facet its most frequent values, at most VALUES_MAX, equal counts by the value.

    ``open`` counts true and false.
    """
    if total == 0:
        return {name: [] for name in (*FACETS, "open")}
    walked = [name for name in FACETS if total > _MANY.get(name, total)]
    # Another core walks the skills while this one counts the rest: tantivy works without the interpreter's lock.
    waiting = [(name, _pool().submit(_walked, searcher, query, name)) for name in walked]
    found = _counted(searcher, query, [name for name in FACETS if name not in walked], total)
    found |= {name: future.result() for name, future in waiting}
    return {name: found[name] for name in (*FACETS, "open")}


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, "facets")


def _counted(searcher: Searcher, query: Query, names: list[str], total: int) -> Facets:
    size = _ALL_BUCKETS if total <= _FEW else VALUES_MAX + _SPARE
    asked: dict[str, Any] = {name: _terms(facet_field(name), size) for name in names} | {"open": _terms("open", 2)}
    told: Any = searcher.aggregate(query, asked)
    found = {"open": [(each["key_as_string"], each["doc_count"]) for each in told.pop("open")["buckets"]]}
    for name, counts in told.items():
        buckets = [(each["key"], each["doc_count"]) for each in counts["buckets"]]
        buckets.sort(key=lambda each: (-each[1], each[0]))
        # Which of several equally frequent values are among those told is for tantivy to say; then all are looked at.
        cut = counts["sum_other_doc_count"] and buckets[-1][1] == buckets[VALUES_MAX - 1][1]
        unsure = cut or counts["doc_count_error_upper_bound"]
        found[name] = _walked(searcher, query, name) if unsure else buckets[:VALUES_MAX]
    found["open"].sort(key=lambda each: (-each[1], each[0]))
    return found


def _terms(field: str, size: int) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size, "segment_size": _ALL_BUCKETS}}


def _walked(searcher: Searcher, query: Query, name: str) -> list[tuple[str, int]]:
    # The query is given even for everybody: without one, profiles that were removed still count.
    return list(searcher.terms_with_prefix(facet_field(name), "", filter_query=query, limit=VALUES_MAX))
