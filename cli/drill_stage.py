"""The stage of a drill: a private Redis, two schedulers and the workers, all started again when they are killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli import up
from engine import agenda
from engine.errors import EngineError, Unavailable
from engine.leadership import leader
from engine.store import RedisTrouble, Store
from workers.embedded_redis import EmbeddedRedis
from workers.runtime import open_store

LEASE = "PT3S"
"""Short, so that what a dead worker held is taken up within a round."""
VICTIMS = ("worker", "worker master", "leading scheduler", "standby scheduler", "redis")


class Stage:
    """The processes of a drill, and the ways to hurt them."""

    def __init__(self, redis: EmbeddedRedis, store: Store, family: list[up.Child], redis_pid: int) -> None:
        self.store, self.redis_pid = store, redis_pid
        self._redis, self._family = redis, family

    def tend(self) -> None:
        """Start again what is gone: the children, and Redis, as any user of it would."""
        with suppress(EngineError):
            self.redis_pid = self._redis.attach().pid
        for child in self._family:
            child.tend()

    def pid_of(self, victim: str) -> int | None:
        """Who that is now, or None where there is none at the moment. Raises RedisTrouble."""
        if victim == "redis":
            return self.redis_pid
        if victim == "worker master":
            master = self._family[-1].process
            return None if master is None or master.poll() is not None else master.pid
        kind = "worker" if victim == "worker" else "scheduler"
        led = leader(self.store)
        for who in sorted(agenda.present(self.store), reverse=True):
            if who.startswith(f"{kind}:{socket.gethostname()}:") and _alive(pid := int(who.rpartition(":")[2])):
                leads = led is not None and led[0] == who
                if victim in ("worker", f"{'leading' if leads else 'standby'} scheduler"):
                    return pid
        return None

    def kill(self, victim: str) -> bool:
        """SIGKILL it; False where it was not there."""
        try:
            pid = self.pid_of(victim)
            if pid is None:
                return False
            os.kill(pid, signal.SIGKILL)
        except (RedisTrouble, ProcessLookupError):
            return False
        return True

    def forget(self, rng: random.Random) -> str:
        """Delete what is derived, or only the queues, or the scripts; says which."""
        what = rng.choice(("queues", "queues and agenda", "scripts"))
        with suppress(RedisTrouble):
            if what == "scripts":
                self.store.client.script_flush()
            tags = {"queues": ["{dramatiq}"], "queues and agenda": ["{dramatiq}", "{sched}"], "scripts": []}[what]
            for tag in tags:
                found = self.store.client.scan_iter(match=f"{self.store.keys.namespace}:{tag}*", count=1000)
                for key in list(found):
                    self.store.client.unlink(key)
        return what


@contextmanager
def stage(folder: Path, workers: int) -> Iterator[Stage]:
    """Everything running in that folder, what the children write in its file ``log``; all ended afterwards."""
    redis = EmbeddedRedis(folder)
    info = redis.attach()
    if not info.persistent:
        redis.detach()
        raise Unavailable("a drill needs a real Redis: install redis-server")
    store = open_store(info.url)
    with (folder / "log").open("ab") as output:
        env = up.child_env(info.url, info.url) | {"INMAIL_LEASE": LEASE, "INMAIL_LOG_FORMAT": "json"}
        scheduler, pool = up.children(workers, env)
        standby = up.Child("standby", False, scheduler.command, env)
        family = [scheduler, standby, pool]
        for child in family:
            child.output, child.patience_s, child.told = output, 0.2, False
        made = Stage(redis, store, family, info.pid)
        done = threading.Event()
        tender = threading.Thread(target=_tend, args=(made.tend, done), daemon=True)
        made.tend()
        tender.start()
        try:
            yield made
        finally:
            done.set()
            tender.join()
            up.stop_all(family)
            store.client.close()
            redis.detach()


def _tend(tend: Callable[[], None], done: threading.Event) -> None:
    while not done.wait(0.1):
        tend()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False
