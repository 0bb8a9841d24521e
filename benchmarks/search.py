"""Candidate search at a million profiles: building, following and asking the index; beside SQLite FTS5 and Redis sets.

``python -m benchmarks.search [--profiles N] [--per-kind N] [--no-peers]``. The directory lies in a Redis of its own;
the index is built, and searched, each in a process of its own, so that memory and CPU are its own. Peers are asked what
they can express, on the same folded words and without typos, which they do not know; that they find the same people is
checked for each of these queries. Exits with 4 where they do not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import search_peers as peers
from benchmarks.redis_server import own_redis
from benchmarks.report import table
from benchmarks.search_queries import Asked, parsed, queries, spelled
from engine.directory.profile import Profile
from engine.directory.store import put_many
from engine.search.follower import Follower, catch_up
from engine.search.index import FOUND_MAX, Index
from engine.store import Store, open_client

MOST = 300
"""How many ids a search gives: a plan's cap."""
CHANGES = 20
_STEP = 50


@dataclass
class Times:
    """Milliseconds of each query, by its kind: on the clock, and of CPU in all threads of the process."""

    by_kind: dict[str, list[tuple[float, float]]]

    def row(self, name: str) -> list[str]:
        every = [pair for found in self.by_kind.values() for pair in found]
        figures = [one for values in zip(*every, strict=True) for one in (median(values), _p99(values), max(values))]
        return [name, f"{len(every):,}", *(f"{each:,.2f}" for each in figures)]


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[98]


def built(url: str, path: Path) -> dict[str, float]:
    """Build the index from the directory, in this process."""
    store = Store(open_client(url))
    began = time.perf_counter()
    count = catch_up(store, path)
    took_s = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"count": count, "took_s": took_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1e3}


def asked(path: Path, given: list[Asked]) -> dict[str, Any]:
    """Ask everything, without facets and with them, in this process."""
    index = Index.open(path)
    before = memory()
    for one in given[: len(given) // 10]:
        index.search(parsed(one.text), most=MOST, facets=True)
    told: dict[str, Any] = {"before": before, "segments": index.refresh().num_segments, "totals": []}
    for facets in (False, True):
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for one in given:
            began, cpu_began = time.perf_counter(), time.process_time()
            totals = index.search(parsed(one.text), most=MOST, facets=facets).total
            cpu_ms, ms = (time.process_time() - cpu_began) * 1e3, (time.perf_counter() - began) * 1e3
            found[one.kind].append((ms, cpu_ms))
            told["totals"].append(totals)
        told["with" if facets else "without"] = Times(dict(found))
    return told | {"memory": memory()}


def memory() -> dict[str, float]:
    """MB of this process: its own (anonymous), and what is mapped from files, which the kernel may take back."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[name].split()[0]) / 1e3 for name in ("VmRSS", "RssAnon", "RssFile")}


def follow(url: str, path: Path, stop: Any) -> None:
    Follower(Store(open_client(url)), path).run(stop)


def freshness(url: str, path: Path, known: list[Profile]) -> list[float]:
    """Seconds from when a change is in the directory to when another process than the one that follows finds it."""
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    process = spawn.Process(target=follow, args=(url, path, stop))
    process.start()
    store, index, took = Store(open_client(url)), Index.open(path), []
    try:
        for number, profile in enumerate(known[:CHANGES]):
            put_many(store, [replace(profile, title=f"Changed{number}x")])
            began = time.perf_counter()
            while index.search(parsed(f"title:changed{number}x")).total == 0:
                if time.perf_counter() - began > 60:
                    raise SystemExit("a change is not found")
                threading.Event().wait(0.005)
            took.append(time.perf_counter() - began)
    finally:
        stop.set()
        process.join()
    return took[1:]  # at the first the process that follows was still starting


class Beside:
    """The peers, and what they said."""

    def __init__(self, folder: Path, url: str) -> None:
        self.all: list[Any] = [peers.Fts5(folder / "fts5.db"), peers.Sets(url)]
        self.ids: list[str] = []
        self.wrong: list[str] = []

    def compare(self, index: Index, given: list[Asked]) -> list[list[str]]:
        return [row for peer in self.all for row in self._with(peer, index, given)]

    def _with(self, peer: Any, index: Index, given: list[Asked]) -> list[list[str]]:
        ours, theirs, sets = [], [], 0
        for one in given:
            node = spelled(parsed(one.text))
            try:
                prepared = peer.prepare(node)
            except peers.Unsaid:
                continue
            began = time.perf_counter()
            found = index.search(node, most=peers.FIRST)
            ours.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            total = peer.search(prepared)
            theirs.append((time.perf_counter() - began) * 1e3)
            if found.total <= FOUND_MAX:
                sets += 1
                same = {self.ids[number] for number in peer.everyone(prepared)} == set(
                    index.search(node, most=FOUND_MAX).ids
                )
            else:
                same = total == found.total
            if not same or total != found.total:
                self.wrong.append(f"{peer.name}: {one.text}: {total} beside {found.total}")
        said = f"{len(ours)} queries, {sets} as sets"
        return [
            [f"{peer.name} ({said})", *(f"{each:,.2f}" for each in (median(theirs), _p99(theirs), max(theirs)))],
            ["… the index, the same", *(f"{each:,.2f}" for each in (median(ours), _p99(ours), max(ours)))],
        ]


def main() -> int:
    """Run it all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--per-kind", type=int, default=80)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-search-") as name,
        own_redis("--appendonly", "no") as url,
        own_redis("--appendonly", "no") as sets_url,
    ):
        return _run(options, Path(name), url, "" if options.no_peers else sets_url)


def _run(options: argparse.Namespace, folder: Path, url: str, sets_url: str) -> int:
    path, spawn = folder / "index", multiprocessing.get_context("spawn")
    with spawn.Pool(4, maxtasksperchild=1) as pool:
        shares = [(url, each) for each in peers.shares(options.profiles)]
        peering = [pool.apply_async(put, (folder, sets_url, n, options.profiles)) for n in (0, 1) if sets_url]
        known = [profile for share in pool.starmap(fill, shares, chunksize=1) for profile in share]
        _say("the directory is filled")
        ids = [each.get() for each in peering]
    given = queries(known, options.per_kind)
    with spawn.Pool(1, maxtasksperchild=1) as pool:
        made = pool.apply(built, (url, path))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        _say(f"built: {made}")
        told = pool.apply(asked, (path, given))
    _tell(made, size, told)
    wrong = _beside(folder, sets_url, ids[0], Index.open(path), given) if ids else []
    took = freshness(url, path, [each for each in known if each.consent][-CHANGES:])
    print(f"a changed profile is found after {median(took):.2f} s ({max(took):.2f} at most, {len(took)} times)")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")
    for line in wrong:
        print("NOT THE SAME:", line)
    return 4 if wrong else 0


def _beside(folder: Path, sets_url: str, ids: list[str], index: Index, given: list[Asked]) -> list[str]:
    beside = Beside(folder, sets_url)
    beside.ids = ids
    rows = beside.compare(index, given)
    table("ms, the number and the first hundred", ["", "p50", "p99", "most"], rows)
    for peer in beside.all:
        print(f"{peer.name}: {peer.bytes() / len(ids):,.0f} bytes a profile")
    return beside.wrong


def fill(url: str, share: tuple[int, int]) -> list[Profile]:
    """Put a share of the profiles into the directory; gives some of them, spread evenly."""
    store, known = Store(open_client(url)), []
    for chunk in peers.chunks(share):
        put_many(store, chunk)
        known += chunk[::_STEP]
    return known


def put(folder: Path, url: str, which: int, count: int) -> list[str]:
    """Put all who may be found into one of the peers; gives their ids, in the order of their numbers there."""
    peer, ids = Beside(folder, url).all[which], []
    for share in peers.shares(count):
        for chunk in peers.chunks(share):
            rows = peers.rows(each for each in chunk if each.consent)
            peer.put(len(ids), rows)
            ids += [row["id"] for row in rows]
    peer.finish()
    return ids


def _tell(made: dict[str, float], size: int, told: dict[str, Any]) -> None:
    count = made["count"]
    print(
        f"{count:,.0f} profiles indexed from the directory in {made['took_s']:,.1f} s: {count / made['took_s']:,.0f} /s"
    )
    cpu_us = made["cpu_s"] / count * 1e6
    print(f"CPU {cpu_us:.0f} us a profile; peak RSS {made['peak_mb']:,.0f} MB; load {os.getloadavg()[0]:.1f}")
    print(f"index {size / count:,.0f} bytes a profile, {told['segments']} segments")
    for when, found in (("opened", told["before"]), ("after all queries", told["memory"])):
        print(f"RSS {when}: {found['VmRSS']:.0f} MB = {found['RssAnon']:.0f} own + {found['RssFile']:.0f} mapped files")
    rows = [told["without"].row("all, without facets"), told["with"].row("all, with facets")]
    for kind, values in told["with"].by_kind.items():
        rows.append(Times({kind: values}).row(f"… {kind}"))
    table(f"ms a query, {MOST} ids each", ["", "queries", "p50", "p99", "most", "CPU p50", "p99", "most"], rows)
    totals = sorted(told["totals"])
    print(f"profiles found: half of the queries {totals[len(totals) // 2]:,} or more, at most {totals[-1]:,}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
