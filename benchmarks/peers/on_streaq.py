"""streaQ: ``enqueue_many`` for the sends, the check with ``start(schedule=...)``. ``ttl=0``: results are not kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streaq import Worker

from benchmarks.peers.job import announce, due_at, the_async_job, url

BATCH = 1_000


@asynccontextmanager
async def started() -> AsyncIterator[None]:
    announce()
    yield


worker: Worker[None] = Worker(redis_url=url(), concurrency=16, lifespan=started)


@worker.task(ttl=0, silent=True)
async def send(number: int, due_ms: int) -> None:
    await the_async_job().send(number)
    await check.enqueue(number).start(schedule=due_at(due_ms))


@worker.task(ttl=0, silent=True)
async def check(number: int) -> None:
    await the_async_job().refund(number)


def enqueue(recipients: int, due_ms: int) -> None:
    asyncio.run(_enqueue(recipients, due_ms))


async def _enqueue(recipients: int, due_ms: int) -> None:
    async with worker:
        for start in range(0, recipients, BATCH):
            numbers = range(start, min(start + BATCH, recipients))
            await worker.enqueue_many([send.enqueue(number, due_ms) for number in numbers])
