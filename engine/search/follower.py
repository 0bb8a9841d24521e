"""Keeps the index of this machine like the directory: builds it, then follows the directory's change log.

Any number of processes may try; the one that holds the folder's lock does it, and the next one goes on when it is gone.
Where a process died does not matter: what is noted as followed is in the index, and following twice is once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import structlog

from engine.directory.changes import Changes, changes_since, positions
from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.store import all_profiles, visible_many
from engine.errors import EngineError
from engine.search.folder import Broken, IndexFolder, followed, sound
from engine.search.schema import MADE_AS
from engine.search.writing import Writer
from engine.store import RedisTrouble, Store, trouble_text

LOOKS_EVERY_S: Final = 0.5
"""How soon a change is seen: findable within two seconds, with what reading and committing it take."""
TRIES_AGAIN_S: Final = 5.0
COMMITS_EVERY: Final = 100_000
"""Profiles between two commits while much is read: what is done again after a crash."""
READ_AT_ONCE: Final = 2_000

log = structlog.get_logger()


def catch_up(store: Store, path: Path) -> int:
    """Bring the index up to date, built where there is none; gives how many profiles were written or removed.

    0 at once where another process follows already: it is no more than seconds behind, unless it builds.
    Errors: Unavailable (``disk_full``, ``index_unusable``), RedisTrouble; a repeat goes on where this one got to.
    """
    with IndexFolder(path).writing() as mine:
        if not mine:
            return 0
        with _following(store, IndexFolder(path)) as following:
            return following.catch_up()


def is_behind(store: Store, path: Path) -> bool:
    """Whether the directory has changed since what the index holds."""
    own = IndexFolder(path).current()
    noted = (own and followed(own, MADE_AS)) or {}
    return any(noted.get(shard, 0) != seq for shard, seq in positions(store).items())


class Follower:
    """Follows until it is told to stop; meant for a thread of its own in every process that searches."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store, self._folder = store, IndexFolder(path)
        self._told = ""

    def run(self, stop: Event) -> None:
        """Never raises for trouble with Redis or the disk: told in one line, tried again after TRIES_AGAIN_S."""
        while not stop.is_set():
            try:
                with self._folder.writing() as mine:
                    if mine:
                        self._follow(stop)
            except (EngineError, RedisTrouble) as error:
                self._tell(str(error) if isinstance(error, EngineError) else trouble_text(error))
                stop.wait(TRIES_AGAIN_S)
            stop.wait(LOOKS_EVERY_S)

    def _follow(self, stop: Event) -> None:
        with _following(self._store, self._folder) as following:
            following.catch_up(stop)
            self._told = ""
            while not stop.wait(LOOKS_EVERY_S) and following.current():
                following.catch_up(stop)

    def _tell(self, reason: str) -> None:
        """A line for each trouble, not for each time it is met."""
        if reason != self._told:
            log.warning("index.not_followed", reason=reason)
        self._told = reason


@contextmanager
def _following(store: Store, folder: IndexFolder) -> Iterator[_Following]:
    """The current index where it is of use, else one that was begun, else a new one."""
    own = folder.current()
    if own is None or followed(own, MADE_AS) is None or not sound(own):
        own = folder.unfinished(MADE_AS)
        if own is None or not sound(own):
            own = folder.new()
    try:
        writer = Writer(own)
    except Broken:
        own = folder.new()
        writer = Writer(own)
    with writer:
        yield _Following(store, folder, writer)


class _Following:
    def __init__(self, store: Store, folder: IndexFolder, writer: Writer) -> None:
        self._store, self._folder, self._writer = store, folder, writer
        self._noted = followed(writer.own, MADE_AS) or {}
        self._seqs = dict(self._noted)

    def current(self) -> bool:
        """Whether the index is still the one that is searched, and of use."""
        own = self._writer.own
        return self._folder.current() == own and followed(own, MADE_AS) is not None

    def catch_up(self, stop: Event | None = None) -> int:
        """Read what was never read, then what changed; searched from then on. Gives how many were put or removed.

        ``stop``: where that is set before a new index is whole, the next one to follow goes on with it.
        """
        count = 0
        for shard, seq in self._missing():
            if stop is not None and stop.is_set():
                self._commit()
                return count
            count += self._read_shard(shard, seq)
        while (changes := changes_since(self._store, self._seqs)).seqs:
            count += self._apply(changes)
        self._commit()
        if self._folder.current() != self._writer.own:
            self._folder.make_current(self._writer.own)
        return count

    def _missing(self) -> list[tuple[int, int]]:
        """The shards that are not in the index yet, all of a new one's; each with the last change there is."""
        missing = [shard for shard in range(DIRECTORY_SHARDS) if shard not in self._seqs]
        ends = positions(self._store) if missing else {}
        return [(shard, ends[shard]) for shard in missing]

    def _apply(self, changes: Changes) -> int:
        count = sum(self._read_shard(shard, changes.seqs[shard]) for shard in sorted(changes.gaps))
        changed = [ident for ids in changes.ids.values() for ident in ids]
        for start in range(0, len(changed), READ_AT_ONCE):
            ids = changed[start : start + READ_AT_ONCE]
            found = visible_many(self._store, ids)
            self._writer.remove_many(ident for ident, profile in zip(ids, found, strict=True) if profile is None)
            self._writer.add_many(profile for profile in found if profile is not None)
        self._seqs |= changes.seqs
        self._commit_some()
        return count + len(changed)

    def _read_shard(self, shard: int, seq: int) -> int:
        """Put the shard as it is in the place of what the index has of it; followed from ``seq`` on."""
        self._writer.remove_shard(shard)
        count = self._writer.add_new(all_profiles(self._store, shard, visible=True))
        self._seqs[shard] = seq
        self._commit_some()
        return count

    def _commit_some(self) -> None:
        if self._writer.pending >= COMMITS_EVERY:
            self._commit()

    def _commit(self) -> None:
        if self._seqs != self._noted:
            self._writer.commit(self._seqs)
            self._noted = dict(self._seqs)
