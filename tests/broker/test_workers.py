"""Processes that pause, stop, die and give up, and what becomes of the messages they hold."""

from __future__ import annotations

import signal
from pathlib import Path

import dramatiq
import pytest
import redis
from dramatiq.errors import BrokerConnectionError, QueueNotFound
from dramatiq.middleware import Middleware

from workers.broker import DurableRedisBroker, dead_list, pause, queue_list, resume
from workers.broker.maintenance import EXIT_CODE

from .rig import Rig, Server, elapse, wait_until


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(broker: DurableRedisBroker) -> None:
    ran: list[int] = []

    @dramatiq.actor(queue_name="q")
    def note(number: int) -> None:
        ran.append(number)

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=1_000)
    worker.start()
    note.send(1)
    assert wait_until(lambda: ran == [1])
    assert pause(broker, "q")
    assert not pause(broker, "q")
    note.send(2)
    elapse(0.3)
    [row] = queue_list(broker)
    assert (ran, row.ready, row.paused) == ([1], 1, True)
    assert row.oldest_ms is not None
    assert resume(broker, "q")
    assert wait_until(lambda: ran == [1, 2], 1.0)
    worker.stop()


def test_a_queue_nobody_ever_used_cannot_be_paused(broker: DurableRedisBroker) -> None:
    with pytest.raises(QueueNotFound):
        pause(broker, "tpyo")


def test_what_was_fetched_and_not_begun_goes_back_to_the_head_in_order(broker: DurableRedisBroker) -> None:
    @dramatiq.actor(queue_name="q")
    def note(number: int) -> None: ...

    sent = broker.enqueue_many([note.message(number) for number in range(6)])
    consumer = broker.consume("q", prefetch=4, timeout=100)
    first, second = next(consumer), next(consumer)
    assert first is not None
    assert second is not None
    consumer.requeue([first, second])
    consumer.close()
    ids = [message.options["redis_message_id"].encode() for message in sent]
    assert broker.client.lrange("{dramatiq}:q", 0, -1) == ids
    assert len(broker.hand("q")) == 0


def test_a_message_that_kills_every_process_is_buried_at_last(broker: DurableRedisBroker) -> None:
    @dramatiq.actor(queue_name="q")
    def note() -> None: ...

    note.send()
    reap = ("reap", 0, 1_000, 1, '{"type": "WorkerLost"}')
    for process in ("first", "second"):
        assert len(broker.lua.run("fetch", "q", process, 1)) == 5
        assert wait_until(lambda: sum(broker.lua.run(*reap)))
    assert [group.error_type for group in dead_list(broker)] == ["WorkerLost"]


def test_nobody_is_given_up_right_after_redis_was_away(broker: DurableRedisBroker) -> None:
    broker.client.zadd("{dramatiq}:__heartbeats__", {"silent during the outage": 1})
    assert broker.lua.run("reap", 60_000, 30_000, 5, "{}") == [0, 0, 0]
    assert broker.client.zcard("{dramatiq}:__heartbeats__") == 1


def test_a_new_consumer_takes_up_what_its_process_holds_without_knowing(broker: DurableRedisBroker) -> None:
    @dramatiq.actor(queue_name="q")
    def note(number: int) -> None: ...

    broker.enqueue_many([note.message(number) for number in range(3)])
    known = broker.consume("q", prefetch=1, timeout=100)
    assert next(known) is not None
    broker.lua.run("fetch", "q", broker.broker_id, 2)  # its reply is never read
    later = broker.consume("q", prefetch=10, timeout=100)
    received = [next(later), next(later)]
    assert {message.args[0] for message in received if message is not None} == {1, 2}


@pytest.mark.redis
def test_what_middleware_could_not_send_is_sent_before_the_ack(server: Server) -> None:
    """Dramatiq swallows what a hook raises: a retry or the next stage of a pipeline would be lost with it."""
    ran: list[str] = []

    class CutOff(Middleware):
        def before_enqueue(self, broker: object, message: object, delay: object) -> None:
            if "second" in str(message) and server.admin.config_get("maxmemory")["maxmemory"] == "0":
                server.admin.config_set("maxmemory", 1)

    broker = DurableRedisBroker(url=server.url)
    broker.add_middleware(CutOff())

    @dramatiq.actor(broker=broker, queue_name="q")
    def first() -> str:
        ran.append("first")
        return "x"

    @dramatiq.actor(broker=broker, queue_name="q")
    def second(_: str) -> None:
        ran.append("second")

    dramatiq.pipeline([first.message(), second.message()], broker=broker).run()  # type: ignore[call-arg]
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    assert wait_until(lambda: server.admin.config_get("maxmemory")["maxmemory"] != "0")
    elapse(0.2)
    server.admin.config_set("maxmemory", 0)
    assert wait_until(lambda: ran == ["first", "second"], 10.0)
    worker.stop()
    broker.close()


@pytest.mark.redis
def test_an_enqueue_that_fails_says_so(server: Server) -> None:
    broker = DurableRedisBroker(url=server.url)

    @dramatiq.actor(broker=broker, queue_name="q")
    def note() -> None: ...

    server.admin.config_set("maxmemory", 1)
    with pytest.raises(BrokerConnectionError) as caught:
        note.send()
    cause = caught.value.__cause__
    assert isinstance(cause, redis.exceptions.OutOfMemoryError) or "OOM" in str(cause)  # 6.2 wraps it
    broker.close()


@pytest.mark.redis
def test_a_live_worker_beats_and_acknowledges_while_memory_is_full(rig: Rig) -> None:
    broker = rig.broker(heartbeat_timeout=1_000)
    note = rig.actor(broker, busy_s=0.5)
    rig.worker(broker)
    for number in range(6):
        note.send(number)
    rig.server.admin.config_set("maxmemory", 1)
    assert wait_until(lambda: broker.do_qsize("q") == 0)
    assert sorted(rig.ran) == list(range(6))


def notes_of(rig: Rig) -> Path:
    path = Path(rig.server.path).with_name("notes")
    path.touch()
    return path


def test_a_process_made_by_a_fork_is_a_worker_of_its_own(broker: DurableRedisBroker) -> None:
    @dramatiq.actor(queue_name="q")
    def note() -> None: ...

    note.send()
    parent = broker.consume("q", prefetch=1, timeout=100)
    assert next(parent) is not None
    parent_id, of_parent = broker.broker_id, broker.maintenance._tickers
    broker._pid = -1  # as a child finds it
    child = broker.consume("q", prefetch=1, timeout=100)
    for ticker in of_parent:  # a real child has none of its parent's threads
        ticker.ask_to_stop()
        ticker.wait(5)
    assert broker.broker_id != parent_id
    assert next(child) is None


@pytest.mark.redis
def test_sigterm_finishes_the_message_in_hand_and_gives_back_the_rest(rig: Rig) -> None:
    notes = notes_of(rig)
    broker = rig.broker()
    note = rig.actor(broker)
    broker.enqueue_many([note.message(number, busy_s=1.5) for number in range(3)])
    process = rig.process("-p", "1", "-t", "1", NOTES=str(notes))
    assert wait_until(lambda: "began 0" in notes.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert notes.read_text().split("\n") == ["began 0", "ended 0", ""]
    [row] = queue_list(broker)
    assert (row.ready, row.running) == (2, 0)
    assert rig.server.admin.zcard("{dramatiq}:__heartbeats__") == 0


@pytest.mark.redis
def test_sigterm_ends_within_its_bound_and_the_message_in_hand_is_not_lost(rig: Rig) -> None:
    notes = notes_of(rig)
    broker = rig.broker(heartbeat_timeout=1_000)
    note = rig.actor(broker)
    broker.enqueue(note.message("endless", busy_s=60.0))
    environment = {"NOTES": str(notes), "APP_HEARTBEAT_TIMEOUT": "1000"}
    process = rig.process("-p", "1", "-t", "1", "--worker-shutdown-timeout", "500", **environment)
    assert wait_until(lambda: "began" in notes.read_text())
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    broker.consume("q", prefetch=0, timeout=100)  # another process, whose reaper looks after it
    assert wait_until(lambda: queue_list(broker)[0].ready == 1)


@pytest.mark.redis
def test_a_worker_whose_consumer_has_died_ends_with_an_exit_code(rig: Rig) -> None:
    notes = notes_of(rig)
    broker = rig.broker()
    environment = {"NOTES": str(notes), "APP_HEARTBEAT_TIMEOUT": "1000"}
    process = rig.process("-p", "1", "-t", "1", **environment)
    broker.enqueue(rig.actor(broker).message().copy(actor_name="kill_a_consumer_thread", args=()))
    assert process.wait(20) == EXIT_CODE
