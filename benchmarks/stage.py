"""A running engine for a benchmark: a private Redis with AOF everysec, a scheduler and worker processes of its own."""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.people import COLUMNS, people
from cli import up
from config.settings import get_settings
from engine import accounts, agenda, campaigns, credits, opening, submitting
from engine.audit import audit
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.plans import Plan
from engine.store import Store
from workers.embedded_redis import EmbeddedRedis, ServerInfo
from workers.runtime import open_store

WAIT_S_MAX = 900.0
WINDOW_MS = 7 * 86_400_000
SUBJECT, BODY = "Hello {{ first_name }}", "Would {{ company }} spare you, {{ first_name }}?"


@dataclass(slots=True)
class Stage:
    """The processes, and the store they share."""

    folder: Path
    info: ServerInfo
    store: Store
    family: list[up.Child]
    workers: int

    def account(self, name: str, credits_: int = 0) -> str:
        """An account without limits, so many credits granted."""
        opening.open_account(self.store, name, email=f"{name}@example.org", name=name, plan=Plan("bench", "Bench"))
        if credits_:
            credits.grant(self.store, name, credits_, reason="bench")
        return name

    def submit(self, account: str, source: Path, *, pack_size: int = 500, window_ms: int = WINDOW_MS) -> str:
        """Submit a list; returns the campaign's id. Without a credit it waits: a grant is the starting gun."""
        order = submitting.Order("bench", pack_size, refund_after_ms=window_ms)
        with open_list(source) as listed:
            message = parse_message(SUBJECT, BODY, columns=listed.columns)
            return submitting.submit(self.store, account, listed, message, order).campaign

    def until(self, campaign: str, *states: str) -> float:
        """Wait until the campaign is in one of the states; returns the seconds that took."""
        began = time.perf_counter()
        wait(lambda: campaigns.get_campaign(self.store, campaign).state in states, f"{campaign} to be {states}")
        return time.perf_counter() - began

    def send(self, account: str, campaign: str, n: int) -> float:
        """Grant what a waiting campaign needs, and return the seconds to its last settle."""
        self.until(campaign, "waiting")
        began = time.perf_counter()
        credits.grant(self.store, account, n, reason="bench")
        key = self.store.keys.campaign(campaign)
        wait(lambda: self.store.client.hget(key, "state") in (b"sent", b"closed"), "the campaign to be sent")
        return time.perf_counter() - began

    def used_bytes(self) -> int:
        """Redis' memory, without what it holds for its connections and for writing its file."""
        memory = self.store.client.info("memory")
        return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])

    def empty(self) -> None:
        """An empty server, and the processes heard of again, so that no round stands on another's."""
        self.store.client.flushall()
        self.heard()

    def heard(self) -> None:
        wait(lambda: len(agenda.present(self.store)) > self.workers, "the processes to be heard of")

    def at_rest(self) -> None:
        """Wait until Redis is not writing its file anew, for which it takes a core of its own."""
        info = self.store.client.info
        wait(lambda: not info("persistence")["aof_rewrite_in_progress"], "the append-only file", pause_s=0.1)

    def drift(self) -> list[str]:
        """What the auditor finds wrong with any account."""
        return [line for account in accounts.account_ids(self.store) for line in audit(self.store, account).drift]

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The processes by what they are: redis, scheduler, workers (Dramatiq's master is not among them)."""
        scheduler, master = (psutil.Process(child.process.pid) for child in self.family if child.process)
        return {
            "redis": [psutil.Process(self.info.pid)],
            "scheduler": [scheduler],
            "workers": [one for one in master.children() if "resource_tracker" not in " ".join(one.cmdline())],
        }

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds each kind of process has used so far."""
        used = {}
        for kind, found in self.processes().items():
            times = [process.cpu_times() for process in found]
            used[kind] = sum(each.user + each.system for each in times)
        return used


@contextmanager
def stage(workers: int = 2, env: Mapping[str, str] | None = None, app: str = "workers.main") -> Iterator[Stage]:
    """Run an engine for the length of the block, its workers importing ``app``; nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as made:
        folder = Path(made)
        redis = EmbeddedRedis(folder / "data", prefer=get_settings().embedded)
        info = redis.attach()
        store = open_store(info.url)
        settings = {"INMAIL_LOG_LEVEL": "warning", **(env or {})}
        family = up.children(workers, up.child_env(info.url, info.url) | settings)
        for child in family:
            child.command = [app if word == "workers.main" else word for word in child.command]
        it = Stage(folder, info, store, family, workers)
        try:
            for child in family:
                child.tend()
            it.heard()
            yield it
        finally:
            up.stop_all(family)
            store.client.close()
            redis.detach()


def a_list(path: Path, n: int, start: int = 0) -> Path:
    """Write a list of ``n`` made-up people, those from ``start`` on."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows(people(n, first=start))
    return path


def wait(condition: Callable[[], bool], what: str, pause_s: float = 0.005) -> None:
    """Wait for a condition, WAIT_S_MAX at most."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(pause_s)
