"""How many of the profiles found have which location, company, skill …: exact, the most frequent values first.

Tantivy counts in two ways. Its aggregation looks at each profile found, and is slow where a profile has several values;
walking the values and intersecting each one's profiles with those found takes as long for few profiles as for many.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, Final, cast

from tantivy import Query, Searcher

from engine.directory.profile import Profile
from engine.search.schema import FACETS, facet_field

VALUES_MAX: Final = 10
"""How many values of a facet are told."""

_ALL_BUCKETS: Final = 60_000
_TOO_MANY: Final = "bucket limit"
"""What tantivy says of an aggregation with more than 65,000 values in all its facets."""
_FEW: Final = 2_000
"""Of so few profiles every value is counted, and cut afterwards."""
_MANY: Final = {"skill": 0.07, "language": 0.035}
"""From this share of all profiles on it is quicker to walk the values, where a profile has several of them."""
_SPARE: Final = 40

Facets = dict[str, list[tuple[str, int]]]


def begin_facets(searcher: Searcher, query: Query) -> Future[Facets]:
    """For each facet its most frequent values, at most VALUES_MAX, equal counts by the value; ``open``: true and false.

    They are counted beside whatever the caller does until it asks for them: tantivy works without the interpreter's
    lock, and both ranking and counting take a few milliseconds.
    """
    return _threads("facets").submit(_facets, searcher, query)


def _facets(searcher: Searcher, query: Query) -> Facets:
    total: int = cast(Any, searcher.search(query, 1)).count
    if total == 0:
        return {name: [] for name in (*FACETS, "open")}
    walked = [name for name, share in _MANY.items() if total > share * searcher.num_docs and total > _FEW]
    single = [name for name in FACETS if name not in _MANY]
    several = [name for name in _MANY if name not in walked]
    # Another core looks at the skills while this one counts the rest. Nothing waits for a thread of the pool it is in.
    pool = _threads("values")
    waiting = [pool.submit(_walked, searcher, query, name) for name in walked]
    if total > _FEW:
        waiting += [pool.submit(_counted, searcher, query, several, total)]
        found = _counted(searcher, query, [*single, "open"], total)
    else:
        found = _counted(searcher, query, [*single, *several, "open"], total)
    for future in waiting:
        found |= future.result()
    return {name: found[name] for name in (*FACETS, "open")}


@cache
def _threads(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 2, name)


def _counted(searcher: Searcher, query: Query, names: list[str], total: int) -> Facets:
    if not names:
        return {}
    size = _ALL_BUCKETS if total <= _FEW else VALUES_MAX + _SPARE
    found: Facets = {}
    try:
        told: Any = searcher.aggregate(query, {name: _terms(name, size) for name in names})
    except ValueError as error:
        if _TOO_MANY not in str(error):
            raise
        if len(names) == 1:
            return _walked(searcher, query, *names)
        for name in names:  # the limit is on all of an aggregation: alone, most facets stay below it
            found |= _counted(searcher, query, [name], total)
        return found
    for name, counts in told.items():
        buckets = [(each.get("key_as_string", each["key"]), each["doc_count"]) for each in counts["buckets"]]
        buckets.sort(key=lambda each: (-each[1], each[0]))
        # Which of several equally frequent values are among those told is for tantivy to say; then all are looked at.
        cut = counts["sum_other_doc_count"] and buckets[-1][1] == buckets[VALUES_MAX - 1][1]
        if cut or counts["doc_count_error_upper_bound"]:
            found |= _walked(searcher, query, name)
        else:
            found[name] = buckets[:VALUES_MAX]
    return found


def _terms(name: str, size: int) -> dict[str, Any]:
    field = facet_field(name) if name in FACETS else name
    return {"terms": {"field": field, "size": size, "segment_size": _ALL_BUCKETS}}


def _walked(searcher: Searcher, query: Query, name: str) -> Facets:
    # The query is given even for everybody: without one, profiles that were removed still count.
    return {name: list(searcher.terms_with_prefix(facet_field(name), "", filter_query=query, limit=VALUES_MAX))}


def count_facets(profiles: Sequence[Profile]) -> Facets:
    """The same of profiles at hand, without an index."""
    counted: dict[str, Counter[str]] = {name: Counter() for name in (*FACETS, "open")}
    for each in profiles:
        for name, values in (("location", [each.location]), ("company", [each.company]), ("industry", [each.industry])):
            counted[name].update(filter(None, values))
        counted["skill"].update(each.skills)
        counted["language"].update(each.languages)
        counted["open"]["true" if each.open_to_work else "false"] += 1
    return {
        name: sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:VALUES_MAX]
        for name, counts in counted.items()
    }
