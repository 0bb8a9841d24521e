"""The consumer by itself: what it holds, lets go and gives back, call by call."""

from __future__ import annotations

import time
from typing import Any

import dramatiq
import pytest
from dramatiq.broker import MessageProxy
from dramatiq.errors import ConnectionClosed

from workers.broker import DurableRedisBroker, queue_list

from .rig import DAY_MS


@pytest.fixture
def note(broker: DurableRedisBroker) -> Any:
    return dramatiq.actor(print, queue_name="q", actor_name="note")


def counts(broker: DurableRedisBroker) -> tuple[int, int, int, int]:
    [found] = queue_list(broker)
    return found.ready, found.delayed, found.running, found.dead


def received(broker: DurableRedisBroker) -> MessageProxy:
    """The next message, from a consumer of its own that stays open."""
    message = next(broker.consume("q", prefetch=10, timeout=10))
    assert message is not None
    return message


@pytest.mark.parametrize("how", ["ack", "nack"])
def test_a_message_stays_in_the_hand_until_redis_knows_how_it_ended(
    broker: DurableRedisBroker, note: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    note.send(1)
    consumer = broker.consume("q", prefetch=1, timeout=10)
    message = next(consumer)
    assert message is not None
    message_id = message.options["redis_message_id"]
    run = broker.lua.run

    def refuse(name: str, *arguments: Any) -> Any:
        if name == how:
            assert message_id in broker.hand("q")
            raise ConnectionClosed("READONLY")
        return run(name, *arguments)

    with monkeypatch.context() as away:
        away.setattr(broker.lua, "run", refuse)
        with pytest.raises(ConnectionClosed):
            getattr(consumer, how)(message)
    assert message_id in broker.hand("q")
    getattr(consumer, how)(message)
    assert message_id not in broker.hand("q")
    assert counts(broker) == (0, 0, 0, int(how == "nack"))


def test_a_consumer_that_is_closed_gives_back_what_it_did_not_hand_out_and_is_forgotten(
    broker: DurableRedisBroker, note: Any
) -> None:
    broker.enqueue_many([note.message(number) for number in range(3)])
    consumer = broker.consume("q", prefetch=3, timeout=10)
    assert next(consumer) is not None
    assert (counts(broker), broker.consumed_queues()) == ((0, 0, 3, 0), ["q"])
    consumer.close()
    assert (counts(broker), broker.consumed_queues()) == ((2, 0, 1, 0), [])
    assert len(broker.hand("q")) == 1


def test_a_failed_message_that_is_sent_again_is_buried_all_the_same(broker: DurableRedisBroker, note: Any) -> None:
    """Only a retry takes its message's place: one that has failed for good is still to become a dead letter."""
    note.send(1)
    consumer = broker.consume("q", prefetch=1, timeout=10)
    message = next(consumer)
    assert message is not None
    message.fail()
    with broker._settles(message):
        broker.enqueue(message, delay=DAY_MS)  # type: ignore[arg-type]
    consumer.nack(message)
    assert counts(broker) == (0, 1, 0, 1)


def test_a_message_that_was_put_in_with_a_due_time_of_its_own_is_not_held_in_memory_for_it(
    broker: DurableRedisBroker, note: Any
) -> None:
    body = note.message_with_options(args=(1,), eta=int(time.time() * 1000) + DAY_MS).encode()
    broker.lua.run("enqueue", "sender", "request", broker.broker_id, "", "", "q", "id", body, "")
    assert "eta" not in received(broker).options


def test_no_two_consumers_of_a_process_fetch_at_once(
    broker: DurableRedisBroker, note: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    note.send(1)
    run, was_alone = broker.lua.run, []

    def look(name: str, *arguments: Any) -> Any:
        if name == "fetch":
            was_alone.append(broker.hand("q").fetching.locked())
        return run(name, *arguments)

    monkeypatch.setattr(broker.lua, "run", look)
    received(broker)
    assert was_alone == [True]


def test_messages_that_outlived_as_many_processes_as_they_may_are_held_one_at_a_time(
    broker: DurableRedisBroker, note: Any
) -> None:
    broker.crash_limit = 1
    sent = broker.enqueue_many([note.message(number) for number in range(2)])
    counted = {message.options["redis_message_id"]: 1 for message in sent}
    broker.client.hset("{dramatiq}:q.lost", mapping=counted)
    consumer = broker.consume("q", prefetch=2, timeout=10)
    first = next(consumer)
    assert first is not None
    assert (first.args, next(consumer)) == ((0,), None)
    consumer.ack(first)
    second = next(consumer)
    assert second is not None
    assert second.args == (1,)


def test_what_is_sent_instead_of_the_message_being_run_takes_its_place_in_one_step(
    broker: DurableRedisBroker, note: Any
) -> None:
    note.send(1)
    running = received(broker)
    broker.enqueue_many([note.message(2), note.message(3)], [None, DAY_MS], instead_of=running)
    assert counts(broker) == (1, 1, 0, 0)

    broker.enqueue_many([note.message(4)], instead_of=running)
    assert counts(broker) == (2, 1, 0, 0)
    assert received(broker).args == (2,)


def test_what_is_sent_instead_of_a_message_taken_over_meanwhile_is_sent_all_the_same(
    broker: DurableRedisBroker, note: Any
) -> None:
    note.send(1)
    running = received(broker)
    held = f"{broker.namespace}:__acks__.{broker.broker_id}.q"
    broker.client.srem(held, running.options["redis_message_id"])  # as the reaper does
    broker.enqueue_many([note.message(2)], [DAY_MS], instead_of=running)

    assert counts(broker)[1] == 1
