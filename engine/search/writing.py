"""Writing to an index: profiles put and removed, seen by readers when committed. One writer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import tantivy
from tantivy import Document, Query

from engine.directory.profile import Profile
from engine.search.folder import note_followed, told
from engine.search.schema import MADE_AS, PLACE, fields_of, schema

HEAP_BYTES: Final = 50_000_000
"""What tantivy collects before it writes a segment: some 200,000 profiles."""


class Writer:
    """Writes to the index in the folder ``own``, begun there where there is none. For whoever holds the folder's lock.

    Errors, of every method: Unavailable (``disk_full``, ``index_unusable``), Broken; the writer is then of no more
    use, and what was not committed is lost.
    """

    def __init__(self, own: Path) -> None:
        self.own = own
        self.pending = 0
        """How many profiles were put or removed since the last commit."""
        self._schema = schema()
        with told(own):
            index = tantivy.Index(self._schema, str(own), sort_by_field=PLACE)
            # One thread writes, this one prepares: more of them only make more segments.
            self._writer = index.writer(HEAP_BYTES, 1)

    def add_many(self, profiles: Iterable[Profile]) -> None:
        """Put profiles, in the place of those of their ids."""
        with told(self.own):
            for profile in profiles:
                self._writer.delete_documents_by_term("id", profile.id)
                self._add(profile)

    def add_new(self, profiles: Iterable[Profile]) -> int:
        """Put profiles whose ids are not in the index; of several of one id the first. Gives how many."""
        seen: set[str] = set()
        with told(self.own):
            for profile in profiles:
                if profile.id not in seen:
                    seen.add(profile.id)
                    self._add(profile)
        return len(seen)

    def remove_many(self, ids: Iterable[str]) -> None:
        """Remove the profiles of these ids, if they are there."""
        with told(self.own):
            for ident in ids:
                self._writer.delete_documents_by_term("id", ident)
                self.pending += 1

    def remove_shard(self, shard: int) -> None:
        """Remove every profile of a shard of the directory."""
        with told(self.own):
            self._writer.delete_documents_by_query(Query.term_query(self._schema, "shard", shard))
        self.pending += 1

    def _add(self, profile: Profile) -> None:
        self._writer.add_document(Document.from_dict(fields_of(profile), self._schema))
        self.pending += 1

    def commit(self, seqs: Mapping[int, int]) -> None:
        """Make it all visible and lasting at once, and then note how far the directory was followed."""
        if self.pending:
            with told(self.own):
                self._writer.commit()
            self.pending = 0
        note_followed(self.own, MADE_AS, seqs)

    def close(self) -> None:
        """Let go of the index; what was not committed is dropped. Waits for segments that are being merged."""
        with told(self.own):
            if self.pending:
                self._writer.rollback()
            self._writer.wait_merging_threads()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A writer that failed has nothing to wait for.
        if kind is None:
            self.close()
        else:
            del self._writer
