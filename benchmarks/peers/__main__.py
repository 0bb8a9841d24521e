"""The same job, one job per recipient, on other task queues: medians (lowest - highest) of rounds.

    python -m benchmarks.peers [--recipients N] [--rounds N] [--only NAME,NAME] [--no-aof] [--cache DIR]

Each round of each peer has a fresh redis-server, append-only file everysec unless ``--no-aof``. Peers are installed
from PyPI and npm while it runs, into ``--cache`` or else a temporary folder. Exits with 1 when a peer's books did not
come out even or it did not finish; one that cannot be installed is shown, and is no failure.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.peers.installing import NotAvailable, install
from benchmarks.peers.measuring import PeerFigures, measure
from benchmarks.peers.roster import PEERS


def main() -> int:
    """Measure the peers in turns, round by round, and print the table; 0, or 1 when something was wrong."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended, as on Ctrl-C
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        cache = Path(options.cache or folder).resolve()
        versions, reasons = _install(options.only, cache)
        rounds: dict[str, list[PeerFigures]] = {name: [] for name in versions}
        for number in range(options.rounds):
            for name in versions:
                print(f"round {number + 1}/{options.rounds}: {name}", file=sys.stderr)
                rounds[name].append(measure(name, options.recipients, cache=cache, aof=options.aof))
    _print(options, versions, reasons, rounds)
    return 1 if any(figures.wrong for measured in rounds.values() for figures in measured) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.partition("\n")[0])
    parser.add_argument("--recipients", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=_names, default=list(PEERS), help=f"some of {','.join(PEERS)}")
    parser.add_argument("--aof", action=argparse.BooleanOptionalAction, default=True, help="append-only file, everysec")
    parser.add_argument("--cache", help="a folder to keep the installed peers in")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)}")
    return names


def _install(names: list[str], cache: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions of the peers that can be run, and the reasons why the others cannot."""
    versions, reasons = {}, {}
    for name in names:
        try:
            versions[name] = install(PEERS[name], cache).version
        except NotAvailable as why:
            reasons[name] = str(why)
    return versions, reasons


def _print(
    options: argparse.Namespace,
    versions: dict[str, str],
    reasons: dict[str, str],
    rounds: dict[str, list[PeerFigures]],
) -> None:
    append_only = "append-only file everysec" if options.aof else "no append-only file"
    print(f"{options.recipients:,} recipients, {options.rounds} rounds, {os.cpu_count()} cores, {append_only}")
    table = Table()
    for name in ("peer", "sends/s", "refunds/s", "Redis bytes per InMail in flight", "of these, inbox"):
        table.add_column(name, justify="left" if name == "peer" else "right")
    for name in options.only:
        table.add_row(*([name, f"not available: {reasons[name]}"] if name in reasons else _row(versions, rounds, name)))
    Console(width=120).print(table)
    for name, number in versions.items():
        print(f"{name} {number}: {PEERS[name].configuration}")


def _row(versions: dict[str, str], rounds: dict[str, list[PeerFigures]], name: str) -> list[str]:
    if wrong := [figures.wrong for figures in rounds[name] if figures.wrong]:
        return [f"{name} {versions[name]}", f"wrong: {wrong[0]}"]
    columns = ("sends_s", "refunds_s", "redis_bytes", "inbox_bytes")
    return [f"{name} {versions[name]}", *(_spread([getattr(f, c) for f in rounds[name]]) for c in columns)]


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} – {max(values):,.0f})"


if __name__ == "__main__":
    sys.exit(main())
