"""Arq: ``enqueue_job`` for many at a time, the check with ``_defer_until``. ``keep_result=0``: results are not kept."""

import asyncio
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings

from benchmarks.peers.job import announce, due_at, socket, the_async_job

BATCH = 100
QUIET = {"version": 1, "root": {"level": "WARNING"}}


async def started(context: dict[str, Any]) -> None:
    announce()


async def send(context: dict[str, Any], number: int, due_ms: int) -> None:
    await the_async_job().send(number)
    await context["redis"].enqueue_job("check", number, _defer_until=due_at(due_ms))


async def check(context: dict[str, Any], number: int) -> None:
    await the_async_job().refund(number)


class WorkerSettings:
    """20 jobs at a time, polled for every 50 ms: the defaults, 10 and 500 ms, would bound it to some 100 jobs/s."""

    functions = (send, check)
    on_startup = started
    redis_settings = RedisSettings(unix_socket_path=socket())
    max_jobs = 20
    poll_delay = 0.05
    keep_result = 0
    log_results = False


def enqueue(recipients: int, due_ms: int) -> None:
    asyncio.run(_enqueue(recipients, due_ms))


async def _enqueue(recipients: int, due_ms: int) -> None:
    pool = await create_pool(WorkerSettings.redis_settings)
    for start in range(0, recipients, BATCH):
        numbers = range(start, min(start + BATCH, recipients))
        await asyncio.gather(*(pool.enqueue_job("send", number, due_ms) for number in numbers))
    await pool.aclose()
