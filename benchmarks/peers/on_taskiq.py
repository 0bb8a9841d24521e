"""Taskiq on Redis streams: ``kiq`` for many at a time, the check with ``schedule_by_time``."""

import asyncio
from typing import Any

from taskiq import TaskiqEvents, TaskiqScheduler
from taskiq_redis import ListRedisScheduleSource, RedisStreamBroker

from benchmarks.peers.job import announce, due_at, the_async_job, url

BATCH = 500
broker = RedisStreamBroker(url())
source = ListRedisScheduleSource(url(), buffer_size=1_000)
scheduler = TaskiqScheduler(broker, [source])


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def started(state: Any) -> None:
    announce()


@broker.task
async def send(number: int, due_ms: int) -> None:
    await the_async_job().send(number)
    await check.schedule_by_time(source, due_at(due_ms), number)


@broker.task
async def check(number: int) -> None:
    await the_async_job().refund(number)


def enqueue(recipients: int, due_ms: int) -> None:
    asyncio.run(_enqueue(recipients, due_ms))


async def _enqueue(recipients: int, due_ms: int) -> None:
    await broker.startup()
    for start in range(0, recipients, BATCH):
        numbers = range(start, min(start + BATCH, recipients))
        await asyncio.gather(*(send.kiq(number, due_ms) for number in numbers))
    await broker.shutdown()
