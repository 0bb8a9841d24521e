"""Dramatiq with its stock Redis broker: actors as in its guide, one ``send`` each, the check with ``delay``."""

import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.peers.job import announce, the_job, url


class Announce(dramatiq.Middleware):
    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        announce()


broker = RedisBroker(url=url())
broker.add_middleware(Announce())
dramatiq.set_broker(broker)


@dramatiq.actor
def send(number: int, due_ms: int) -> None:
    the_job().send(number)
    check.send_with_options(args=(number,), delay=max(0, due_ms - int(time.time() * 1000)))


@dramatiq.actor
def check(number: int) -> None:
    the_job().refund(number)


def enqueue(recipients: int, due_ms: int) -> None:
    for number in range(recipients):
        send.send(number, due_ms)
