"""The traps T1 to T9: faults on which the stock broker was measured to fail. Each says what it saw.

Run against ours by test_traps.py, and against both by benchmarks/broker_traps.py, for docs/broker.md.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from .rig import DAY_MS, Rig, elapse, kill_group, wait_until

#: Dramatiq waits this long before it makes a new consumer; see its CONSUMER_RESTART_DELAY.
RESTART_S = int(os.environ.get("dramatiq_restart_delay", "3000")) / 1000  # noqa: SIM112


@dataclass(frozen=True)
class Outcome:
    """Whether the promise held, and what was seen, in words."""

    held: bool
    seen: str


def _all_ran(rig: Rig, expected: int, within_s: float) -> Outcome:
    wait_until(lambda: len(set(rig.ran)) >= expected, within_s)
    return Outcome(len(set(rig.ran)) == expected, f"{len(set(rig.ran))} of {expected} ran")


def redis_restarts(rig: Rig) -> Outcome:
    """T1: Redis is killed and comes back after 2 s, while five messages wait for their time."""
    broker = rig.broker()
    note = rig.actor(broker)
    rig.worker(broker)
    for number in range(5):
        note.send_with_options(args=(number,), delay=3_000)
    elapse(0.5)
    rig.server.kill()
    elapse(2.0)
    rig.server.start()
    return _all_ran(rig, 5, 3 * RESTART_S + 6)


def _heals_after(rig: Rig, break_it: list[list[object]], heal_it: list[list[object]]) -> Outcome:
    broker = rig.broker()
    note = rig.actor(broker)
    rig.worker(broker)
    for number in range(5):
        note.send_with_options(args=(number,), delay=1_500)
    elapse(0.5)
    for command in break_it:
        rig.server.admin.execute_command(*command)  # type: ignore[no-untyped-call]
    elapse(2.0)
    for command in heal_it:
        rig.server.admin.execute_command(*command)  # type: ignore[no-untyped-call]
    return _all_ran(rig, 5, 3 * RESTART_S + 6)


def redis_is_read_only(rig: Rig) -> Outcome:
    """T2: every write is refused for a while (a failover), as five messages fall due."""
    return _heals_after(rig, [["REPLICAOF", "127.0.0.1", "1"]], [["REPLICAOF", "NO", "ONE"]])


def redis_is_full(rig: Rig) -> Outcome:
    """T2: memory is full for a while, as five messages fall due."""
    return _heals_after(rig, [["CONFIG", "SET", "maxmemory", "1"]], [["CONFIG", "SET", "maxmemory", "0"]])


def redis_forgets_scripts(rig: Rig) -> Outcome:
    """The script cache is flushed while messages wait."""
    return _heals_after(rig, [["SCRIPT", "FLUSH"]], [["PING"]])


def redis_stalls(rig: Rig, stall_s: float = 3.0, socket_timeout_s: float = 1.0) -> Outcome:
    """T2: Redis answers nobody for longer than the socket time-out, as five messages fall due."""
    once = Retry(ConstantBackoff(0.05), 0)  # as the stock broker's own client, made from a URL
    client = redis.Redis(unix_socket_path=rig.server.path, socket_timeout=socket_timeout_s, retry=once)
    broker = rig.broker(client=client)
    note = rig.actor(broker)
    rig.worker(broker)
    for number in range(5):
        note.send_with_options(args=(number,), delay=1_500)
    elapse(0.5)
    rig.server.admin.execute_command("DEBUG", "SLEEP", stall_s)  # type: ignore[no-untyped-call]
    return _all_ran(rig, 5, 3 * RESTART_S + 8)


def long_delays_go_first(rig: Rig, long_ones: int = 1_500) -> Outcome:
    """T3: a delay of 1 s is sent after many of six days; it must have run 2 s after its time."""
    broker = rig.broker()
    note = rig.actor(broker)
    if rig.is_ours:
        messages = [note.message(f"later {n}") for n in range(long_ones)]
        broker.enqueue_many(messages, [6 * DAY_MS] * long_ones)
    else:
        for n in range(long_ones):
            note.send_with_options(args=(f"later {n}",), delay=6 * DAY_MS)
    rig.worker(broker, threads=1)
    elapse(1.0)
    sent_at = time.monotonic()
    note.send_with_options(args=("soon",), delay=1_000)
    wait_until(lambda: rig.ran, 15)
    took_s = time.monotonic() - sent_at
    seen = f"ran after {took_s:.1f} s" if rig.ran else "had not run after 15 s"
    return Outcome(rig.ran == ["soon"] and took_s <= 3.0, f"1 s behind {long_ones:,} of 6 days: {seen}")


def busy_worker_is_robbed(rig: Rig) -> Outcome:
    """T4: every thread is busy far beyond the heartbeat time-out, with a full hand of waiting messages."""
    broker = rig.broker(heartbeat_timeout=1_000)
    note = rig.actor(broker, busy_s=4.0)
    with (
        mock.patch("dramatiq.worker.DELAY_QUEUE_PREFETCH", 5),
        mock.patch("dramatiq.worker.QUEUE_PREFETCH", 2),
    ):
        rig.worker(broker)
    for number in range(5):
        note.send_with_options(args=(f"delayed {number}",), delay=DAY_MS)
    for number in range(2):
        note.send(number)
    elapse(1.0)
    other = rig.broker(heartbeat_timeout=1_000)
    consumer = other.consume("q", prefetch=10, timeout=100)
    stolen = []
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        if (message := next(consumer)) is not None:
            stolen.append(message)
    return Outcome(not stolen, f"{len(stolen)} messages taken from a live worker")


def clock_is_wrong(rig: Rig) -> Outcome:
    """T5: a second process, whose clock is 61 s fast, looks for the dead."""
    broker = rig.broker(heartbeat_timeout=15_000)
    note = rig.actor(broker)
    note.send("mine")
    mine = broker.consume("q", prefetch=1, timeout=100)
    assert wait_until(lambda: next(mine))
    other = rig.broker(heartbeat_timeout=15_000)
    theirs = other.consume("q", prefetch=1, timeout=100)
    fast_ms = int(time.time() * 1000) + 61_000
    taken = None
    with mock.patch("dramatiq.brokers.redis.current_millis", return_value=fast_ms):
        deadline = time.monotonic() + 2.0
        while taken is None and time.monotonic() < deadline:
            taken = next(theirs)
    return Outcome(taken is None, "fetched twice" if taken is not None else "fetched once")


def maintenance_reads_every_key(rig: Rig) -> Outcome:
    """T6: five workers have died; maintenance runs in a database with 100,000 other keys."""
    rig.server.admin.execute_command("DEBUG", "POPULATE", 100_000)  # type: ignore[no-untyped-call]
    space = "{dramatiq}" if rig.is_ours else "dramatiq"
    rig.server.admin.zadd(f"{space}:__heartbeats__", {f"dead-{n}": 1 for n in range(5)})
    rig.server.admin.config_resetstat()
    broker = rig.broker(heartbeat_timeout=600)
    consumer = broker.consume("q", prefetch=1, timeout=100)
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        next(consumer)
    stats = rig.server.admin.info("commandstats")
    scans = sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("keys", "scan"))
    spent_ms = stats["cmdstat_evalsha"]["usec"] / 1000 + stats.get("cmdstat_eval", {}).get("usec", 0) / 1000
    left = rig.server.admin.zcard(f"{space}:__heartbeats__")
    held = scans == 0 and left <= 1
    return Outcome(held, f"{scans} KEYS or SCAN in 2 s, {spent_ms:.0f} ms of Redis in scripts")


def process_is_killed(rig: Rig, timeout_ms: int = 1_000, within_s: float = 8.0) -> Outcome:
    """T7: a process is killed with SIGKILL in the middle of a message; another one is idle on the queue."""
    notes = Path(rig.server.path).with_name("notes")
    notes.touch()
    environment = {"NOTES": str(notes), "APP_HEARTBEAT_TIMEOUT": str(timeout_ms)}
    doomed = rig.process("-p", "1", "-t", "1", **environment)
    broker = rig.broker(heartbeat_timeout=timeout_ms)
    message = rig.actor(broker).message("job", busy_s=4.0)
    broker.enqueue(message)
    assert wait_until(lambda: notes.read_text().count("began") == 1, 15), "the first run never began"
    rig.process("-p", "1", "-t", "1", **environment)
    # Only once the heir is up: its silence before is not what is measured.
    space = "{dramatiq}" if rig.is_ours else "dramatiq"
    wait_until(lambda: rig.server.admin.zcard(f"{space}:__heartbeats__") >= 2, 15)
    kill_group(doomed)
    killed_at = time.monotonic()
    again = wait_until(lambda: notes.read_text().count("began") == 2, within_s)
    took_s = time.monotonic() - killed_at
    return Outcome(bool(again), f"again after {took_s:.1f} s" if again else f"not again within {within_s:.0f} s")


def enqueue_reply_is_lost(rig: Rig) -> Outcome:
    """T8: the reply to an enqueue is lost, and the client tries again while a worker has it already."""
    proxy = rig.proxy()
    client = redis.Redis(unix_socket_path=proxy.path, retry=Retry(ConstantBackoff(0.3), 3))
    broker = rig.broker(client=client)
    note = rig.actor(broker)
    worker_broker = rig.broker()
    rig.actor(worker_broker)
    rig.worker(worker_broker)
    note.send("before")
    wait_until(lambda: "before" in rig.ran)
    proxy.marker = rig.marker(broker, "enqueue")
    note.send("once")
    wait_until(lambda: rig.ran.count("once") >= 2, 2.0)
    return Outcome(rig.ran.count("once") == 1, f"ran {rig.ran.count('once')} times")


def fetch_reply_is_lost(rig: Rig) -> Outcome:
    """T9: the reply to a fetch is lost; the messages belong to a worker that does not know of them."""
    proxy = rig.proxy()
    client = redis.Redis(unix_socket_path=proxy.path, retry=Retry(ConstantBackoff(0.05), 0))
    sender = rig.broker()
    note = rig.actor(sender)
    for number in range(3):
        note.send(number)
    broker = rig.broker(client=client)
    rig.actor(broker)
    broker.do_qsize("q")
    proxy.marker = rig.marker(broker, "fetch")
    rig.worker(broker)
    return _all_ran(rig, 3, 2 * RESTART_S + 3)
