"""One round of one peer: N letters sent, their checks pending, all checks due at one instant, then the books.

``measure("bullmq", 20_000, cache=folder)`` gives a round's figures, for use beside other measurings of one run.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from benchmarks.peers.installing import Installed, install
from benchmarks.peers.job import KEYS, READY_KEY, inbox
from benchmarks.peers.processes import Ended, Family, family
from benchmarks.peers.roster import CONSUMERS, PEERS, Peer
from benchmarks.redis_server import own_redis

READY_S_MAX = 60.0
MARGIN_S = 3.0  # between the last send and the due instant, for reading the memory in peace
TRIES = 3
POLL_S = 0.005
CHUNK = 1_000
WALLET, LETTERS = KEYS


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """What one round measured; ``wrong`` says what did not hold, and is empty when all did."""

    sends_s: float = 0.0  # from the first enqueue to the last letter sent with its check scheduled
    refunds_s: float = 0.0  # from the instant all fall due to the last refund
    redis_bytes: float = 0.0  # of used memory per letter with its check pending, its inbox included
    inbox_bytes: float = 0.0  # of these, the inbox
    wrong: str = ""


class GaveUp(Exception):
    """Something did not happen in time."""


class DueTooSoon(Exception):
    """The checks fell due before all was sent: the round measured nothing."""


def measure(name: str, recipients: int, *, cache: Path | None = None, aof: bool = True) -> PeerFigures:
    """Run one round of a peer on a fresh redis-server. Raises NotAvailable when it cannot be installed.

    Without a cache it is installed in a temporary folder, for this call only: name one to measure several rounds.
    """
    with _folder(cache) as place:
        peer = PEERS[name]
        installed = install(peer, place)
        lead_s = MARGIN_S + recipients / peer.sends_s_floor
        for _ in range(TRIES):
            try:
                return _round(peer, installed, recipients, lead_s, aof)
            except DueTooSoon:
                lead_s *= 2
            except (GaveUp, Ended) as failed:
                return PeerFigures(wrong=str(failed))
        return PeerFigures(wrong=f"not all sent within {lead_s / 2:.0f} s")


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    if cache is not None:
        yield cache.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as made:
        yield Path(made)


def _round(peer: Peer, installed: Installed, recipients: int, lead_s: float, aof: bool) -> PeerFigures:
    options = ("--appendonly", "yes", "--appendfsync", "everysec") if aof else ("--appendonly", "no")
    with own_redis(*options) as url, tempfile.TemporaryDirectory(prefix="bench-peers-") as said:
        environment = {"PEERS_REDIS_SOCKET": url.removeprefix("unix://"), "PEERS_NODE": str(installed.programs)}
        with redis.Redis.from_url(url) as client, family(Path(said), environment) as processes:
            client.hset(WALLET, mapping={"available": recipients, "held": 0, "sent": 0, "refunded": 0})
            return _measure(_Running(peer, installed, recipients, client, processes, url), lead_s)


@dataclass(frozen=True, slots=True)
class _Running:
    """A round under way."""

    peer: Peer
    installed: Installed
    recipients: int
    client: Any
    processes: Family
    url: str

    def start(self) -> Any:
        """Start the workers and the producer, wait until they are ready, and return the producer."""
        words = {"bin": str(self.installed.programs), "url": self.url, "recipients": str(self.recipients)}
        words["name"] = self.peer.name
        for number, command in enumerate(self.peer.workers):
            self.processes.start([part.format(number=number, **words) for part in command.split()])
        producer = self.processes.start([part.format(**words) for part in self.peer.producer.split()])
        self.wait(lambda: self.client.scard(READY_KEY) > CONSUMERS, READY_S_MAX, "workers and producer to be ready")
        time.sleep(0.5)  # a worker announces itself just before it takes its first job
        return producer

    def count(self, field: str) -> int:
        return int(self.client.hget(WALLET, field))

    def wait(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        """Poll until the condition holds; raises GaveUp after the limit, and Ended when a process has."""
        deadline = time.monotonic() + limit_s
        while not condition():
            self.processes.watch()
            if time.monotonic() > deadline:
                raise GaveUp(f"gave up waiting for {what}")
            time.sleep(POLL_S)


def _measure(running: _Running, lead_s: float) -> PeerFigures:
    n, client, pending = running.recipients, running.client, running.peer.pending
    producer = running.start()
    before = _used(client)
    began = time.time()
    due_ms = (int(began + lead_s) + 1) * 1000  # a whole second: some libraries know no finer one
    producer.stdin.write(f"{due_ms}\n".encode())
    producer.stdin.flush()

    def sent() -> bool:
        if time.time() * 1000 > due_ms:
            raise DueTooSoon
        return running.count("sent") >= n and pending(client, due_ms) >= n

    running.wait(sent, lead_s + READY_S_MAX, "the letters to be sent")
    send_s = time.time() - began
    time.sleep(0.5)
    used = _used(client) - before
    inboxes = sum(client.memory_usage(inbox(number)) for number in range(min(n, 100))) / min(n, 100)
    if time.time() * 1000 > due_ms:
        raise DueTooSoon
    time.sleep(max(0.0, due_ms / 1000 - time.time()))
    running.wait(lambda: running.count("refunded") >= n, 2 * lead_s + READY_S_MAX, "the refunds")
    refund_s = time.time() - due_ms / 1000
    return PeerFigures(n / send_s, n / refund_s, used / n, inboxes, _wrong(client, n))


def _used(client: Any) -> int:
    """Bytes of used memory, without what Redis holds for its connections: those are not there for the letters."""
    memory = client.info("memory")
    return memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"]


def _wrong(client: Any, recipients: int) -> str:
    """Go over the books: every letter in its inbox and refunded, the wallet as it was; empty when that holds."""
    found = []
    letters = Counter(client.hvals(LETTERS))
    if letters != {b"refunded": recipients}:
        found.append(f"letters {dict(letters)}")
    wallet = {name.decode(): int(value) for name, value in client.hgetall(WALLET).items()}
    if wallet != {"available": recipients, "held": 0, "sent": recipients, "refunded": recipients}:
        found.append(f"wallet {wallet}")
    numbers = range(recipients)
    inboxes = sum(client.exists(*map(inbox, numbers[at : at + CHUNK])) for at in range(0, recipients, CHUNK))
    if inboxes != recipients:
        found.append(f"{inboxes} inboxes")
    return "; ".join(found)
