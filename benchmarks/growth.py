"""How sending grows: with worker processes, with the length of a list, and with the number of campaigns.

``python -m benchmarks.growth [--longest N] [--campaigns N] [--rounds N]``

Worker processes: one and two, with how many cores each kind of process had busy: on a small machine those are soon all
there are, or Redis has one of its own. Ends with an audit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Scripts, figure, machine, outcome, scripts, table, watch_scripts
from benchmarks.stage import Stage, a_list, stage, wait
from engine import credits

LENGTHS = (10_000, 100_000, 1_000_000, 5_000_000)
PEOPLE_A_CAMPAIGN = 100


def main() -> int:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--longest", type=int, default=5_000_000)
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    drift: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-growth-") as folder:
        _lengths(Path(folder), options, drift)
        _many(Path(folder), options, drift)
        _workers(Path(folder), options, drift)
    return outcome(drift)


def _lengths(folder: Path, options: argparse.Namespace, drift: list[str]) -> None:
    rows, server = [], ""
    for n in (length for length in LENGTHS if length <= options.longest):
        source, found, notes = a_list(folder / "length.csv", n), [], []
        for _ in range(options.rounds if n < 5_000_000 else 1):
            with stage() as it:
                server = f"Redis {it.info.version}"
                account = it.account("bench")
                campaign = it.submit(account, source)
                watch_scripts(it.store.client)
                cpu = it.cpu_s()
                found.append(n / it.send(account, campaign, n))
                used = {kind: (seconds - cpu[kind]) / n * 1e6 for kind, seconds in it.cpu_s().items()}
                notes.append((scripts(it.store.client), used))
                drift += it.drift() if n <= 1_000_000 else []
        rows.append(
            [f"{n:,}", figure(found), *_cpu([used for _, used in notes]), *_slow([noted for noted, _ in notes])]
        )
    columns = ["recipients", "sends/s", "CPU µs a recipient: Redis", "scheduler", "workers"]
    table(f"by length, {machine(server)}", [*columns, "scripts p99, ms", "over 5 ms"], rows)


def _cpu(used: Sequence[dict[str, float]]) -> list[str]:
    return [figure([each[kind] for each in used], ".2f") for kind in ("redis", "scheduler", "workers")]


def _slow(noted: Sequence[Scripts]) -> list[str]:
    over, calls = sum(each.over_5_ms for each in noted), sum(each.calls for each in noted)
    return [figure([each.p99_ms for each in noted], ".1f"), f"{over} of {calls:,}"]


def _many(folder: Path, options: argparse.Namespace, drift: list[str]) -> None:
    """Very many short campaigns beside one of as many people."""
    n = options.campaigns * PEOPLE_A_CAMPAIGN
    whole = a_list(folder / "whole.csv", n)
    parts = [
        a_list(folder / f"part{i}.csv", PEOPLE_A_CAMPAIGN, i * PEOPLE_A_CAMPAIGN) for i in range(options.campaigns)
    ]
    found: dict[str, list[float]] = {"one": [], "many": [], "spread": []}
    for _ in range(options.rounds):
        with stage() as it:
            account = it.account("one")
            campaign = it.submit(account, whole)
            found["one"].append(it.send(account, campaign, n))
            it.empty()
            found["many"].append(_send_all(it, ["many"], parts))
            drift += it.drift()
            it.empty()
            found["spread"].append(_send_all(it, [f"a{i}" for i in range(100)], parts))
    for path in parts:
        path.unlink()
    cost = [many / one for many, one in zip(found["many"], found["one"], strict=True)]
    spread = [many / one for many, one in zip(found["spread"], found["one"], strict=True)]
    rows = [
        [f"one campaign of {n:,}, seconds", figure(found["one"], ".2f"), ""],
        [
            f"{options.campaigns:,} campaigns of {PEOPLE_A_CAMPAIGN}, one account",
            figure(found["many"], ".2f"),
            figure(cost, ".2f") + " x",
        ],
        ["… of a hundred accounts", figure(found["spread"], ".2f"), figure(spread, ".2f") + " x"],
    ]
    table("by number of campaigns, from the grant to the last settle", ["", "seconds", "cost"], rows)


def _send_all(it: Stage, names: Sequence[str], parts: Sequence[Path]) -> float:
    """Submit every part, in turns from each account; seconds from the grants to the last settle."""
    for name in names:
        it.account(name)
    for i, part in enumerate(parts):
        it.submit(names[i % len(names)], part)
    began, share = time.perf_counter(), -(-len(parts) // len(names)) * PEOPLE_A_CAMPAIGN
    for name in names:
        credits.grant(it.store, name, share, reason="bench")
    client, keys = it.store.client, it.store.keys
    wait(lambda: all(client.zcard(keys.sending(name)) == 0 for name in names), "all campaigns to be sent", 0.02)
    return time.perf_counter() - began


def _workers(folder: Path, options: argparse.Namespace, drift: list[str]) -> None:
    n, found = 300_000, {}
    source = a_list(folder / "workers.csv", n)
    for workers in (1, 2):
        rates, busy = [], []
        for _ in range(options.rounds):
            with stage(workers) as it:
                account = it.account("bench")
                campaign = it.submit(account, source)
                cpu, began = it.cpu_s(), time.perf_counter()
                rates.append(n / it.send(account, campaign, n))
                took = time.perf_counter() - began
                busy.append({kind: (seconds - cpu[kind]) / took for kind, seconds in it.cpu_s().items()})
                drift += it.drift()
        found[workers] = rates, busy
    rows = []
    for workers, (rates, busy) in found.items():
        cores = [figure([each[kind] for each in busy], ".2f") for kind in ("redis", "scheduler", "workers")]
        gain = [two / one for one, two in zip(found[1][0], rates, strict=True)]
        rows.append([str(workers), figure(rates), figure(gain, ".2f") + " x", *cores])
    table("by worker processes", ["processes", "sends/s", "of one", "cores busy: Redis", "scheduler", "workers"], rows)


if __name__ == "__main__":
    sys.exit(main())
