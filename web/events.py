"""Accounts' logs, followed live: one reader for everybody who listens, so that nobody who waits holds a thread."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool

from engine import campaigns, credits
from engine.credits import LogEntry
from engine.store import RedisTrouble, Store, trouble_text
from web.problems import Problem

log = structlog.get_logger("inmail.web")

POLL_S: Final = 0.3
STREAMS_MAX: Final = 100
"""Streams of one account in one process."""
_RING: Final = 2_000
_STEP: Final = 500


class Followed:
    """The newest entries of one account's log, and a signal to those who wait for more."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.listeners = 0
        self.closed = False
        self._start = seq
        self._ring: deque[LogEntry] = deque(maxlen=_RING)
        self._more = asyncio.Event()
        self._shown: dict[str, tuple[int, float, dict[str, Any]]] = {}

    def add(self, entries: list[LogEntry]) -> None:
        """Take in what was read, and wake everybody."""
        if not entries:
            return
        dropped = len(self._ring) + len(entries) - _RING
        if dropped > 0:
            kept = [*self._ring, *entries]
            self._start = kept[dropped - 1].seq
        self._ring.extend(entries)
        self.seq = entries[-1].seq
        self.wake()

    def wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()

    def after(self, seq: int) -> list[LogEntry] | None:
        """The entries after that number that are at hand; None where older ones have to be read first."""
        if seq < self._start:
            return None
        return [entry for entry in self._ring if entry.seq > seq] if seq < self.seq else []

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for entries after that number, or so long."""
        more = self._more
        if self.seq > seq or self.closed:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(more.wait(), seconds)

    async def shown(self, store: Store, campaign: str) -> dict[str, Any]:
        """A campaign as it stands, read once for all who listen and no older than what they were told of it."""
        seq, kept = self.seq, self._shown.get(campaign)
        if kept is None or kept[0] < seq or time.monotonic() - kept[1] > 1:
            kept = (seq, time.monotonic(), await run_in_threadpool(campaigns.describe, store, campaign))
            self._shown[campaign] = kept
        return kept[2]


class LogReaders:
    """Follows the logs of all accounts somebody listens to, with one round trip for all of them a turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followed: dict[str, Followed] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @asynccontextmanager
    async def follow(self, account: str) -> AsyncIterator[Followed]:
        """Follow an account's log for the length of the block; raises Problem past STREAMS_MAX."""
        seq = await run_in_threadpool(credits.last_seq, self._store, account)
        followed = self._followed.setdefault(account, Followed(seq))
        if followed.listeners >= STREAMS_MAX:
            raise Problem("too_many_streams", headers={"Retry-After": "10"}, used=followed.listeners, limit=STREAMS_MAX)
        followed.listeners += 1
        followed.closed = self._closed
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read())
        try:
            yield followed
        finally:
            followed.listeners -= 1
            if followed.listeners == 0:
                self._followed.pop(account, None)

    def close(self) -> None:
        """End every stream in good order; those that come after end at once."""
        self._closed = True
        for followed in self._followed.values():
            followed.closed = True
            followed.wake()

    async def _read(self) -> None:
        while self._followed and not self._closed:
            places = {account: followed.seq for account, followed in self._followed.items()}
            full = False
            try:
                found = await run_in_threadpool(_logs, self._store, places)
            except RedisTrouble as error:
                log.warning("events.redis_trouble", error=trouble_text(error))
                found = {}
            except Exception:
                # Whoever listens is better served late than never.
                log.exception("events.unforeseen")
                found = {}
            for account, entries in found.items():
                if account in self._followed:
                    self._followed[account].add([e for e in entries if e.seq > self._followed[account].seq])
                    full = full or len(entries) >= _STEP
            if not full:
                await asyncio.sleep(POLL_S)


def _logs(store: Store, places: dict[str, int]) -> dict[str, list[LogEntry]]:
    return credits.logs_after(store, places, most=_STEP)


async def older(store: Store, account: str, seq: int) -> list[LogEntry]:
    """Entries after that number from Redis, for somebody who was away for long."""
    return await run_in_threadpool(lambda: list(islice(credits.log(store, account, after_seq=seq, most=_STEP), _STEP)))
