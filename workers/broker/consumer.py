"""Fetches one queue's messages for a Dramatiq worker, and reports back how each of them ended."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import DecodeError

from .failures import describe_error, error_report
from .messages import received

if TYPE_CHECKING:
    from .broker import DurableRedisBroker

#: A script hands at most this many to `unpack`, and a reply should not grow without bound.
FETCH_MAX: Final = 500
#: How often a consumer whose process holds messages sees whether its queue is paused.
LOOK_MS: Final = 500
#: How often a consumer of a process that is stopping sees whether it may end.
DRAINING_POLL_S: Final = 0.05


class DurableConsumer(Consumer):
    """Iterates over one queue; yields None when there was nothing for up to `timeout` ms.

    Errors:  ConnectionClosed from every method, whatever Redis said: Dramatiq then makes a new consumer,
             which takes up again what this process holds but has no memory of
    """

    def __init__(self, broker: DurableRedisBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self.broker = broker
        self.queue_name = queue_name
        self.prefetch = prefetch
        self.timeout = timeout
        self.closed = False
        #: When a thread last asked for a message (monotonic seconds): the watchdog looks at it.
        self.asked_at = time.monotonic()
        self._hand = broker.hand(queue_name)
        self._fetched: deque[MessageProxy] = deque()
        self._wait_ms = 0

    @property
    def outstanding_message_count(self) -> int:
        """How many messages of this queue the process holds, begun or not."""
        return len(self._hand)

    def __next__(self) -> MessageProxy | None:
        self.asked_at = time.monotonic()
        if self.broker.draining.is_set():
            self._give_back()
            time.sleep(min(DRAINING_POLL_S, self.timeout / 1000))
            return None
        if not self._fetched:
            room = self._hand.wait_for_room(self.prefetch, min(self.timeout, LOOK_MS) / 1000)
            if self.broker.draining.is_set():
                return None  # it began to stop while its hand was full
            if not room:
                if self.broker.lua.run("is_paused", self.queue_name):
                    self._give_back()
            elif not self._fetch(min(room, FETCH_MAX)):
                wait_ms = min(self._wait_ms, LOOK_MS) if self._hand else self._wait_ms
                self.broker.lua.sleep_until_woken(self.queue_name, wait_ms)
        return self._fetched.popleft() if self._fetched else None

    def ack(self, message: MessageProxy) -> None:
        """Remove a message that has been run, after sending whatever its middleware could not send before."""
        self._settle(message, "ack")

    def nack(self, message: MessageProxy) -> None:
        """Bury a message that has failed for good, together with its error."""
        self._settle(message, "nack")

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give messages back to the head of their queue, and with them what was not yet handed out."""
        ids = [message.options["redis_message_id"] for message in messages]
        ids += [message.options["redis_message_id"] for message in self._fetched]
        self._fetched.clear()
        if ids:
            try:
                is_ending = self.broker.draining.is_set()
                run = self.broker.maintenance.run_while_ending if is_ending else self.broker.lua.run
                run("requeue", self.queue_name, self.broker.broker_id, *ids)
            finally:  # where it failed the next consumer takes them up again
                self._hand.release(ids)

    def _give_back(self) -> None:
        """Give back all that no thread has begun, what waits in Dramatiq's own work queue included."""
        self.requeue(self.broker.maintenance.watched.take_back(self.queue_name))

    def close(self) -> None:
        """Give back what was not handed out."""
        self.closed = True
        self.broker.forget_consumer(self)
        self.requeue(())

    def _settle(self, message: MessageProxy, script: str) -> None:
        message_id = message.options["redis_message_id"]
        # First, so that a message whose successor could not be sent is never gone before it.
        self.broker.send_unsent(message_id)
        if message_id not in self._hand:
            return  # its retry has taken its place already
        arguments = [self.queue_name, self.broker.broker_id, message_id]
        if script == "nack":
            arguments.append(json.dumps(_report(message)))
        self.broker.lua.run(script, *arguments)
        # Only now: until Redis knows, this process must not take the message up a second time.
        self._hand.release((message_id,))

    def _fetch(self, count: int) -> bool:
        """Fetch up to `count` messages; return False when there is nothing to do but wait `_wait_ms`."""
        with self._hand.fetching:
            # Before the call: what is acknowledged meanwhile then counts as known, never as orphaned.
            known = self._hand.ids()
            arguments = (self.queue_name, self.broker.broker_id, count, self.broker.crash_limit)
            reply = self.broker.lua.run("fetch", *arguments)
            is_paused, due_in_ms, held_count, *batch = reply
            if held_count > len(known) + len(batch) // 2:
                known.update(map(_text, batch[::2]))
                batch += self.broker.lua.run("reclaim", self.queue_name, self.broker.broker_id, *known)
            self._hand.take(map(_text, batch[::2]))
        try:
            for message_id, body in zip(batch[::2], batch[1::2], strict=True):
                self._receive(_text(message_id), body)
        except BaseException:
            # None of them was handed out: let go of all, so that the next consumer takes them up again.
            self._fetched.clear()
            self._hand.release(map(_text, batch[::2]))
            raise
        self._wait_ms = self.timeout if due_in_ms < 0 else min(self.timeout, due_in_ms)
        if is_paused:
            self._give_back()
        return bool(self._fetched)

    def _receive(self, message_id: str, body: bytes) -> None:
        """Decode one message; one that cannot be read is buried, and its neighbours go on."""
        try:
            message = received(self.queue_name, message_id, body)
        except Exception as error:  # whatever a body may do to a decoder
            self.broker.logger.error("Buried an unreadable message %r of %r.", message_id, self.queue_name)
            report = error_report("", error.error if isinstance(error, DecodeError) else error)
            report["type"] = "DecodeError"
            arguments = (self.queue_name, self.broker.broker_id, message_id, json.dumps(report))
            self.broker.lua.run("nack", *arguments)
            self._hand.release((message_id,))
        else:
            self._fetched.append(MessageProxy(message))


def _report(message: MessageProxy) -> dict[str, str]:
    try:
        return describe_error(message)
    except BaseException as error:  # no failure may be so odd that it cannot be buried
        return {"actor": message.actor_name, "type": "Failed", "message": type(error).__name__, "traceback": ""}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
