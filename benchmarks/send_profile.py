"""Where the time of a send goes: the worker's part by function, and Redis' part by script and command.

``python -m benchmarks.send_profile [--recipients N] [--pack-size N] [--rows N]``

One process runs what a message runs (claim, deliver, settle, alarm), half of the packs without a profiler, for the
time, and half with cProfile, for the shares: cProfile makes many small calls look dearer than they are.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.redis_server import own_redis
from benchmarks.report import table
from benchmarks.stage import Stage, a_list
from engine.campaigns import get_campaign
from engine.store import Store, open_client
from workers.actors import Actors
from workers.wiring import make_broker


def main() -> int:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=200_000)
    parser.add_argument("--pack-size", type=int, default=500)
    parser.add_argument("--rows", type=int, default=12)
    options = parser.parse_args()
    with own_redis("--appendonly", "yes") as url, tempfile.TemporaryDirectory(prefix="bench-profile-") as folder:
        store = Store(open_client(url))
        actors = Actors(make_broker(url, store.keys.namespace, store), store, lease_ms=30_000)
        bench = Stage(Path(folder), None, store, [], 0)  # type: ignore[arg-type]
        account = bench.account("bench", options.recipients)
        source = a_list(Path(folder) / "list.csv", options.recipients)
        campaign = bench.submit(account, source, pack_size=options.pack_size)
        packs = get_campaign(store, campaign).packs
        half, sends = packs // 2, options.recipients / 2
        store.client.config_resetstat()
        began, cpu_began = time.perf_counter(), time.process_time()
        for pack in range(half):
            actors.send_packs.fn([(campaign, pack)])
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        stats: dict[str, Any] = store.client.info("commandstats")
        profile = cProfile.Profile()
        profile.enable()
        for pack in range(half, packs):
            actors.send_packs.fn([(campaign, pack)])
        profile.disable()
        assert get_campaign(store, campaign).state == "sent"
    rows = [
        ["in all", f"{took_s / sends * 1e6:.2f}"],
        ["… CPU of the worker", f"{cpu_s / sends * 1e6:.2f}"],
        ["… scripts, in Redis", f"{stats['cmdstat_evalsha']['usec'] / sends:.2f}"],
    ]
    for name, it in sorted(stats.items(), key=lambda each: -each[1]["usec"])[1 : options.rows]:
        said = f"…… {name.removeprefix('cmdstat_')}, {it['calls'] / half:.1f} a pack"
        rows.append([said, f"{it['usec'] / sends:.2f}"])
    title = f"microseconds a recipient, packs of {options.pack_size}, one worker in one thread"
    table(title, ["", "µs"], rows)
    _functions(profile, options.rows)
    return 0


def _functions(profile: cProfile.Profile, most: int) -> None:
    stats: Any = pstats.Stats(profile)
    whole, found = stats.total_tt, []
    for (file, _, name), (_, calls, own_s, _, _) in stats.stats.items():
        place = "built in" if file == "~" else "/".join(Path(file).parts[-2:])
        found.append((own_s, calls, f"{name.strip('<>')} ({place})"))
    rows = [[name, f"{own / whole:.0%}", f"{calls:,}"] for own, calls, name in sorted(found, reverse=True)[:most]]
    table("the worker's functions, their own share under cProfile", ["", "share", "calls"], rows)


if __name__ == "__main__":
    sys.exit(main())
