"""What a worker process does beside its work: beats, takes over from the dead, ends when it cannot go on."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from dramatiq.broker import MessageProxy
from dramatiq.common import iter_queue
from dramatiq.errors import BrokerConnectionError, ConnectionClosed
from dramatiq.middleware import Middleware

from .heartbeat import Ticker

if TYPE_CHECKING:
    from dramatiq import Worker

    from .broker import DurableRedisBroker

logger = logging.getLogger(__name__)

#: What a process ends with when it cannot go on (EX_SOFTWARE), for its supervisor to see.
EXIT_CODE: Final = 70
#: A consumer that has not asked for work for this long, although Redis answers, is stuck.
STUCK_S: Final = 120.0
#: How long a process that ends tries to give back what it holds, and then to sign off.
SIGN_OFF_S: Final = 2.0
CRASHED_TOO_OFTEN: Final = json.dumps(
    {
        "actor": "",
        "type": "WorkerLost",
        "message": "every process that ran this message died",
        "traceback": "",
    }
)


class Maintenance:
    """The threads every consuming process runs beside its work: heartbeat, reaper, watchdog.

    No leader: the reaper's script is atomic, so any number of processes may call it.
    """

    def __init__(self, broker: DurableRedisBroker) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._tickers: list[Ticker] = []
        #: When a call of an ending process was last given up (monotonic seconds).
        self._silent_at = -math.inf
        self._heard_at = -math.inf
        self.watched = Watched()

    def start(self) -> None:
        """Start the threads, unless they run already."""
        with self._lock:
            if self._tickers:
                return
            interval_ms = self._broker.heartbeat_interval
            self._tickers = [
                Ticker("broker-heartbeat", interval_ms, self._beat),
                Ticker("broker-reaper", interval_ms, self.reap),
                Ticker("broker-watchdog", interval_ms, self._watch),
            ]
            for ticker in self._tickers:
                ticker.start()

    def stop(self) -> None:
        """Stop the threads and sign off; what this process still holds is left to the reaper."""
        with self._lock:
            self._heard_at = self._succeeded_at()
            tickers, self._tickers = self._tickers, []
            for ticker in reversed(tickers):  # the watchdog first: it would miss the others
                ticker.ask_to_stop()
        # A Redis that stalls holds each of them up: all together get so long, and then the process ends all the same.
        deadline = time.monotonic() + SIGN_OFF_S
        for ticker in tickers:
            ticker.wait(deadline - time.monotonic())
        if tickers:
            try:
                self._run_within(max(0.1, deadline - time.monotonic()), "leave", self._broker.broker_id)
            except BrokerConnectionError as error:
                logger.warning("Could not sign off: %s", error)

    def run_while_ending(self, script: str, *arguments: str) -> Any:
        """Run a script that may not hold up the end of the process for long, however long Redis stalls.

        Errors:  ConnectionClosed also when it took more than SIGN_OFF_S, and from then on until Redis is heard again
        """
        return self._run_within(SIGN_OFF_S, script, *arguments)

    def _run_within(self, limit_s: float, script: str, *arguments: str) -> Any:
        if self._silent_at > self._succeeded_at():
            raise ConnectionClosed("Redis did not answer a moment ago")
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(self._broker.lua.run(script, *arguments))
            except BrokerConnectionError as error:
                outcome.append(error)

        # The client's own time-out, several times over, would be too long, and cannot be changed for one call.
        thread = threading.Thread(target=run, name=f"broker-{script}", daemon=True)
        thread.start()
        thread.join(limit_s)
        if not outcome:
            self._silent_at = time.monotonic()
            raise ConnectionClosed(f"no answer to {script} within {limit_s:.1f} s")
        if isinstance(outcome[0], BrokerConnectionError):
            raise outcome[0]
        return outcome[0]

    def _succeeded_at(self) -> float:
        return self._tickers[0].succeeded_at if self._tickers else self._heard_at

    def reap(self) -> bool:
        """Give back the work of silent processes; return True when there is more at once."""
        broker = self._broker
        timeout_ms = broker.heartbeat_timeout
        arguments = (timeout_ms, timeout_ms // 2, broker.crash_limit, CRASHED_TOO_OFTEN)
        back, buried, more = broker.lua.run("reap", *arguments)
        if back or buried:
            logger.warning("Took over %d messages from silent workers; buried %d.", back, buried)
        return bool(more)

    def _beat(self) -> None:
        self._broker.lua.run("beat", self._broker.broker_id, *self._broker.consumed_queues())

    def _watch(self) -> None:
        reason = self.watched.trouble()
        heartbeat, reaper, _ = self._tickers or (None, None, None)
        for ticker in (heartbeat, reaper):
            if ticker is not None and not ticker.is_alive():
                reason = f"thread {ticker.name} has died"
        now = time.monotonic()
        # Waiting for Redis is no fault: a consumer is stuck only if the heartbeat gets through meanwhile.
        if heartbeat is not None and now - heartbeat.succeeded_at < self._broker.heartbeat_timeout / 1000:
            for consumer in self._broker.open_consumers():
                if now - consumer.asked_at > STUCK_S:
                    reason = f"the consumer of {consumer.queue_name!r} has not asked for work for {STUCK_S:.0f} s"
        if reason:
            self._broker.give_up(reason)


class Watched(Middleware):
    """Knows which of Dramatiq's threads should be running, from the hooks Dramatiq gives for it."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        self._workers: list[Worker] = []
        self._going_on = 0

    def trouble(self) -> str | None:
        """Name a thread that ended without saying so, if there is one."""
        for thread in tuple(self._threads):
            if not thread.is_alive():
                name = getattr(thread, "queue_name", None)
                return f"the consumer thread of {name!r} has died" if name else "a worker thread has died"
        return None

    def add(self, worker: Worker) -> None:
        """Count a worker that starts."""
        self._workers.append(worker)
        self._going_on += 1

    def take_back(self, queue_name: str) -> list[MessageProxy]:
        """Take from the workers what they fetched of a queue and no thread has begun, the first to run first."""
        found = []
        for worker in tuple(self._workers):
            for item in list(iter_queue(worker.work_queue)):
                if item.message.queue_name == queue_name:
                    found.append(item.message)
                else:
                    worker.work_queue.put(item)
                worker.work_queue.task_done()
        return found

    def after_consumer_thread_boot(self, broker: Any, thread: threading.Thread) -> None:
        self._threads.add(thread)

    def before_consumer_thread_shutdown(self, broker: Any, thread: threading.Thread) -> None:
        self._threads.discard(thread)

    def after_worker_thread_boot(self, broker: Any, thread: threading.Thread) -> None:
        self._threads.add(thread)

    def before_worker_thread_shutdown(self, broker: Any, thread: threading.Thread) -> None:
        self._threads.discard(thread)

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        broker.begin_anew_after_a_fork()  # which may put another in the place of this one
        broker.maintenance.watched.add(worker)
        broker.draining.clear()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._going_on -= 1
        if self._going_on == 0:  # else another worker of this process goes on
            broker.draining.set()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._workers.remove(worker)
        if not broker.open_consumers():  # another worker of this process may go on
            broker.leave()


def end_process(reason: str) -> None:
    """End this process at once with EXIT_CODE; what it holds is given back by the others' reapers."""
    logger.critical("This worker cannot go on: %s. Ending with exit code %d.", reason, EXIT_CODE)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(EXIT_CODE)
