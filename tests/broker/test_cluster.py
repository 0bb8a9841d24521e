"""A cluster of three masters: every key of a tagged namespace is in one slot, so the same scripts run."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator

import dramatiq
import pytest
import redis
from redis.cluster import RedisCluster

from workers.broker import DurableRedisBroker, dead_list, pause, queue_list, resume

from .rig import elapse, wait_until

pytestmark = pytest.mark.redis
SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))


def free_port() -> int:
    """Return a port that is free, and whose cluster bus port (10,000 higher) can exist."""
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            if 1024 < (port := one.getsockname()[1]) < 55_000:
                return int(port)


@pytest.fixture(scope="module")
def cluster_port() -> Iterator[int]:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no redis-server or valkey-server on PATH")
    servers = []
    ports = [free_port() for _ in SLOTS]
    with tempfile.TemporaryDirectory(prefix="broker-cluster-") as folder:
        for port in ports:
            command = [
                program,
                "--port",
                str(port),
                "--cluster-enabled",
                "yes",
                "--save",
                "",
                "--dir",
                folder,
            ]
            command += ["--cluster-config-file", f"{port}.conf", "--bind", "127.0.0.1"]
            servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        try:
            nodes = [redis.Redis(port=port) for port in ports]
            for node, (first, last) in zip(nodes, SLOTS, strict=True):
                node.ping()
                node.cluster("addslots", *range(first, last + 1))  # Redis 6.2 knows no ranges
                nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.connection_pool.connection_kwargs["port"])
            for node in nodes:
                assert wait_until(lambda node=node: node.cluster("info")["cluster_state"] == "ok", 20)
                node.close()
            yield ports[0]
        finally:
            for server in servers:
                server.kill()
                server.wait(10)


def test_everything_works_on_a_cluster(cluster_port: int) -> None:
    client = RedisCluster(host="127.0.0.1", port=cluster_port)
    broker = DurableRedisBroker(client=client, heartbeat_interval=100, heartbeat_timeout=500)
    ran: list[object] = []

    @dramatiq.actor(broker=broker, queue_name="q", max_retries=1, min_backoff=50, max_backoff=50)
    def note(value: object) -> None:
        if value == "bad":
            raise ValueError(value)
        ran.append(value)

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    broker.enqueue_many([note.message(number) for number in range(100)])
    note.send_with_options(args=("later",), delay=300)
    note.send("bad")
    broker.join("q", interval=20, timeout=10_000)
    assert set(ran) == {*range(100), "later"}
    assert [group.error_type for group in dead_list(broker)] == ["ValueError"]
    assert pause(broker, "q")
    note.send("held up")
    elapse(0.2)
    assert [row.ready for row in queue_list(broker)] == [1]
    assert resume(broker, "q")
    broker.join("q", interval=20, timeout=10_000)
    worker.stop()
    broker.close()
