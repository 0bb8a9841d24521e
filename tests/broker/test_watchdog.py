"""What a process notices of itself: threads that have died, consumers that are stuck."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dramatiq
import pytest

from workers.broker import DurableRedisBroker
from workers.broker.maintenance import STUCK_S

from .rig import wait_until


@pytest.fixture
def reasons(broker: DurableRedisBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Why the process would have ended."""
    found: list[str] = []
    monkeypatch.setattr(broker, "give_up", found.append)
    yield found
    broker.leave()  # the watchdog first, or it would end the tests


def test_a_process_all_of_whose_threads_run_goes_on(broker: DurableRedisBroker, reasons: list[str]) -> None:
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    broker.declare_queue("q")
    worker.start()
    assert wait_until(lambda: [ticker.is_alive() for ticker in broker.maintenance._tickers] == [True] * 3)
    broker.maintenance._watch()
    worker.stop()
    broker.maintenance._watch()
    assert reasons == []


def test_a_consumer_that_asks_for_nothing_is_stuck(broker: DurableRedisBroker, reasons: list[str]) -> None:
    broker.consume("q").asked_at = time.monotonic() - STUCK_S - 1
    assert wait_until(lambda: reasons)
    assert "'q' has not asked for work" in reasons[0]


def test_a_consumer_that_waits_for_a_silent_redis_is_not_stuck(
    broker: DurableRedisBroker, reasons: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = broker.consume("q")
    heartbeat = broker.maintenance._tickers[0]
    broker.maintenance._tickers[2].ask_to_stop()
    heartbeat.ask_to_stop()
    broker.maintenance._tickers[2].wait(5)
    heartbeat.wait(5)
    reasons.clear()
    monkeypatch.setattr(heartbeat, "is_alive", lambda: True)
    consumer.asked_at = time.monotonic() - STUCK_S - 1
    heartbeat.succeeded_at = time.monotonic() - broker.heartbeat_timeout / 1000
    broker.maintenance._watch()
    assert reasons == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_process_without_heartbeat_or_reaper_ends(
    broker: DurableRedisBroker, reasons: list[str], number: int
) -> None:
    broker.consume("q")
    ticker = broker.maintenance._tickers[number]
    ticker.ask_to_stop()
    ticker.wait(5)
    assert wait_until(lambda: reasons)
    assert reasons[0] == f"thread {ticker.name} has died"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_thread_that_has_died_is_noticed(
    broker: DurableRedisBroker, reasons: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(timeout: float) -> None:
        raise SystemExit

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
    broker.declare_queue("q")
    worker.start()
    with monkeypatch.context() as deadly:
        deadly.setattr(worker.work_queue, "get", die)
        assert wait_until(lambda: reasons)
    assert reasons[0] == "a worker thread has died"
    worker.stop()
