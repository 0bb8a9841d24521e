"""SAQ: ``enqueue`` for many at a time, the check with ``scheduled``. ``ttl=-1``: results are not kept."""

import asyncio
from typing import Any

from redis.asyncio import Redis
from saq.queue.redis import RedisQueue

from benchmarks.peers.job import CONNECTIONS_MAX, announce, the_async_job, url

BATCH = 500
queue = RedisQueue(Redis.from_url(url(), max_connections=CONNECTIONS_MAX))


async def started(context: dict[str, Any]) -> None:
    announce()


async def send(context: dict[str, Any], *, number: int, due_ms: int) -> None:
    await the_async_job().send(number)
    await queue.enqueue("check", number=number, scheduled=due_ms // 1000, ttl=-1)


async def check(context: dict[str, Any], *, number: int) -> None:
    await the_async_job().refund(number)


settings = {"queue": queue, "functions": [send, check], "concurrency": 20, "startup": started}


def enqueue(recipients: int, due_ms: int) -> None:
    asyncio.run(_enqueue(recipients, due_ms))


async def _enqueue(recipients: int, due_ms: int) -> None:
    for start in range(0, recipients, BATCH):
        numbers = range(start, min(start + BATCH, recipients))
        await asyncio.gather(*(queue.enqueue("send", number=n, due_ms=due_ms, ttl=-1) for n in numbers))
    await queue.disconnect()
