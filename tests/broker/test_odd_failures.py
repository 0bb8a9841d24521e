"""What a failure looks like, where it strikes and how often: nothing is stuck, lost or doubled by it."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import ConnectionClosed

from workers.broker import DurableRedisBroker, dead_drop, dead_list, dead_retry, queue_list

from .rig import wait_until


class Mute(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        raise SystemExit("no text")


@pytest.fixture
def worker(broker: DurableRedisBroker) -> Any:
    made = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    yield made
    made.stop()


def counts(broker: DurableRedisBroker) -> tuple[int, int, int, int]:
    [found] = queue_list(broker)
    return found.ready, found.delayed, found.running, found.dead


def test_an_error_text_utf8_cannot_carry_is_listed_retried_and_dropped(
    broker: DurableRedisBroker, worker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1, "dramatiq")  # pytest's own workers cannot pass such a text on either

    @dramatiq.actor(queue_name="q", max_retries=0)
    def fail(text: str) -> None:
        raise ValueError("name \udcff is odd" if text == "odd" else text)

    worker.start()
    fail.send("odd")
    fail.send("plain")
    broker.join("q", interval=10, timeout=5_000)
    assert sorted(group.error_message for group in dead_list(broker)) == ["name \\udcff is odd", "plain"]
    assert dead_retry(broker, everything=True) == 2
    broker.join("q", interval=10, timeout=5_000)
    assert dead_drop(broker, everything=True) == 2


def test_a_letter_stored_with_such_a_text_is_listed_as_well(broker: DurableRedisBroker) -> None:
    errors = ['{"type": "E", "message": "\\udcff"}', '{"type": 5, "message": null}', "[]", "{half", b"\xff"]
    for number, error in enumerate(errors):
        broker.lua.run("enqueue", "s", f"r{number}", broker.broker_id, "", "", "q", f"id{number}", b"body", "")
        broker.lua.run("fetch", "q", broker.broker_id, 1)
        broker.lua.run("nack", "q", broker.broker_id, f"id{number}", error)
    found = sorted(group.error_message for group in dead_list(broker))
    assert found == ["None", "[]", "\\udcff", "\\xff", "{half"]
    assert dead_drop(broker, everything=True) == len(errors)


def test_a_message_no_worker_could_run_is_buried_and_stops_nobody(broker: DurableRedisBroker, worker: Any) -> None:
    ran: list[int] = []
    note = dramatiq.actor(ran.append, queue_name="q", actor_name="note", max_retries=0)
    changes: list[dict[str, Any]] = [
        {"queue_name": "elsewhere"},
        {"actor_name": []},
        {"actor_name": "unheard of"},
        {"args": "five"},
        {"kwargs": 5},
        {"options": []},
        {},
    ]
    for number, change in enumerate(changes):
        body = json.dumps({**note.message(1).asdict(), **change}).encode()
        broker.lua.run("enqueue", "s", f"r{number}", broker.broker_id, "", "", "q", f"id{number}", body, "")
    worker.start()
    broker.join("q", interval=10, timeout=5_000)
    assert (ran, counts(broker)) == ([1], (0, 0, 0, len(changes) - 1))
    assert len(broker.hand("q")) == 0
    assert all(thread.is_alive() for thread in (*worker.workers, *worker.consumers.values()))


def test_a_failure_without_a_text_is_buried_and_the_queue_goes_on(broker: DurableRedisBroker, worker: Any) -> None:
    ran: list[int] = []

    @dramatiq.actor(queue_name="q", max_retries=0)
    def mute(number: int) -> None:
        if number < 3:
            raise Mute
        ran.append(number)

    worker.start()
    for number in range(4):
        mute.send(number)
    broker.join("q", interval=10, timeout=5_000)
    assert (ran, counts(broker)) == ([3], (0, 0, 0, 3))
    assert [group.error_type for group in dead_list(broker)] == ["Mute"]


def test_when_burying_one_message_fails_its_neighbours_are_not_lost(
    broker: DurableRedisBroker, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []
    note = dramatiq.actor(ran.append, queue_name="q", actor_name="note")
    bodies = [b"\xff no message", *(note.message(number).encode() for number in range(3))]
    rows = [part for i, body in enumerate(bodies) for part in ("q", f"id{i}", body, "")]
    broker.lua.run("enqueue", "s", "r", broker.broker_id, "", "", *rows)
    run, failed = broker.lua.run, threading.Event()

    def fail_once(name: str, *arguments: Any) -> Any:
        if name == "nack" and not failed.is_set():
            failed.set()
            raise ConnectionClosed("READONLY")
        return run(name, *arguments)

    monkeypatch.setattr(broker.lua, "run", fail_once)
    worker.start()
    assert wait_until(lambda: len(ran) == 3)
    assert wait_until(lambda: counts(broker) == (0, 0, 0, 1))


def test_what_could_not_be_given_back_is_taken_up_again(
    broker: DurableRedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = dramatiq.actor(print, queue_name="q", actor_name="note")
    for number in range(3):
        note.send(number)
    consumer = broker.consume("q", prefetch=3, timeout=10)
    assert next(consumer) is not None
    run = broker.lua.run

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "requeue":
            raise ConnectionClosed("READONLY")
        return run(name, *arguments)

    with monkeypatch.context() as away:
        away.setattr(broker.lua, "run", refuse)
        with pytest.raises(ConnectionClosed):
            consumer.close()
    successor = broker.consume("q", prefetch=3, timeout=10)
    taken = [message.args[0] for message in (next(successor), next(successor)) if message is not None]
    assert sorted(taken) == [1, 2]


def taken_over(broker: DurableRedisBroker) -> str:
    """A message another process held when it fell silent, and that a second one holds now; returns its id."""
    dramatiq.actor(print, queue_name="q", actor_name="note").send(1)
    message_id = broker.lua.run("fetch", "q", "robbed", 1)[3].decode()
    broker.client.srem(f"{broker.namespace}:__acks__.robbed.q", message_id)
    broker.client.rpush(f"{broker.namespace}:q", message_id)
    assert broker.lua.run("fetch", "q", "taker", 1)[3].decode() == message_id
    return str(message_id)


def test_a_robbed_workers_retry_changes_nothing(broker: DurableRedisBroker) -> None:
    message_id = taken_over(broker)
    for worker, done in (("robbed", -1), ("taker", 1), ("taker", 0)):
        request = ("enqueue", worker, f"r-{worker}", worker, "q", message_id, "q", f"new-{worker}", b"b", "1000")
        assert broker.lua.run(*request) == done
    assert counts(broker) == (0, 1, 0, 0)


@pytest.mark.parametrize(("script", "extra"), [("ack", ()), ("nack", ('{"type": "E"}',))])
def test_a_robbed_workers_late_report_changes_nothing(
    broker: DurableRedisBroker, script: str, extra: tuple[str, ...]
) -> None:
    message_id = taken_over(broker)
    assert broker.lua.run(script, "q", "robbed", message_id, *extra) == 0
    assert counts(broker) == (0, 0, 1, 0)
    assert broker.lua.run("ack", "q", "taker", message_id) == 1


def test_a_request_sent_again_after_a_later_one_is_still_known(
    broker: DurableRedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = dramatiq.actor(print, queue_name="q", actor_name="note")
    run, senders = broker.lua.run, []

    def lose_the_first_reply(name: str, *arguments: Any) -> Any:
        reply = run(name, *arguments)
        if name == "enqueue":
            senders.append(arguments)
            if len(senders) == 1:
                raise ConnectionClosed("reply lost")
        return reply

    monkeypatch.setattr(broker.lua, "run", lose_the_first_reply)
    with pytest.raises(ConnectionClosed):
        note.send(1)
    note.send(2)
    # Both were run meanwhile: only what Redis remembers of the request tells.
    for message_id in run("fetch", "q", broker.broker_id, 2)[3::2]:
        run("ack", "q", broker.broker_id, message_id)
    assert run("enqueue", *senders[0]) == 0
    assert counts(broker) == (0, 0, 0, 0)


def test_delays_that_do_not_match_their_messages_send_nothing(broker: DurableRedisBroker) -> None:
    note = dramatiq.actor(print, queue_name="q", actor_name="note")
    with pytest.raises(ValueError, match="zip"):
        broker.enqueue_many([note.message(n) for n in range(1500)], delays=[None] * 1400)
    assert queue_list(broker) == []


def test_many_messages_go_in_batches_of_a_thousand_and_of_eight_million_bytes(
    broker: DurableRedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = dramatiq.actor(print, queue_name="q", actor_name="note")
    sizes: list[int] = []
    run = broker.lua.run

    def count(name: str, *arguments: Any) -> Any:
        sizes.append((len(arguments) - 5) // 4)
        return run(name, *arguments)

    monkeypatch.setattr(broker.lua, "run", count)
    broker.enqueue_many([note.message(n) for n in range(1001)])
    broker.enqueue_many([note.message("x" * 3_000_000) for _ in range(3)])
    broker.enqueue_many([note.message("x" * 9_000_000)])
    broker.enqueue_many([])
    assert sizes == [1000, 1, 2, 1, 1]
