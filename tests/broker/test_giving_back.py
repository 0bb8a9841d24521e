"""What was fetched and not begun when a process stops or its queue is paused: others have it within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from unittest import mock

import dramatiq
import pytest

from workers.broker import DurableRedisBroker, maintenance, pause, queue_list, resume

from .rig import Server, wait_until


class Held:
    """A worker of one thread, whose actors note what they began and end when they are let go."""

    def __init__(self, broker: DurableRedisBroker, prefetch: int = 0) -> None:
        self.broker = broker
        self.began: list[int] = []
        self._let_go = threading.Semaphore(0)
        self.note = dramatiq.actor(self._run, broker=broker, actor_name="note", queue_name="q")
        self.other = dramatiq.actor(self.began.append, broker=broker, actor_name="other", queue_name="other")
        with mock.patch("dramatiq.worker.QUEUE_PREFETCH", prefetch):
            self.worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
        self._stopping = threading.Thread(target=self.worker.stop)

    def _run(self, number: int) -> None:
        self.began.append(number)
        self._let_go.acquire(timeout=20)

    def begin(self, count: int) -> None:
        """Have the first of so many messages begun and the rest in the hand."""
        self.broker.enqueue_many([self.note.message(number) for number in range(count)])
        self.worker.start()
        assert wait_until(lambda: self.began == [0] and len(self.broker.hand("q")) == count)

    def let_go(self, count: int = 1) -> None:
        self._let_go.release(count)

    def stop(self) -> None:
        self._stopping.start()
        assert wait_until(self.broker.draining.is_set)

    def close(self) -> None:
        self.let_go(100)
        if not self._stopping.ident:
            self._stopping.start()
        self._stopping.join(10)


@pytest.fixture
def held(broker: DurableRedisBroker) -> Iterator[Held]:
    made = Held(broker)
    yield made
    made.close()


def counts(broker: DurableRedisBroker) -> tuple[int, int]:
    """Ready and running in q."""
    [row] = [row for row in queue_list(broker) if row.queue == "q"]
    return row.ready, row.running


def test_what_a_stopping_process_has_not_begun_is_given_back_while_the_last_message_runs(held: Held) -> None:
    held.begin(2)
    held.stop()
    assert wait_until(lambda: counts(held.broker) == (1, 1))
    held.close()
    assert (held.began, counts(held.broker)) == ([0], (1, 0))


def test_a_process_made_by_a_fork_gives_back_as_any_other(held: Held) -> None:
    held.broker._pid = -1  # as a child finds it
    held.begin(2)
    held.stop()
    assert wait_until(lambda: counts(held.broker) == (1, 1))


def test_a_process_that_stops_fetches_no_more(held: Held) -> None:
    held.begin(1)
    held.stop()
    held.note.send(1)
    held.close()
    assert (held.began, counts(held.broker)) == ([0], (1, 0))


def test_a_process_that_stops_with_a_full_hand_fetches_nothing_for_the_room_it_gets(held: Held) -> None:
    held.broker.enqueue_many([held.note.message(number) for number in range(3)])
    consumer = held.broker.consume("q", prefetch=1, timeout=2_000)
    first = next(consumer)
    assert first is not None

    def begin_to_stop(*_: object) -> int:
        held.broker.draining.set()
        return 1

    with (
        mock.patch.object(held.broker.lua, "run", wraps=held.broker.lua.run) as run,
        mock.patch.object(consumer._hand, "wait_for_room", begin_to_stop),
    ):
        assert next(consumer) is None
    assert "fetch" not in {call.args[0] for call in run.mock_calls}
    held.broker.draining.clear()
    consumer.nack(first)
    consumer.close()


def test_a_queue_that_is_paused_begins_nothing_that_was_fetched_before(held: Held) -> None:
    held.begin(2)
    assert pause(held.broker, "q")
    assert wait_until(lambda: counts(held.broker) == (1, 1))
    held.let_go()
    assert wait_until(lambda: counts(held.broker) == (1, 0))
    assert held.began == [0]
    assert resume(held.broker, "q")
    assert wait_until(lambda: held.began == [0, 1])


def test_pausing_one_queue_takes_nothing_of_another_from_the_threads(held: Held) -> None:
    held.begin(2)
    held.other.send(7)
    assert wait_until(lambda: len(held.broker.hand("other")) == 1)
    pause(held.broker, "q")
    assert wait_until(lambda: counts(held.broker) == (1, 1))
    held.let_go()
    assert wait_until(lambda: held.began == [0, 7])
    held.worker.work_queue.join()


def test_a_paused_queue_gives_back_what_its_process_holds_without_knowing(broker: DurableRedisBroker) -> None:
    note = dramatiq.actor(print, actor_name="note", queue_name="q")
    note.send(1)
    broker.lua.run("fetch", "q", broker.broker_id, 1)  # its reply is never read
    pause(broker, "q")
    consumer = broker.consume("q", prefetch=2, timeout=10)
    assert next(consumer) is None
    assert (counts(broker), len(broker.hand("q"))) == ((1, 0), 0)


@pytest.mark.redis
def test_a_stopping_worker_waits_for_a_stalled_redis_no_longer_than_its_bound(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "SIGN_OFF_S", 0.3)
    held = Held(DurableRedisBroker(url=server.url))
    second = dramatiq.actor(print, broker=held.broker, actor_name="second", queue_name="another")
    held.begin(2)
    second.send(1)
    assert wait_until(lambda: len(held.broker.hand("another")) == 1)
    server.stall()
    began_at = time.monotonic()
    held.worker.stop(300)
    took_s = time.monotonic() - began_at
    server.go_on()
    held.close()
    # The threads, the consumers (either for 0.3 s), giving back, signing off; a call itself would take 20 s.
    assert took_s < 3.0
    # Nothing is lost by it: what was given up may still have reached Redis, the rest is for the reaper.
    assert wait_until(lambda: counts(held.broker)[1] <= 1)
    assert sum(row.ready + row.running for row in queue_list(held.broker)) in (2, 3)


def test_whatever_a_consumer_waits_for_it_sees_a_pause_within_a_second(broker: DurableRedisBroker) -> None:
    note = dramatiq.actor(print, actor_name="note", queue_name="q")
    broker.enqueue_many([note.message(number) for number in range(2)])
    consumer = broker.consume("q", prefetch=2, timeout=60_000)
    assert [message is not None for message in (next(consumer), next(consumer))] == [True, True]
    with mock.patch.object(consumer._hand, "wait_for_room", return_value=0) as wait:
        assert next(consumer) is None
        wait.assert_called_once_with(2, 0.5)
        wait.return_value = 1  # there is room, and nothing to fetch
        with mock.patch.object(broker.lua, "sleep_until_woken") as sleep:
            assert next(consumer) is None
        sleep.assert_called_once_with("q", 500)
