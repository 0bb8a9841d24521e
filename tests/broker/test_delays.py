"""Delayed messages: in Redis until they are due, in due order, whatever the sender's clock says."""

from __future__ import annotations

import time
from unittest import mock

import dramatiq
import pytest

from workers.broker import DurableRedisBroker, queue_list

from .rig import DAY_MS, wait_until


def declare(broker: DurableRedisBroker, ran: list[object]) -> dramatiq.Actor[..., None]:
    @dramatiq.actor(queue_name="q", max_retries=1, min_backoff=100, max_backoff=100)
    def note(value: object) -> None:
        ran.append(value)
        if value == "fails once" and ran.count(value) == 1:
            raise RuntimeError("the first time")

    return note


def test_messages_run_in_the_order_they_fall_due(broker: DurableRedisBroker) -> None:
    ran: list[object] = []
    note = declare(broker, ran)
    for delay in (300, 100, 200):
        note.send_with_options(args=(delay,), delay=delay)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    broker.join("q", interval=10, timeout=5_000)
    worker.stop()
    assert ran == [100, 200, 300]


def test_a_message_waits_in_redis_and_not_in_the_worker(broker: DurableRedisBroker) -> None:
    note = declare(broker, [])
    note.send_with_options(args=("later",), delay=DAY_MS)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    assert wait_until(lambda: queue_list(broker)[0].delayed == 1)
    assert list(worker.consumers) == ["q"]
    assert worker.consumers["q"].delay_queue.empty()
    assert len(broker.hand("q")) == 0
    worker.stop()


def test_a_delay_is_counted_from_now_even_if_the_senders_clock_is_a_day_off(
    broker: DurableRedisBroker,
) -> None:
    ran: list[object] = []
    note = declare(broker, ran)
    with mock.patch("time.time", return_value=1.0):
        note.send_with_options(args=("soon",), delay=50)
    consumer = broker.consume("q", timeout=100)
    assert wait_until(lambda: next(consumer), 2.0)


@pytest.mark.parametrize("due_in_ms", [0, 1])
def test_a_message_due_in_a_moment_is_not_slept_through(broker: DurableRedisBroker, due_in_ms: int) -> None:
    broker.declare_queue("q")
    with mock.patch.object(broker.client, "blpop", wraps=broker.client.blpop) as sleep:
        broker.lua.sleep_until_woken("q", due_in_ms)
    # What Redis 6.2 reads of it, in whole milliseconds, rounded down; none is for ever.
    assert int(sleep.call_args.kwargs["timeout"] * 1000 - 0.001) >= 1


def test_an_eta_among_the_options_is_a_delay(broker: DurableRedisBroker) -> None:
    note = declare(broker, [])
    broker.enqueue(note.message_with_options(args=(1,), eta=int(time.time() * 1000) + DAY_MS))
    assert [row.delayed for row in queue_list(broker)] == [1]


def test_a_delay_of_nothing_is_ready_at_once(broker: DurableRedisBroker) -> None:
    note = declare(broker, [])
    note.send_with_options(args=(1,), delay=0)
    consumer = broker.consume("q", timeout=100)
    assert wait_until(lambda: next(consumer), 2.0)


def test_a_retry_takes_the_place_of_the_message_it_retries(broker: DurableRedisBroker) -> None:
    ran: list[object] = []
    note = declare(broker, ran)
    note.send("fails once")
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    # One message at every moment: two steps (send again, then acknowledge) would show two, or none.
    sizes = {broker.do_qsize("q")}
    assert wait_until(lambda: sizes.add(broker.do_qsize("q")) or len(ran) == 2)
    broker.join("q", interval=10, timeout=5_000)
    worker.stop()
    assert ran == ["fails once"] * 2
    assert sizes <= {0, 1}


def test_many_messages_go_in_with_their_delays_in_one_call(broker: DurableRedisBroker) -> None:
    note = declare(broker, [])
    messages = [note.message(number) for number in range(1_000)]
    with mock.patch.object(broker.lua, "run", wraps=broker.lua.run) as run:
        sent = broker.enqueue_many(messages, [None if n % 2 else DAY_MS for n in range(1_000)])
    assert run.call_count == 1
    assert [message.message_id for message in sent] == [message.message_id for message in messages]
    [row] = queue_list(broker)
    assert (row.ready, row.delayed, row.running, row.dead) == (500, 500, 0, 0)


def test_an_interrupted_request_carried_out_twice_puts_messages_in_once(broker: DurableRedisBroker) -> None:
    request = ("sender", "request-1", broker.broker_id, "", "", "q", "id-1", b"{}", "")
    assert broker.lua.run("enqueue", *request) == 1
    consumer = broker.lua.run("fetch", "q", broker.broker_id, 1)
    assert broker.lua.run("ack", "q", broker.broker_id, consumer[3]) == 1
    # Run and gone already: only the sender's last request tells.
    assert broker.lua.run("enqueue", *request) == 0
    assert broker.do_qsize("q") == 0
