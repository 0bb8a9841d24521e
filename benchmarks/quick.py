"""The main figures at quick sizes in one table, each beside stock Dramatiq or the bare loop, measured in turns.

``make bench`` or ``python -m benchmarks.quick [--recipients N] [--one-each N] [--rounds N]``. It takes a few minutes
and installs nothing; ``make bench-full`` has the full sizes and the other task queues. Exits with 4 when an audit found
drift, with 1 when Dramatiq's books did not come out even.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.peers.measuring import measure
from benchmarks.refunds import all_due, drained, the_moment
from benchmarks.report import figure, machine, outcome, ratio, scripts, stalls, table, watch_scripts
from benchmarks.sends import bare, ours
from benchmarks.stage import Stage, a_list, stage
from workers.wiring import bare_broker


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=200_000)
    parser.add_argument("--one-each", type=int, default=10_000, help="recipients where each is a message of its own")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: defaultdict[str, list[float]] = defaultdict(list)
    drift, wrong, said = [], [], ""
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as folder:
        source = a_list(Path(folder) / "list.csv", options.recipients)
        few = a_list(Path(folder) / "few.csv", options.one_each)
        for number in range(options.rounds):
            print(f"round {number + 1}/{options.rounds}", file=sys.stderr)
            with stage() as it:
                watch_scripts(it.store.client)
                _round(it, source, few, options, found)
                drift += it.drift()
                noted, server = scripts(it.store.client), f"Redis {it.info.version}"
                said = (
                    f"scripts of the last round: {noted.calls:,}, p99 {noted.p99_ms:.1f} ms, {noted.over_5_ms} over 5"
                )
                said += f" ms; stalls of Redis: {stalls(it.store.client)}"
            found["bare"].append(bare(source, options.recipients))
            theirs = measure("dramatiq", options.one_each)
            wrong += [f"dramatiq: {theirs.wrong}"] if theirs.wrong else []
            found["their sends"].append(theirs.sends_s)
            found["their refunds"].append(theirs.refunds_s)
            found["their bytes"].append(theirs.redis_bytes)
    _print(options, found, server)
    print("\n".join([said, *wrong]))
    return outcome(drift) or (1 if wrong else 0)


def _round(
    it: Stage, source: Path, few: Path, options: argparse.Namespace, found: defaultdict[str, list[float]]
) -> None:
    before, began = it.used_bytes(), time.perf_counter()
    account = it.account(f"intake{secrets.token_hex(3)}")
    it.submit(account, source)
    found["intake"].append(options.recipients / (time.perf_counter() - began))
    it.empty()
    before = it.used_bytes()
    found["sends"].append(ours(it, source, options.recipients))
    found["bytes"].append((it.used_bytes() - before) / options.recipients)
    it.empty()
    found["one"].append(ours(it, few, options.one_each, pack_size=1))
    it.empty()
    broker = bare_broker(it.info.url, it.store.keys.namespace)
    account = all_due(it, broker, source, options.recipients)
    found["refunds"].append(options.recipients / the_moment(it, broker, account))
    drained(broker)


def _print(options: argparse.Namespace, found: defaultdict[str, list[float]], server: str) -> None:
    fewer = [one / other for one, other in zip(found["their bytes"], found["bytes"], strict=True)]
    rows = [
        ["sends/s", figure(found["sends"]), figure(found["their sends"]), ratio(found["sends"], found["their sends"])],
        ["… beside the bare loop", "", figure(found["bare"]), ratio(found["sends"], found["bare"])],
        ["… one message for each", figure(found["one"]), "", ratio(found["one"], found["their sends"])],
        [
            "refunds/s, all due at one moment",
            figure(found["refunds"]),
            figure(found["their refunds"]),
            ratio(found["refunds"], found["their refunds"]),
        ],
        [
            "Redis bytes per InMail in flight",
            figure(found["bytes"]),
            figure(found["their bytes"]),
            f"{figure(fewer, '.1f')} x less",
        ],
        ["intake, rows/s", figure(found["intake"]), "", ""],
    ]
    title = (
        f"{options.recipients:,} recipients ({options.one_each:,} where each is a message of its own), "
        f"2 worker processes, {options.rounds} rounds, {machine(server)}"
    )
    table(title, ["", "this engine", "stock Dramatiq, one job each", "ratio"], rows)


if __name__ == "__main__":
    sys.exit(main())
