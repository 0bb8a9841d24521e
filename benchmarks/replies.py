"""Replies while a long campaign is sent: how long one takes, from the call to its answer.

``python -m benchmarks.replies [--recipients N] [--per-s N]``

People of a small campaign sent before answer at a steady rate, each call timed from when it was due (so that one held
up by another counts as late); the same again when nothing is sent. Ends with an audit.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.report import machine, outcome, scripts, stalls, table, watch_scripts
from benchmarks.stage import Stage, a_list, stage
from engine import answers, campaigns, credits
from engine.answers import Kind

THREADS = 8


def main() -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--per-s", type=float, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-replies-") as folder, stage() as it:
        people = 20_000
        early = it.account("early")
        campaign = it.submit(early, a_list(Path(folder) / "early.csv", people, start=10**8))
        it.send(early, campaign, people)
        addresses = [row.fields["email"] for row in campaigns.recipients(it.store, campaign)]
        late = it.account("late")
        long = it.submit(late, a_list(Path(folder) / "long.csv", options.recipients))
        it.until(long, "waiting")
        indices = iter(range(people))
        quiet = _answer(it, campaign, addresses, itertools.islice(indices, 1_000), options.per_s)
        watch_scripts(it.store.client)
        credits.grant(it.store, late, options.recipients, reason="bench")
        it.until(long, "running")
        busy = _answer(it, campaign, addresses, _while_sending(it, long, indices), options.per_s)
        noted, held_up = scripts(it.store.client), stalls(it.store.client)
        drift = it.drift()
        server = f"Redis {it.info.version}"
    rows = [["nothing is sent", *_row(quiet)], [f"{options.recipients:,} are sent meanwhile", *_row(busy)]]
    title = f"replies at {options.per_s:.0f} a second, {machine(server)}"
    table(title, ["", "replies", "p50, ms", "p95, ms", "p99, ms", "longest, ms"], rows)
    print(f"scripts meanwhile: {noted.calls:,}, p99 {noted.p99_ms:.1f} ms, {noted.over_5_ms} over 5 ms")
    print(f"stalls of Redis meanwhile: {held_up}")
    return outcome(drift)


def _answer(it: Stage, campaign: str, addresses: list[str], indices: Iterator[int], per_s: float) -> list[float]:
    """Answer at that rate, up to THREADS at a time; milliseconds from when each was due to its answer."""
    took: list[float] = []

    def answer(index: int, due: float) -> None:
        kind: Kind = "decline" if index % 3 else "accept"
        answers.answer(it.store, f"{campaign}.{index}", address=addresses[index], kind=kind)
        took.append((time.perf_counter() - due) * 1000)

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        given = []
        for place, index in enumerate(indices):
            due = began + place / per_s
            time.sleep(max(0.0, due - time.perf_counter()))
            given.append(pool.submit(answer, index, due))
        for each in given:
            each.result()
    return took


def _while_sending(it: Stage, campaign: str, indices: Iterator[int]) -> Iterator[int]:
    """Indices as long as the campaign is being sent, which is looked up now and then."""
    for place, index in enumerate(indices):
        if place % 20 == 0 and it.store.client.hget(it.store.keys.campaign(campaign), "state") != b"running":
            return
        yield index


def _row(took: list[float]) -> list[str]:
    cuts = statistics.quantiles(took, n=100)
    return [f"{len(took):,}", *(f"{each:.1f}" for each in (cuts[49], cuts[94], cuts[98], max(took)))]


if __name__ == "__main__":
    sys.exit(main())
