"""Behind Sentinel: the master dies, its replica takes over, and the worker goes on with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest
import redis
from redis.sentinel import Sentinel

from benchmarks.redis_cluster import free_port
from workers.broker import DurableRedisBroker

from .rig import wait_until

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def watched_pair() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A master with a replica and one sentinel; gives the sentinel's port and the master's process."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no redis-server or valkey-server on PATH")
    master, replica, sentinel = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="broker-sentinel-") as folder:
        base = [program, "--save", "", "--dir", folder, "--bind", "127.0.0.1", "--port"]
        settings = Path(folder, "sentinel.conf")
        settings.write_text(
            f"port {sentinel}\ndir {folder}\nsentinel monitor main 127.0.0.1 {master} 1\n"
            "sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n"
        )
        commands = (
            [*base, str(master)],
            [*base, str(replica), "--replicaof", "127.0.0.1", str(master)],
            [program, str(settings), "--sentinel"],
        )
        processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
        try:
            node = redis.Redis(port=replica)
            assert wait_until(lambda: node.info("replication").get("master_link_status") == "up", 20)
            node.close()
            watcher = Sentinel([("127.0.0.1", sentinel)])
            assert wait_until(lambda: watcher.sentinels[0].sentinel_slaves("main"), 20)
            watcher.sentinels[0].close()
            yield sentinel, processes[0]
        finally:
            for process in processes:
                process.kill()
                process.wait(10)


def test_delayed_messages_run_after_a_failover(watched_pair: tuple[int, subprocess.Popen[bytes]]) -> None:
    port, master = watched_pair
    sentinel = Sentinel([("127.0.0.1", port)])
    client = sentinel.master_for("main", socket_timeout=5)
    broker = DurableRedisBroker(client=client)
    ran: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="q")
    def note(number: int) -> None:
        ran.append(number)

    for number in range(5):
        note.send_with_options(args=(number,), delay=3_000)
    client.wait(1, 1_000)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    master.kill()
    assert wait_until(lambda: len(ran) == 5, 40)
    broker.join("q", timeout=5_000)
    worker.stop()
    broker.close()
    sentinel.sentinels[0].close()
    assert sorted(ran) == list(range(5))
