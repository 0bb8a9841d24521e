"""The main job at speed: made-up recipients through scheduler, Dramatiq workers and a real Redis with AOF everysec.

``make bench`` or ``python -m benchmarks.campaign [--recipients N] [--workers N] [--rounds N] [--pack-size N]``.
Prints a table with medians and ends with an audit; exits with 4 when that is not clean.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import figure, machine, outcome, scripts, stalls, table, watch_scripts
from benchmarks.stage import Stage, a_list, stage


def main() -> int:
    """Run the rounds and print the table; 0, or 4 when an audit found drift."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pack-size", type=int, default=500)
    options = parser.parse_args()
    found: dict[str, list[float]] = {
        "intake, rows/s": [],
        "sends/s, from grant to last settle": [],
        "Redis bytes per InMail in flight": [],
        "of these, rows and letters": [],
    }
    drift: list[str] = []
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as folder, stage(options.workers) as it:
        source = a_list(Path(folder) / "list.csv", options.recipients)
        watch_scripts(it.store.client)
        for number in range(options.rounds):
            # An empty server each round, so that no round's memory stands on another's tables; and another account,
            # as the workers would take a log that begins again for a Redis that came back older.
            it.empty()
            for values, value in zip(found.values(), _round(it, f"bench{number}", source, options), strict=True):
                values.append(value)
            drift += it.drift()
        noted, held_up = scripts(it.store.client), stalls(it.store.client)
        server = f"Redis {it.info.version}"
    title = f"{options.recipients:,} recipients, {options.workers} worker processes, {machine(server)}"
    table(title, ["", "median (lowest - highest)"], [[name, figure(values)] for name, values in found.items()])
    print(
        f"scripts: {noted.calls:,}, p99 {noted.p99_ms:.1f} ms, {noted.over_5_ms} over 5 ms; stalls of Redis: {held_up}"
    )
    return outcome(drift)


def _round(it: Stage, account: str, source: Path, options: argparse.Namespace) -> tuple[float, ...]:
    n = options.recipients
    it.account(account)
    before, began = it.used_bytes(), time.perf_counter()
    campaign = it.submit(account, source, pack_size=options.pack_size)
    intake_s = time.perf_counter() - began
    rows_bytes = it.used_bytes() - before
    send_s = it.send(account, campaign, n)
    return n / intake_s, n / send_s, (it.used_bytes() - before) / n, rows_bytes / n


if __name__ == "__main__":
    sys.exit(main())
