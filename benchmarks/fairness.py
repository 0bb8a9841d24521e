"""Fairness: how long a short campaign takes while a very long one runs, and how accounts share by weight.

``python -m benchmarks.fairness [--recipients N] [--rounds N]``

First with the mailbox channel and real processes: again and again ten people are written to, in turns from the
account of the long campaign and from another. Then with a simulated channel that delivers 500 a second in all: three
accounts of weights 1, 2 and 3, and ten people of a fourth account. Ends with an audit.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from dramatiq import Worker

from benchmarks.report import figure, machine, outcome, table
from benchmarks.stage import BODY, SUBJECT, Stage, a_list, stage
from engine import accounts, campaigns, credits, opening, submitting
from engine.audit import audit
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.plans import Plan
from engine.sending import Claim
from engine.store import Store, open_client
from workers.actors import Actors
from workers.channels import Channel, Delivery
from workers.channels.mailbox import send as into_mailboxes
from workers.embedded_redis import EmbeddedRedis
from workers.scheduler import Scheduler
from workers.wiring import make_broker

PEOPLE = 10
PER_S = 500.0
WEIGHTS = {"one": 1, "two": 2, "three": 3}


def main() -> int:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="short campaigns of each kind")
    parser.add_argument("--seconds", type=float, default=20, help="of the simulated channel")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-fairness-") as folder:
        with stage() as it:
            own, other, running = _mailbox(it, Path(folder), options)
            drift, server = it.drift(), f"Redis {it.info.version}"
        slow, shares, slow_drift = _simulated(Path(folder), options.seconds)
    rows = [
        [f"{PEOPLE} people, another account, seconds", figure(other, ".2f")],
        [f"{PEOPLE} people, the same account, seconds", figure(own, ".2f")],
        ["… of them while the long one was running", f"{running} of {len(own) + len(other)}"],
        [f"simulated channel, {PER_S:.0f} sends/s: {PEOPLE} people, seconds", figure(slow, ".2f")],
        ["… shares of accounts of weights 1 : 2 : 3", " : ".join(f"{share:.2f}" for share in shares)],
    ]
    table(f"beside a campaign of {options.recipients:,}, {machine(server)}", ["", ""], rows)
    return outcome([*drift, *slow_drift])


def _mailbox(it: Stage, folder: Path, options: argparse.Namespace) -> tuple[list[float], list[float], int]:
    long = a_list(folder / "long.csv", options.recipients)
    shorts = [a_list(folder / f"s{i}.csv", PEOPLE, start=10**8 + i * PEOPLE) for i in range(2 * options.rounds)]
    big, small = it.account("big"), it.account("small", 10_000)
    campaign = it.submit(big, long)
    it.until(campaign, "waiting")
    credits.grant(it.store, big, options.recipients + 10_000, reason="bench")
    it.until(campaign, "running")
    took: dict[str, list[float]] = {big: [], small: []}
    running = 0
    for account, source in zip(itertools.cycle((small, big)), shorts, strict=False):
        began = time.perf_counter()
        short = it.submit(account, source)
        it.until(short, "sent")
        took[account].append(time.perf_counter() - began)
        running += campaigns.get_campaign(it.store, campaign).state == "running"
    it.until(campaign, "sent")
    return took[big], took[small], running


class SlowChannel:
    """Mailboxes that take PER_S InMails a second and no more, all threads together."""

    def __init__(self) -> None:
        self._lock, self._free_at = threading.Lock(), 0.0

    def send(self, store: Store, claims: Sequence[Claim]) -> list[Delivery]:
        with self._lock:
            begin = max(time.monotonic(), self._free_at)
            self._free_at = begin + sum(len(claim.positions) for claim in claims) / PER_S
            ready = self._free_at
        time.sleep(max(0.0, ready - time.monotonic()))
        return into_mailboxes(store, claims)


def _simulated(folder: Path, seconds: float) -> tuple[list[float], list[float], list[str]]:
    """Seconds of short campaigns, what share each weighted account had of the sends, and the audit."""
    slow = Channel(SlowChannel().send, at_once=25)
    with mock.patch("workers.actors.channel", return_value=slow), _threads(folder) as store:
        for i, (account, weight) in enumerate(WEIGHTS.items()):
            _open(store, account)
            accounts.weigh(store, account, weight)
            _submit(store, account, a_list(folder / f"{account}.csv", 20_000, start=i * 20_000))
        _open(store, "short")
        time.sleep(3)  # until the queue is as long as it will be
        before, took = _sent(store), []
        deadline = time.monotonic() + seconds
        for i in itertools.count():
            source = a_list(folder / f"short{i}.csv", PEOPLE, start=10**8 + i * PEOPLE)
            began = time.perf_counter()
            campaign = _submit(store, "short", source)
            while campaigns.get_campaign(store, campaign).state != "sent":
                time.sleep(0.005)
            took.append(time.perf_counter() - began)
            if time.monotonic() > deadline:
                break
        sent = [after - earlier for after, earlier in zip(_sent(store), before, strict=True)]
        for account in WEIGHTS:
            campaigns.steer(store, f"{account}.1", "cancel")
        drift = [line for account in (*WEIGHTS, "short") for line in audit(store, account).drift]
    return took, [each / sum(sent) * sum(WEIGHTS.values()) for each in sent], drift


@contextmanager
def _threads(folder: Path) -> Iterator[Store]:
    """A scheduler and eight worker threads in this process, so that they have the simulated channel."""
    redis = EmbeddedRedis(folder / "slow")
    url = redis.attach().url
    store, stop = Store(open_client(url)), threading.Event()
    broker = make_broker(url, "inmail", store)
    actors = Actors(broker, store, lease_ms=30_000)
    scheduler = threading.Thread(target=Scheduler(store, actors, 30_000, 50_000).run, args=(stop,))
    worker = Worker(broker, worker_threads=8)
    worker.start()
    scheduler.start()
    try:
        yield store
    finally:
        stop.set()
        scheduler.join()
        worker.stop()
        broker.close()
        redis.detach()


def _open(store: Store, account: str) -> None:
    opening.open_account(store, account, email=f"{account}@example.org", name=account, plan=Plan("bench", "Bench"))
    credits.grant(store, account, 100_000, reason="bench")


def _submit(store: Store, account: str, source: Path) -> str:
    with open_list(source) as listed:
        message = parse_message(SUBJECT, BODY, columns=listed.columns)
        return submitting.submit(store, account, listed, message, submitting.Order("b", 500, 7 * 86_400_000)).campaign


def _sent(store: Store) -> list[int]:
    return [campaigns.describe(store, f"{account}.1")["counts"]["sent"] for account in WEIGHTS]


if __name__ == "__main__":
    sys.exit(main())
