"""Sends beside the bare loop and other task queues, all in one run, round by round in turns.

``python -m benchmarks.sends [--recipients N] [--rounds N] [--peers A,B] [--peer-recipients N] [--cache DIR]``

The bare loop is claim, mailbox and settle called one after the other by two processes, with no queue, no scheduler
and no alarms. Peers run one job per recipient (``python -m benchmarks.peers`` says how). Exits with 4 when an audit
found drift, with 1 when a peer's books did not come out even.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers.measuring import measure
from benchmarks.redis_server import own_redis
from benchmarks.report import figure, machine, outcome, ratio, table
from benchmarks.stage import Stage, a_list, stage
from engine import sending
from engine.campaigns import get_campaign, get_campaign_and_pack
from engine.store import Store, open_client
from workers.channels import channel

LOOPS = 2


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", default="dramatiq,bullmq", help="'' for none")
    parser.add_argument("--peer-recipients", type=int, default=20_000)
    parser.add_argument("--cache", help="a folder to keep the installed peers in")
    options = parser.parse_args()
    names = [name for name in options.peers.split(",") if name]
    found: dict[str, list[float]] = {name: [] for name in ("ours", "rendered", "one", "bare", *names)}
    drift, wrong, server = [], [], ""
    with tempfile.TemporaryDirectory(prefix="bench-sends-") as folder:
        cache = Path(options.cache or folder).resolve()
        source = a_list(Path(folder) / "list.csv", options.recipients)
        small = a_list(Path(folder) / "small.csv", options.peer_recipients)
        for number in range(options.rounds):
            print(f"round {number + 1}/{options.rounds}", file=sys.stderr)
            with stage(options.workers) as it:
                server = f"Redis {it.info.version}"
                found["ours"].append(ours(it, source, options.recipients))
                drift += it.drift()
                it.empty()
                found["one"].append(ours(it, small, options.peer_recipients, pack_size=1))
                drift += it.drift()
            found["bare"].append(bare(source, options.recipients))
            with stage(options.workers, app="benchmarks.rendering_worker") as it:
                found["rendered"].append(ours(it, source, options.recipients))
            for name in names:
                figures = measure(name, options.peer_recipients, cache=cache)
                found[name].append(figures.sends_s)
                wrong += [f"{name}: {figures.wrong}"] if figures.wrong else []
    _print(options, names, found, server)
    for line in wrong:
        print(line)
    return outcome(drift) or (1 if wrong else 0)


def ours(it: Stage, source: Path, n: int, pack_size: int = 500) -> float:
    """Send a list on a stage; returns sends a second, from the grant that starts it to the last settle."""
    account = it.account(f"bench{secrets.token_hex(3)}")
    campaign = it.submit(account, source, pack_size=pack_size)
    return n / it.send(account, campaign, n)


def bare(source: Path, n: int) -> float:
    """Sends a second of two processes that claim, deliver and settle every other pack, on a Redis of their own."""
    with own_redis("--appendonly", "yes") as url:
        campaign = _bare_campaign(url, source, n)
        context = multiprocessing.get_context("spawn")
        gun = context.Barrier(LOOPS + 1)
        loops = [context.Process(target=_loop, args=(url, campaign, i, gun)) for i in range(LOOPS)]
        for loop in loops:
            loop.start()
        gun.wait()
        began = time.perf_counter()
        for loop in loops:
            loop.join()
        rate = n / (time.perf_counter() - began)
        assert get_campaign(Store(open_client(url)), campaign).state == "sent"
        return rate


def _bare_campaign(url: str, source: Path, n: int) -> str:
    store = Store(open_client(url))
    bare = Stage(source.parent, None, store, [], 0)  # type: ignore[arg-type]
    return bare.submit(bare.account("bare", n), source)  # with nobody to release it, it must not wait for credits


def _loop(url: str, campaign: str, first: int, gun: object) -> None:
    store = Store(open_client(url))
    packs = range(first, get_campaign_and_pack(store, campaign, 0).campaign.packs, LOOPS)
    way = channel("mailbox")
    gun.wait()  # type: ignore[attr-defined]
    for pack in packs:
        claim = sending.claim(store, campaign, pack, token=secrets.token_hex(8), lease_ms=30_000)
        assert claim is not None
        done = way.send(store, [claim])[0]
        sending.settle(store, claim, done.delivered, done.failed)


def _print(options: argparse.Namespace, names: list[str], found: dict[str, list[float]], server: str) -> None:
    rows = [
        ["this engine, packs of 500", figure(found["ours"]), ""],
        [f"bare loop, {LOOPS} processes", figure(found["bare"]), ratio(found["ours"], found["bare"])],
        ["this engine, rendering every body", figure(found["rendered"]), ratio(found["ours"], found["rendered"])],
        ["this engine, pack size 1", figure(found["one"]), ratio(found["ours"], found["one"])],
    ]
    rows += [
        [f"{name}, one job per recipient", figure(found[name]), ratio(found["ours"], found[name])] for name in names
    ]
    if "dramatiq" in names:
        rows.append(["… pack size 1 beside dramatiq", "", ratio(found["one"], found["dramatiq"])])
        rows.append(["… rendering every body beside dramatiq", "", ratio(found["rendered"], found["dramatiq"])])
    title = (
        f"{options.recipients:,} recipients ({options.peer_recipients:,} where it is one job each), "
        f"{options.workers} worker processes, {machine(server)}"
    )
    table(title, ["", "sends/s", "this engine is so much faster"], rows)


if __name__ == "__main__":
    sys.exit(main())
