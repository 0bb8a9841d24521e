"""What every Python peer runs for one recipient, so that only the queues differ. ``on_bullmq.mjs`` does the same.

``send`` takes two round trips, each one Lua script: the debit, then the letter into the inbox and its state. ``refund``
takes one. Workers find their Redis in the variable PEERS_REDIS_SOCKET.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import redis
import redis.asyncio

FOLDER = Path(__file__).parent
DEBIT, DELIVER, REFUND = ((FOLDER / f"{name}.lua").read_text() for name in ("debit", "deliver", "refund"))
BODY = (FOLDER / "body.txt").read_text()
KEYS = ["wallet", "letters"]
READY_KEY = "ready"
CONNECTIONS_MAX = 300  # redis-py allows 100 unless told otherwise, fewer than 100 jobs at a time and a queue need


class NoCredit(Exception):
    """The wallet was empty: the letter is not sent."""


def socket() -> str:
    return os.environ["PEERS_REDIS_SOCKET"]


def url() -> str:
    return f"unix://{socket()}"


def due_at(due_ms: int) -> datetime:
    """Return when a check falls due, as the libraries take it."""
    return datetime.fromtimestamp(due_ms / 1000, UTC)


def announce(who: str = "") -> None:
    """Tell the measuring that this process takes jobs now; twice is once."""
    with redis.Redis.from_url(url()) as client:
        client.sadd(READY_KEY, who or f"worker {os.getpid()}")


def inbox(number: int) -> str:
    return f"inbox:person.{number}@example.org"


def render(number: int) -> str:
    return BODY.format(first_name=f"Person{number}", sender="Acme Talent", number=number)


class Job:
    """The job of one recipient for libraries with threads or processes."""

    def __init__(self) -> None:
        self.client = redis.Redis.from_url(url())
        self._debit = self.client.register_script(DEBIT)
        self._deliver = self.client.register_script(DELIVER)
        self._refund = self.client.register_script(REFUND)

    def send(self, number: int) -> None:
        """Debit a credit, fill the inbox and mark the letter sent; raises NoCredit."""
        if self._debit(KEYS, [number]) == -1:
            raise NoCredit(number)
        self._deliver([*KEYS, inbox(number)], [number, f"acme.{number}", render(number)])

    def refund(self, number: int) -> None:
        self._refund(KEYS, [number])


class AsyncJob:
    """The same for libraries with an event loop."""

    def __init__(self) -> None:
        self.client = redis.asyncio.Redis.from_url(url(), max_connections=CONNECTIONS_MAX)
        self._debit = self.client.register_script(DEBIT)
        self._deliver = self.client.register_script(DELIVER)
        self._refund = self.client.register_script(REFUND)

    async def send(self, number: int) -> None:
        """Debit a credit, fill the inbox and mark the letter sent; raises NoCredit."""
        if await self._debit(KEYS, [number]) == -1:
            raise NoCredit(number)
        await self._deliver([*KEYS, inbox(number)], [number, f"acme.{number}", render(number)])

    async def refund(self, number: int) -> None:
        await self._refund(KEYS, [number])


# Made at the first job, so that no connection crosses a fork.
the_job = cache(Job)
the_async_job = cache(AsyncJob)
