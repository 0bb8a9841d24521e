"""Celery with Redis: ``delay`` one by one, the check with ``eta``. Results are ignored, as nobody reads them."""

from typing import Any

from celery import Celery
from celery.signals import worker_ready

from benchmarks.peers.job import announce, due_at, socket, the_job

app = Celery("inmail", broker=f"redis+socket://{socket()}")
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=100)


@worker_ready.connect
def started(**_: Any) -> None:
    announce()


@app.task
def send(number: int, due_ms: int) -> None:
    the_job().send(number)
    check.apply_async((number,), eta=due_at(due_ms))


@app.task
def check(number: int) -> None:
    the_job().refund(number)


def enqueue(recipients: int, due_ms: int) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(recipients):
            send.apply_async((number, due_ms), producer=producer)
