"""Huey: tasks called one by one, the check with ``schedule(eta=...)``. Results are off, as nobody reads them."""

from huey import RedisHuey

from benchmarks.peers.job import announce, due_at, the_job, url

huey = RedisHuey("inmail", url=url(), results=False)


@huey.on_startup()
def started() -> None:
    announce()


@huey.task()
def send(number: int, due_ms: int) -> None:
    the_job().send(number)
    check.schedule((number,), eta=due_at(due_ms))


@huey.task()
def check(number: int) -> None:
    the_job().refund(number)


def enqueue(recipients: int, due_ms: int) -> None:
    for number in range(recipients):
        send(number, due_ms)
