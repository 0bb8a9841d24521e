"""A Redis Cluster of one's own, for benchmarks and tests: real redis-server processes on loopback ports."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

SLOTS = 16_384
_WAIT_S_MAX = 30.0


def free_port() -> int:
    """A port that is free, as its cluster bus port (10,000 higher) is.

    Both lie below those the system gives to outgoing connections: a server that is started again finds its own free.
    """
    while True:
        port = random.randrange(10_000, 22_000)
        with socket.socket() as one, socket.socket() as other, suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            return port


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Wait for something a server does by itself; TimeoutError naming it after half a minute."""
    deadline = time.monotonic() + _WAIT_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"gave up waiting for {what}")
        time.sleep(0.01)


class Node:
    """One server of a cluster, to be killed and started again."""

    def __init__(self, folder: str, options: tuple[str, ...]) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program is not None, "no redis-server or valkey-server on PATH"
        self.port = free_port()
        place = Path(folder) / str(self.port)
        place.mkdir()
        self.command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(place), "--save", ""]
        self.command += ["--cluster-enabled", "yes", *options]
        self.admin = redis.Redis(port=self.port, socket_timeout=30)
        self.start()
        self.id = self.admin.execute_command("CLUSTER MYID").decode()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        wait_until(self._answers, "redis-server to answer")

    def _answers(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self.admin.ping())
        return False

    def kill(self) -> None:
        """End it as a failing machine would: it says nothing to anybody."""
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.admin.close()
        self.kill()

    @property
    def cpu_s(self) -> float:
        """Processor seconds it has used so far."""
        found = self.admin.info("cpu")
        return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


class Cluster:
    """Masters that share all slots evenly. ``owners`` says which of them has each slot, as far as moved from here."""

    def __init__(self, folder: str, masters: int, options: tuple[str, ...]) -> None:
        self.folder, self.options = folder, options
        self.nodes: list[Node] = []
        self.owners: dict[int, Node] = {}
        try:
            for _ in range(masters):
                self.add()
            bounds = [SLOTS * i // masters for i in range(masters + 1)]
            for node, (first, end) in zip(self.nodes, pairwise(bounds), strict=True):
                node.admin.execute_command("CLUSTER ADDSLOTS", *range(first, end))  # Redis 6.2 knows no ranges
                self.owners.update(dict.fromkeys(range(first, end), node))
            self.wait()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def add(self) -> Node:
        """Have one more master join, without a slot."""
        node = Node(self.folder, self.options)
        self.nodes.append(node)
        if node is not self.nodes[0]:
            self.nodes[0].admin.execute_command("CLUSTER MEET", "127.0.0.1", node.port)
            wait_until(lambda: all(_knows(one, node.id) for one in self.nodes), "the nodes to know each other")
        if self.owners:
            self.wait()
        return node

    def add_replica(self, master: Node) -> Node:
        """Have one more server join, as a replica of a master, and wait until it has all of its data."""
        node = self.add()
        node.admin.execute_command("CLUSTER REPLICATE", master.id)
        wait_until(
            lambda: node.admin.info("replication").get("master_link_status") == "up", "the replica to be in step"
        )
        return node

    def wait(self) -> None:
        """Wait until every server that runs finds the cluster well."""
        running = [node for node in self.nodes if node.process.poll() is None]
        wait_until(lambda: all(_is_well(node) for node in running), "the cluster to be well")

    def owner(self, key: str) -> Node:
        """The master that holds a key."""
        return self.owners[key_slot(key.encode())]

    def fail_over(self, replica: Node) -> None:
        """Have a replica take its master's place, in good order: no write is lost."""
        wait_until(lambda: replica.admin.info("replication").get("master_link_status") == "up", "the replica's link")
        self.wait()
        asked_at = float("-inf")

        def took_over() -> bool:
            # It gives up after five seconds: soon after another failover the masters do not vote yet.
            nonlocal asked_at
            if replica.admin.info("replication")["role"] == "master":
                return True
            if time.monotonic() - asked_at > 6:
                replica.admin.execute_command("CLUSTER FAILOVER")
                asked_at = time.monotonic()
            return False

        wait_until(took_over, "the replica to take over")

    def move(self, slot: int, target: Node, between: Callable[[], object] = lambda: None, keys: int = 5) -> None:
        """Move a slot, so many keys at a time, as ``redis-cli --cluster reshard`` does; ``between`` each step."""
        source = self.owners[slot]
        if source is target:
            return
        target.admin.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
        source.admin.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", target.id)
        between()
        while some := source.admin.execute_command("CLUSTER GETKEYSINSLOT", slot, keys):
            source.admin.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 10_000, "KEYS", *some)
            between()
        for node in (target, source, *self.nodes):
            if node.process.poll() is None:
                with suppress(redis.ResponseError):  # a replica is not asked
                    node.admin.execute_command("CLUSTER SETSLOT", slot, "NODE", target.id)
        self.owners[slot] = target

    def flush(self) -> None:
        for node in self.nodes:
            with suppress(redis.ReadOnlyError):
                node.admin.flushall()

    def close(self) -> None:
        for node in self.nodes:
            node.close()


def _knows(node: Node, other: str) -> bool:
    found = node.admin.execute_command("CLUSTER NODES")
    return any(entry["node_id"] == other and "handshake" not in entry["flags"] for entry in found.values())


def _is_well(node: Node) -> bool:
    found = node.admin.execute_command("CLUSTER INFO")
    return found["cluster_state"] == "ok" and int(found["cluster_slots_assigned"]) == SLOTS


@contextmanager
def own_cluster(masters: int = 3, *options: str) -> Iterator[Cluster]:
    """Run a cluster for the length of the block. Nothing of it is kept."""
    with tempfile.TemporaryDirectory(prefix="inmail-cluster-") as folder:
        made = Cluster(folder, masters, options)
        try:
            yield made
        finally:
            made.close()
