"""A million-row list, checked and uploaded in one pass: rows a second and the memory it took.

``python -m benchmarks.intake [--rows N] [--rounds N]``. Each round is a process of its own, so that its peak memory is
its own; the Redis is a private one with AOF everysec.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.people import COLUMNS, people
from config.settings import get_settings
from engine import opening, submitting
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.plans import Plan
from workers.embedded_redis import EmbeddedRedis
from workers.runtime import open_store


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=3, metavar=("URL", "ACCOUNT", "LIST"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return _child(*options.child)
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as folder:
        source = Path(folder) / "list.csv"
        with source.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            out.writerows(people(options.rows))
        redis = EmbeddedRedis(Path(folder) / "data", prefer=get_settings().embedded)
        info = redis.attach()
        try:
            found = [_round(info.url, f"bench{i}", source) for i in range(options.rounds)]
        finally:
            redis.detach()
        size_mb = source.stat().st_size / 1e6
    print(f"{options.rows:,} rows, {size_mb:,.0f} MB of CSV, {os.cpu_count()} cores, Redis {info.version}")
    table = Table()
    for name in ("figure", "median", "lowest", "highest"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for name, values in (("rows/s", [f[0] for f in found]), ("peak RSS, MB", [f[1] for f in found])):
        table.add_row(name, *(f"{f(values):,.0f}" for f in (statistics.median, min, max)))
    Console(width=110).print(table)
    return 0


def _round(url: str, account: str, source: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.intake", "--child", url, account, str(source)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[0]), float(printed[1])


def _child(url: str, account: str, source: str) -> int:
    store = open_store(url)
    opening.open_account(store, account, email="b@example.org", name="Bench", plan=Plan("bench", "Bench"))
    with open_list(source) as listed:
        message = parse_message("Hello {{ first_name }}", "Would {{ company }} spare you?", columns=listed.columns)
        started = time.perf_counter()
        done = submitting.submit(store, account, listed, message, submitting.Order("bench", 500, 1000))
        elapsed_s = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_mb = peak / 1e6 if sys.platform == "darwin" else peak / 1e3
    print(done.tally.accepted / elapsed_s, peak_mb)
    return 0


if __name__ == "__main__":
    sys.exit(main())
