"""The index as a search reads it: what matches a tree, best first, and what is known of all that match.

An index is a copy of the directory's searchable profiles on this machine's disk, shared by its processes: one of them
writes it (engine/search/follower.py), all of them read what was last committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import tantivy
from tantivy import Order, Query, Searcher

from engine.errors import Unavailable
from engine.search.compile import differs, scoring, selecting, tiers
from engine.search.endings import TOO_MANY, shared_out
from engine.search.facets import Facets, begin_facets
from engine.search.folder import Broken, IndexFolder, changed_mark, followed, note_broken, sound, told
from engine.search.schema import MADE_AS, PLACE, WEIGHT, place_of
from engine.search.tree import Node

FOUND_MAX: Final = 100_000
"""The most ids one search gives."""
_SPARE: Final = 200
"""How many more are looked at, so that those found equally well can be told apart."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: how many profiles, the ids of the best ones in order, and what they are counted by.

    ``facets``: location, company, skill, industry, language and open → the most frequent values, spelled as in the
    profiles, each with how many of all profiles found have it; empty where none were asked for.
    """

    total: int
    ids: list[str]
    facets: Facets = field(default_factory=dict)


class Index:
    """A reader; any number of threads may share it. What is committed later is seen by the next search."""

    def __init__(self, path: Path) -> None:
        self._folder = IndexFolder(path)
        self._lock = Lock()
        self._mark: tuple[int, int] | None = None
        self._committed: tuple[int, int] | None = None
        self._own: Path | None = None
        self._reader: tantivy.Index | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """The index in this folder. Errors: Unavailable (``no_index``) where none was built yet, Broken."""
        index = cls(path)
        index.refresh()
        return index

    def search(self, node: Node, *, most: int = 100, facets: bool = False) -> Found:
        """The profiles a tree matches: the best first, those found equally well always in the same order.

        ``most`` (0 to FOUND_MAX): how many ids. Errors: Unavailable (``no_index``), Broken.
        """
        searcher = self.refresh()
        with self._answering():
            try:
                return _found(searcher, node, min(most, FOUND_MAX), facets=facets)
            except ValueError as error:
                if TOO_MANY not in str(error):
                    raise
                return _found(searcher, shared_out(searcher, node), min(most, FOUND_MAX), facets=facets)

    def followed(self) -> dict[int, int]:
        """For each shard of the directory the change that is in the index; a shard that is not there was never read."""
        self.refresh()
        return (self._own and followed(self._own, MADE_AS)) or {}

    def __len__(self) -> int:
        """How many profiles are in it."""
        return self.refresh().num_docs

    def refresh(self) -> Searcher:
        """What is committed now: two looks at files where nothing changed. Errors: as ``search``."""
        with self._lock:
            try:
                return self._committed_now()
            except Broken:
                self._reader = None
                if self._folder.mark() == self._mark:
                    self._note_if_spoiled()
                    raise
                return self._committed_now()  # another one took its place while this one was opened

    def _committed_now(self) -> Searcher:
        if self._reader is None or self._folder.mark() != self._mark:
            self._reopen()
        assert self._reader is not None
        assert self._own is not None
        committed = changed_mark(self._own)
        if committed != self._committed:
            with told(self._own):
                self._reader.reload()
            self._committed = committed
        return self._reader.searcher()

    def _note_if_spoiled(self) -> bool:
        """Whether the files are not what they were; whoever writes is told then."""
        spoiled = self._own is not None and self._own.exists() and not sound(self._own)
        if spoiled and self._own is not None:
            note_broken(self._own)
        return spoiled

    def _reopen(self) -> None:
        self._mark, own = self._folder.mark(), self._folder.current()
        if own is None or followed(own, MADE_AS) is None:
            self._reader = None
            raise Unavailable(
                f"there is no search index in {self._folder.path} yet; it is being built", code="no_index"
            )
        self._own = own
        with told(own):
            self._committed = changed_mark(own)
            reader = tantivy.Index.open(str(own))
            # No thread of tantivy's that looks for commits: refresh() does.
            reader.config_reader("manual", 0)
            reader.reload()
        self._reader = reader

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Trouble while searching: Broken only where the files are, so that no query can have an index built anew."""
        assert self._own is not None
        try:
            with told(self._own):
                yield
        except Broken as error:
            if not self._note_if_spoiled():
                raise Unavailable("this query cannot be answered by the search index", code="unanswerable") from error
            self._reader = None
            raise


def _found(searcher: Searcher, node: Node, most: int, *, facets: bool) -> Found:
    selected = selecting(node)
    counting = begin_facets(searcher, selected) if facets else None
    ids, total = _ranked(searcher, node, selected, most)
    return Found(total, ids, counting.result() if counting else {})


def _ranked(searcher: Searcher, node: Node, selected: Query, most: int) -> tuple[list[str], int]:
    """The best ids, and how many profiles match."""
    if not most:
        return [], _count(searcher.search(selected, 1))
    if not differs(node):
        return _in_place(searcher, selected, most)
    if found_by_tier := tiers(node):
        ids: list[str] = []
        for tier in found_by_tier:
            if len(ids) < most:
                ids += _in_place(searcher, tier, most - len(ids))[0]
        return ids, _count(searcher.search(selected, 1))
    weighted, asked = scoring(node), most + _SPARE
    while True:
        # No more are asked for than there may be: tantivy makes room for all of them.
        found = searcher.search(weighted, min(asked, searcher.num_docs or 1), weight_by_field=WEIGHT)
        # Which of those weighted alike are among the hits is for the index's files to say: they must all be.
        if _count(found) <= len(found.hits) or found.hits[most - 1][0] > found.hits[-1][0]:
            break
        asked *= 4
    last = found.hits[min(most, len(found.hits)) - 1][0] if found.hits else 0
    hits = [(-int(score), searcher.doc(where)["id"][0]) for score, where in found.hits if score >= last]
    hits.sort(key=lambda hit: (hit[0], place_of(hit[1]), hit[1]))
    return [ident for _, ident in hits[:most]], _count(found)


def _in_place(searcher: Searcher, query: Query, most: int) -> tuple[list[str], int]:
    """The first ids by their place, and how many match."""
    found = searcher.search(query, most, order_by_field=PLACE, order=Order.Asc)
    hits = [(place, searcher.doc(where)["id"][0]) for place, where in found.hits]
    return [ident for _, ident in sorted(hits)], _count(found)


def _count(found: Any) -> int:
    """How many match: tantivy's own typing does not know of it."""
    return int(found.count)
