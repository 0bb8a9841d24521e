"""Runs the traps of tests/broker/traps.py against the stock broker and ours: the table of docs/broker.md.

    python -m benchmarks.broker_traps [NAME ...] [--full]

Times are shortened (a heartbeat time-out of 1 s for 15, and so on); --full adds the ones that take minutes.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable

from tests.broker import traps
from tests.broker.rig import Rig, Server

TRAPS: dict[str, Callable[[Rig], traps.Outcome]] = {
    "T1 Redis killed and restarted": traps.redis_restarts,
    "T2 Redis read-only": traps.redis_is_read_only,
    "T2 Redis out of memory": traps.redis_is_full,
    "T2 Redis stalls": traps.redis_stalls,
    "T2 script cache flushed": traps.redis_forgets_scripts,
    "T3 long delays go first": traps.long_delays_go_first,
    "T4 busy beyond the heartbeat": traps.busy_worker_is_robbed,
    "T5 wrong clock": traps.clock_is_wrong,
    "T6 maintenance": traps.maintenance_reads_every_key,
    "T7 process killed": traps.process_is_killed,
    "T8 reply to enqueue lost": traps.enqueue_reply_is_lost,
    "T9 reply to fetch lost": traps.fetch_reply_is_lost,
}
FULL: dict[str, Callable[[Rig], traps.Outcome]] = {
    "T2 Redis stalls for 15 s (socket time-out 5 s)": lambda rig: traps.redis_stalls(rig, 15.0, 5.0),
    "T3 100,000 long delays go first": lambda rig: traps.long_delays_go_first(rig, 100_000),
    "T7 process killed, default times, within 90 s": lambda rig: traps.process_is_killed(
        rig, 15_000 if rig.is_ours else 60_000, 90.0
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only the traps whose name contains one of these")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    fallen = 0
    print("| trap | stock | ours |\n|---|---|---|", flush=True)
    for name, trap in (TRAPS | (FULL if arguments.full else {})).items():
        if arguments.names and not any(part in name for part in arguments.names):
            continue
        cells = []
        for kind in ("stock", "ours"):
            outcome = run(trap, kind)
            fallen += kind == "ours" and not outcome.held
            cells.append(f"{'holds' if outcome.held else '**fails**'}: {outcome.seen}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return int(fallen > 0)


def run(trap: Callable[[Rig], traps.Outcome], kind: str) -> traps.Outcome:
    """Run one trap on a server and a broker of its own."""
    server = Server()
    rig = Rig(kind, server)
    try:
        return trap(rig)
    finally:
        rig.close()
        server.close()


if __name__ == "__main__":
    sys.exit(main())
