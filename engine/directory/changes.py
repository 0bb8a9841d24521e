"""The directory's change log: which profiles changed since one looked last. An index follows it.

A change is a profile put, changed, removed, hidden, shown again or erased: whoever follows reads it anew by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.directory.keys import DIRECTORY_SHARDS
from engine.store import Store

ENTRIES_A_SHARD: Final = 100
"""At most so many entries of a shard at a time: 500 ids each at most."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed: ``ids`` per shard, in order; ``seqs``, from where to ask next; shards to be read anew in ``gaps``.

    Only shards where something changed are in any of them. A shard read anew is read after it was asked for here, and
    is followed from its seq in ``seqs`` on: what changes meanwhile is told then, perhaps twice.
    """

    ids: dict[int, list[str]] = field(default_factory=dict)
    seqs: dict[int, int] = field(default_factory=dict)
    gaps: frozenset[int] = frozenset()


def changes_since(store: Store, seqs: Mapping[int, int]) -> Changes:
    """What changed in each shard since its seq in ``seqs`` (0, or not there: from the beginning on).

    Not all there is at once: ask again, until nothing is told. One round trip where nothing changed, two otherwise.
    A shard is a gap where the log no longer reaches back so far, or has never had that seq (a Redis that went back).
    """
    ends = _ends(store)
    moved = {shard: seqs.get(shard, 0) for shard, (seq, _) in ends.items() if seq != seqs.get(shard, 0)}
    pipe = store.client.pipeline(transaction=False)
    for shard, since in moved.items():
        pipe.xrange(store.keys.changes(shard), min=f"{since}-0", count=ENTRIES_A_SHARD + 1)
    found = Changes()
    gaps = set()
    for (shard, since), entries in zip(moved.items(), pipe.execute() if moved else (), strict=True):
        if since == ends[shard][1]:  # nothing, or exactly this far, was let go
            fresh = entries[:ENTRIES_A_SHARD]
        elif entries and _number(entries[0]) == since:
            fresh = entries[1:]
        else:
            gaps.add(shard)
            found.seqs[shard] = ends[shard][0]
            continue
        if fresh:
            found.seqs[shard] = _number(fresh[-1])
            found.ids[shard] = list(
                dict.fromkeys(ident for _, said in fresh for ident in said[b"ids"].decode().split("\n"))
            )
    return Changes(found.ids, found.seqs, frozenset(gaps))


def positions(store: Store) -> dict[int, int]:
    """The seq of the last change of every shard, 0 where there was none: to be read before the shards themselves."""
    return {shard: seq for shard, (seq, _) in _ends(store).items()}


def _ends(store: Store) -> dict[int, tuple[int, int]]:
    """For each shard the seq of its last change and of the last one let go."""
    pipe = store.client.pipeline(transaction=False)
    for shard in range(DIRECTORY_SHARDS):
        pipe.hmget(store.keys.directory(shard), "seq", "let_go")
    return {shard: (int(seq or 0), int(let_go or 0)) for shard, (seq, let_go) in enumerate(pipe.execute())}


def _number(entry: tuple[bytes, Any]) -> int:
    return int(entry[0].partition(b"-")[0])
