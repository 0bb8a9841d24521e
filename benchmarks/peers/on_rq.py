"""RQ: ``enqueue_many`` for the sends, ``enqueue_at`` for the check, ``result_ttl=0``: finished jobs are not kept.

``SimpleWorker`` runs a job in the worker itself; the default one forks for each, which is several times slower.
"""

from functools import cache

from redis import Redis
from rq import Queue, SimpleWorker

from benchmarks.peers.job import announce, due_at, the_job, url

BATCH = 1_000


class Announced(SimpleWorker):
    def register_birth(self) -> None:
        super().register_birth()
        announce()


@cache
def queue() -> Queue:
    return Queue(connection=Redis.from_url(url()))


def send(number: int, due_ms: int) -> None:
    the_job().send(number)
    queue().enqueue_at(due_at(due_ms), check, number, result_ttl=0)


def check(number: int) -> None:
    the_job().refund(number)


def enqueue(recipients: int, due_ms: int) -> None:
    for start in range(0, recipients, BATCH):
        numbers = range(start, min(start + BATCH, recipients))
        queue().enqueue_many([Queue.prepare_data(send, (number, due_ms), result_ttl=0) for number in numbers])
