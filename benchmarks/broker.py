"""Our broker against Dramatiq's stock one, in one run on one redis-server: medians of paired rounds.

    python -m benchmarks.broker [--messages N] [--delayed N] [--parked N] [--rounds N]

Both run the same actor with the same arguments. In each round each broker has its turn, the other one first
every second time. `parked` are messages due in six days, beside which an idle worker process (8 threads) is
measured.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from benchmarks.redis_server import own_redis
from workers.broker import DurableRedisBroker

KINDS = ("stock", "ours")
DAY_MS = 86_400_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--delayed", type=int, default=5_000)
    parser.add_argument("--parked", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    sizes = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with own_redis("--appendonly", "no") as url:
        client = redis.Redis.from_url(url)
        print(f"redis {client.info('server')['redis_version']}, dramatiq {dramatiq.__version__}, {sizes}\n")
        print("| | stock | ours | ours / stock |\n|---|---|---|---|", flush=True)
        measures: dict[str, tuple[Callable[[str, str, int], float], int]] = {
            "enqueue, messages/s": (enqueue, sizes.messages),
            "enqueue_many, messages/s (stock: one by one)": (enqueue_many, sizes.messages),
            "drain, messages/s (one process, 8 threads)": (drain, sizes.messages),
            "delayed, all due: run, messages/s": (drain_delayed, sizes.delayed),
        }
        for name, (measure, size) in measures.items():
            show(name, *paired(measure, url, client, size, sizes.rounds))
        parked(url, client, sizes.parked)
    return 0


def paired(
    measure: Callable[[str, str, int], float], url: str, client: redis.Redis, size: int, rounds: int
) -> tuple[float, float]:
    """Give each kind its turn in each round, and return their medians."""
    figures: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS if number % 2 == 0 else reversed(KINDS):
            client.flushall()
            figures[kind].append(measure(kind, url, size))
    return statistics.median(figures["stock"]), statistics.median(figures["ours"])


def show(name: str, stock: float, ours: float, form: str = ",.0f") -> None:
    ratio = f"{ours / stock:.2f}" if stock else "-"
    print(f"| {name} | {stock:{form}} | {ours:{form}} | {ratio} |", flush=True)


def make(kind: str, url: str) -> tuple[Any, Any]:
    """Make a broker and the actor on it."""
    made: Any = DurableRedisBroker(url=url) if kind == "ours" else RedisBroker(url=url)
    dramatiq.set_broker(made)

    @dramatiq.actor(broker=made, actor_name="nothing", queue_name="q")
    def nothing(campaign: str, pack: int) -> None: ...

    return made, nothing


def per_second(size: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return size / (time.perf_counter() - began)


def enqueue(kind: str, url: str, size: int) -> float:
    broker, nothing = make(kind, url)
    try:
        return per_second(size, lambda: [nothing.send("campaign-1", n) for n in range(size)])
    finally:
        broker.close()


def enqueue_many(kind: str, url: str, size: int) -> float:
    if kind == "stock":
        return enqueue(kind, url, size)
    broker, nothing = make(kind, url)
    try:
        return per_second(size, lambda: broker.enqueue_many([nothing.message("campaign-1", n) for n in range(size)]))
    finally:
        broker.close()


def drain(kind: str, url: str, size: int) -> float:
    broker, nothing = make(kind, url)
    for n in range(size):
        nothing.send("campaign-1", n)
    return run_all(broker, size)


def drain_delayed(kind: str, url: str, size: int) -> float:
    broker, nothing = make(kind, url)
    for n in range(size):
        nothing.send_with_options(args=("campaign-1", n), delay=1)
    return run_all(broker, size)


def run_all(broker: Any, size: int) -> float:
    worker = dramatiq.Worker(broker, worker_threads=8)

    def work() -> None:
        worker.start()
        broker.join("q", interval=10)

    try:
        return per_second(size, work)
    finally:
        worker.stop()
        broker.close()


def parked(url: str, client: redis.Redis, size: int) -> None:
    """Measure what many messages due in six days cost Redis, and an idle worker beside them."""
    figures: dict[str, list[float]] = {}
    for kind in KINDS:
        client.flushall()
        before = client.info("memory")["used_memory"]
        began = time.perf_counter()
        park(kind, url, size)
        filled_s = time.perf_counter() - began
        bytes_each = (client.info("memory")["used_memory"] - before) / size
        with worker_process(kind, url) as pid:
            time.sleep(20)  # the stock one reads what it will hold
            rss_mb = resident_mb(pid)
            cpu, sent_at = cpu_s(pid), time.monotonic()
            time.sleep(20)
            idle = 100 * (cpu_s(pid) - cpu) / (time.monotonic() - sent_at)
            figures[kind] = [bytes_each, rss_mb, idle, fires_after(kind, url)]
        print(f"<!-- {kind}: {size:,} parked in {filled_s:.0f} s -->", flush=True)
    names = ("bytes of Redis per delayed message", "worker memory, MB", "worker idle CPU, % of a core")
    for row, name in enumerate(names):
        form = ",.0f" if row == 0 else ".1f" if row == 1 else ".2f"
        show(f"{name} ({size:,} parked)", figures["stock"][row], figures["ours"][row], form)
    late = [f"{figures[kind][3]:.2f} s" if figures[kind][3] < 30 else "not within 30 s" for kind in KINDS]
    print(f"| 1 s delay sent behind {size:,} parked, runs after | {late[0]} | {late[1]} | - |", flush=True)


def park(kind: str, url: str, size: int) -> None:
    broker, nothing = make(kind, url)
    batch = 10_000
    for start in range(0, size, batch):
        messages = [nothing.message("campaign-1", n) for n in range(start, min(start + batch, size))]
        if kind == "ours":
            broker.enqueue_many(messages, [6 * DAY_MS] * len(messages))
        else:
            # The stock one has no such call: the same script calls, without waiting for each reply.
            pipeline = broker.client.pipeline(transaction=False)
            script, client = broker.scripts["dispatch"], broker.client
            broker._max_unpack_size()
            broker.scripts["dispatch"] = lambda keys, args, s=script, p=pipeline: s(keys, args, client=p)
            for message in messages:
                broker.enqueue(message, delay=6 * DAY_MS)
            broker.scripts["dispatch"] = script
            pipeline.execute()
            assert client is broker.client
    broker.close()


def fires_after(kind: str, url: str) -> float:
    """Send one message due in a second and return the seconds until it is gone, 30 at most."""
    broker, nothing = make(kind, url)
    size = broker.do_qsize("q")
    began = time.monotonic()
    nothing.send_with_options(args=("campaign-1", 0), delay=1_000)
    while broker.do_qsize("q") > size and time.monotonic() < began + 30:
        time.sleep(0.02)
    broker.close()
    return time.monotonic() - began


@contextmanager
def worker_process(kind: str, url: str) -> Iterator[int]:
    """Run one worker process with 8 threads, and give its pid."""
    command = [sys.executable, "-m", "benchmarks.broker_worker", kind, url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, to the nanosecond (its `stat` counts in hundredths of a second)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    sys.exit(main())
