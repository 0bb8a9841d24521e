"""The directory: how many made-up profiles a second are put, put again and read, and what one takes of Redis' memory.

``python -m benchmarks.directory [--profiles N] [--import]``, on a private redis-server without persistence. With
``--import`` they come out of a CSV list; otherwise they are put as they are. Making them up is not counted.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.candidates import candidates
from benchmarks.redis_server import own_redis
from engine.directory import store as directory
from engine.directory.exporting import EXPORTED, cells_of
from engine.directory.importing import PROFILES_AT_ONCE, import_profiles, open_candidates
from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.profile import Profile
from engine.store import Store, open_client

_AGAIN_MAX = 200_000
"""So many are put again: making them up takes far longer than putting them."""


def main() -> int:
    """Put the profiles, put them again, read them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--import", dest="imported", action="store_true", help="out of a CSV list")
    options = parser.parse_args()
    table = Table()
    for name in ("figure", "value"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    with own_redis() as url:
        store = Store(open_client(url))
        before = _memory(store)
        run = _imported if options.imported else _put
        for name, pace in run(store, options.profiles):
            table.add_row(f"{name}, profiles/s", f"{pace:,.0f}")
        used = (_memory(store) - before) / options.profiles
        parts = _parts(store, options.profiles)
        started = time.perf_counter()
        read = sum(1 for shard in range(DIRECTORY_SHARDS) for _ in directory.all_profiles(store, shard, visible=True))
        table.add_row("read and unpacked, profiles/s", f"{read / (time.perf_counter() - started):,.0f}")
        table.add_row("Redis memory a profile, bytes", f"{used:,.0f}")
        for name, size in parts.items():
            table.add_row(f"  of it {name}", f"{size:,.0f}")
        assert directory.count(store) == options.profiles
        store.client.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    table.add_row("peak RSS of this process, MB", f"{peak_mb:,.0f}")
    print(f"{options.profiles:,} profiles, {os.cpu_count()} cores")
    Console(width=100).print(table)
    return 0


def _put(store: Store, n: int) -> Iterator[tuple[str, float]]:
    for name, many in (("put, all new", n), ("put again, all the same", min(n, _AGAIN_MAX))):
        seconds, made = 0.0, candidates(many)
        while portion := list(islice(made, PROFILES_AT_ONCE)):
            seconds += _timed(lambda profiles=portion: directory.put_many(store, profiles))
        yield name, many / seconds


def _imported(store: Store, n: int) -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as folder:
        path = Path(folder) / "list.csv"
        with path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(EXPORTED)
            out.writerows(map(cells_of, candidates(n)))
        print(f"{path.stat().st_size / 1e6:,.0f} MB of CSV")
        for name in ("imported, all new", "imported again, all the same"):
            with open_candidates(path) as listed:
                yield name, n / _timed(lambda listed=listed: import_profiles(store, listed))


def _timed(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _memory(store: Store) -> int:
    return int(store.client.info("memory")["used_memory"])


def _parts(store: Store, n: int) -> dict[str, float]:
    """Bytes a profile of each kind of key, and of what is stored as such."""
    found = {
        name: sum(
            store.client.memory_usage(getattr(store.keys, kind)(shard), samples=1000) or 0
            for shard in range(DIRECTORY_SHARDS)
        )
        / n
        for name, kind in (("profiles", "profiles"), ("addresses", "addresses"), ("change log", "changes"))
    }
    some: list[Profile] = list(islice(candidates(n), 2000))
    stored = directory.stored_many(store, [each.id for each in some])
    return found | {"packed profile itself": sum(map(len, filter(None, stored))) / len(some)}


if __name__ == "__main__":
    sys.exit(main())
