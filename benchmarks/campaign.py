"""The main job at speed: made-up recipients through scheduler, Dramatiq workers and a real Redis with AOF everysec.

``make bench`` or ``python -m benchmarks.campaign [--recipients N] [--workers N] [--rounds N] [--pack-size N]``.
Prints a table with medians and ends with an audit; exits with 4 when that is not clean.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.people import COLUMNS, people
from cli import up
from config.settings import get_settings
from engine import accounts, agenda, campaigns, credits, submitting
from engine.audit import audit
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.plans import Plan
from engine.store import Store
from workers.embedded_redis import EmbeddedRedis
from workers.runtime import open_store

WAIT_S_MAX = 600.0
WINDOW_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured."""

    intake_rows_s: float
    sends_s: float
    redis_bytes: float
    rows_bytes: float


def main() -> int:
    """Run the rounds and print the table; 0, or 4 when an audit found drift."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pack-size", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as folder:
        redis = EmbeddedRedis(Path(folder) / "data", prefer=get_settings().embedded)
        info = redis.attach()
        store = open_store(info.url)
        family = up.children(options.workers, up.child_env(info.url, info.url) | {"INMAIL_LOG_LEVEL": "warning"})
        try:
            source = _write_list(Path(folder) / "list.csv", options.recipients)
            for child in family:
                child.tend()
            rounds, drift = [], []
            for number in range(options.rounds):
                # An empty server each round, so that no round's memory stands on another's tables; and another account,
                # as the workers would take a log that begins again for a Redis that came back older.
                account = f"bench{number}"
                store.client.flushall()
                _wait(lambda: len(agenda.present(store)) > options.workers, "the processes to be heard of again")
                rounds.append(_round(store, account, source, options.pack_size))
                drift += audit(store, account).drift
            _print(rounds, options, f"Redis {info.version}, append-only file everysec")
        finally:
            up.stop_all(family)
            store.client.close()
            redis.detach()
    print("audit: clean" if not drift else "audit: " + "; ".join(drift))
    return 4 if drift else 0


def _write_list(path: Path, n: int) -> Path:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows(people(n))
    return path


def _round(store: Store, account: str, source: Path, pack_size: int) -> Round:
    accounts.open_account(store, account, email="b@example.org", name="Bench", plan=Plan("bench", "Bench"))
    before = store.client.info("memory")["used_memory"]
    with open_list(source) as listed:
        message = parse_message("Hello {{ first_name }}", "Would {{ company }} spare you?", columns=listed.columns)
        started = time.perf_counter()
        done = submitting.submit(
            store, account, listed, message, submitting.Order("bench", pack_size, refund_after_ms=WINDOW_MS)
        )
        intake_s = time.perf_counter() - started
    n = done.tally.accepted
    rows_bytes = (store.client.info("memory")["used_memory"] - before) / n
    # Without a credit the campaign waits: the grant is the starting gun.
    _wait(lambda: campaigns.get_campaign(store, done.campaign).state == "waiting", "the campaign to wait")
    started = time.perf_counter()
    credits.grant(store, account, n, reason="bench")
    key = store.keys.campaign(done.campaign)
    _wait(lambda: store.client.hget(key, "state") == b"sent", "the campaign to be sent")
    send_s = time.perf_counter() - started
    used = (store.client.info("memory")["used_memory"] - before) / n
    return Round(n / intake_s, n / send_s, used, rows_bytes)


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(0.005)


def _print(rounds: list[Round], options: argparse.Namespace, server: str) -> None:
    print(f"{options.recipients:,} recipients, {options.workers} worker processes, {os.cpu_count()} cores, {server}")
    table = Table()
    for name in ("figure", "median", "lowest", "highest"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    figures = {
        "intake, rows/s": [r.intake_rows_s for r in rounds],
        "sends/s, from grant to last settle": [r.sends_s for r in rounds],
        "Redis bytes per InMail in flight": [r.redis_bytes for r in rounds],
        "of these, rows and letters": [r.rows_bytes for r in rounds],
    }
    for name, values in figures.items():
        table.add_row(name, *(f"{f(values):,.0f}" for f in (statistics.median, min, max)))
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
