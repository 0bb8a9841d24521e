"""The broker: Dramatiq's Redis broker, whose messages and delays outlive whatever process dies."""

from __future__ import annotations

import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import q_name
from dramatiq.errors import BrokerConnectionError
from dramatiq.message import Message
from dramatiq.middleware import Middleware

from .consumer import DurableConsumer
from .hand import Hand
from .maintenance import Maintenance, Watched, end_process
from .messages import Argument, entry, prepare
from .scripts import Scripts, connect, type_client

#: One call to Redis carries at most so many messages, and about so many bytes.
BATCH_MESSAGES_MAX: Final = 1000
BATCH_BYTES_MAX: Final = 8_000_000


class DurableRedisBroker(RedisBroker):
    """Keeps delayed messages in Redis by due time, and gives the work of dead processes to live ones.

    Shape:   client: a ready one (also Sentinel's master_for, or RedisCluster), else made of url, **parameters
             namespace: put before every key; tagged with {}, so that a cluster keeps it in one slot
             crash_limit: a message that outlived more processes than this is buried instead of run again
    Units:   heartbeat_interval and heartbeat_timeout in ms; the time-out should be five intervals
    Errors:  dramatiq.errors.ConnectionClosed from every call that Redis fails, its cause attached
    Source:  docs/broker.md; lua/*.lua
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        middleware: list[Middleware] | None = None,
        namespace: str = "{dramatiq}",
        heartbeat_interval: int = 3_000,
        heartbeat_timeout: int = 15_000,
        crash_limit: int = 5,
        client: type_client | None = None,
        **parameters: Any,
    ) -> None:
        assert heartbeat_interval * 3 <= heartbeat_timeout, "a live worker needs several beats per time-out"
        client = client if client is not None else connect(url, **parameters)
        super().__init__(  # type: ignore[no-untyped-call]
            middleware=middleware, namespace=namespace, heartbeat_timeout=heartbeat_timeout, client=client
        )
        self.heartbeat_interval = heartbeat_interval
        self.crash_limit = crash_limit
        self.scripts.clear()  # the stock broker's: they know nothing of these keys
        self.lua = Scripts(client, namespace)
        self._pid = os.getpid()
        self._hands: defaultdict[str, Hand] = defaultdict(Hand)
        self._consumers: set[DurableConsumer] = set()
        #: Per held message: what its middleware wanted to send when Redis was away. Sent before its ack.
        self._unsent: defaultdict[str, list[list[Argument]]] = defaultdict(list)
        self._settling = threading.local()
        #: Set while a worker of this process stops: nothing more is fetched.
        self.draining = threading.Event()
        self.maintenance = Maintenance(self)
        self.add_middleware(self.maintenance.watched)

    def __getattr__(self, name: str) -> Any:
        # The stock broker makes a call to its own script of every do_something.
        raise AttributeError(f"attribute {name} does not exist")

    # -- sending

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Put a message in, once, even if the reply to it is lost on the way.

        Units:   delay in ms from now, by Redis' clock; no upper limit
        Errors:  ConnectionClosed when it could not be put in; within a worker's middleware (a retry, the next
                 stage of a pipeline) it is then sent later, before the message in hand is acknowledged
        """
        replaced = self._in_hand(message)
        message, delay = prepare(message, delay)
        self.emit_before("enqueue", message, delay)
        self._put_in([(message, delay)], entry(message, delay), replaced)
        return message

    def enqueue_many(
        self,
        messages: Iterable[Message[Any]],
        delays: Sequence[int | None] | None = None,
        *,
        instead_of: MessageProxy | None = None,
    ) -> list[Message[Any]]:
        """Put many messages in, a thousand in one round trip; each thousand (or 8 MB) wholly or not at all.

        Shape:   delays: one for each message, or None for none; returns the messages as they were put in
                 instead_of: the message being run, whose work is done but for these: the last of them take its place,
                 in the same step, so that it needs no acknowledgement of its own
        Units:   delays in ms
        Errors:  ValueError when there are more or fewer delays than messages; ConnectionClosed as enqueue
        """
        messages = list(messages)
        delays = [None] * len(messages) if delays is None else delays
        # All are encoded before the first is sent: what cannot be sent whole is not sent in part.
        batches: list[tuple[list[tuple[Message[Any], int | None]], list[Argument]]] = []
        size = BATCH_BYTES_MAX
        for original, given_delay in zip(messages, delays, strict=True):
            message, delay = prepare(original, given_delay)
            self.emit_before("enqueue", message, delay)
            row = entry(message, delay)
            size += len(row[2])
            if size > BATCH_BYTES_MAX or len(batches[-1][0]) == BATCH_MESSAGES_MAX:
                batches.append(([], []))
                size = len(row[2])
            batches[-1][0].append((message, delay))
            batches[-1][1].extend(row)
        for place, (batch, arguments) in enumerate(batches, 1):
            replaced = self._if_held(instead_of) if place == len(batches) else None
            if not self._put_in(batch, arguments, replaced):
                self._put_in(batch, arguments)  # another process runs that message again; these are sent all the same
        return [message for batch, _ in batches for message, _ in batch]

    def _put_in(
        self,
        batch: list[tuple[Message[Any], int | None]],
        arguments: Sequence[Argument],
        replaced: MessageProxy | None = None,
    ) -> bool:
        """Send one request; False when another worker has taken over the message it would have replaced."""
        sender = f"{self.broker_id}.{os.getpid()}.{threading.get_ident()}.{getattr(self._settling, 'failed_sends', 0)}"
        queue_name = replaced.queue_name if replaced is not None else ""
        replaced_id = replaced.options["redis_message_id"] if replaced is not None else ""
        request_id = batch[0][0].options["redis_message_id"]  # no other request begins with it
        request = [sender, request_id, self.broker_id, queue_name, replaced_id, *arguments]
        try:
            taken_over = self.lua.run("enqueue", *request) == -1
        except BrokerConnectionError:
            # It may have been carried out: what this thread sends next must not overwrite that Redis remembers it.
            self._settling.failed_sends = getattr(self._settling, "failed_sends", 0) + 1
            in_hand = getattr(self._settling, "message", None)
            if in_hand is not None:
                self._unsent[in_hand.options["redis_message_id"]].append(request)
            raise
        if replaced is not None:
            self.hand(queue_name).release((replaced_id,))
        if taken_over:
            return False
        for message, delay in reversed(batch):
            self.emit_after("enqueue", message, delay)
        return True

    def send_unsent(self, message_id: str) -> None:
        """Send, in order, what could not be sent on behalf of a message in hand."""
        requests = self._unsent.get(message_id)
        while requests:
            self.lua.run("enqueue", *requests[0])
            del requests[0]
        self._unsent.pop(message_id, None)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Call the hooks; those after a message's run may replace it (a retry) or send on its behalf."""
        if signal not in ("process_message", "skip_message"):
            super().emit_after(signal, *args, **kwargs)
            return
        with self._settles(args[0]):
            super().emit_after(signal, *args, **kwargs)

    @contextmanager
    def _settles(self, message: MessageProxy) -> Iterator[None]:
        is_held = message.options.get("redis_message_id", "") in self.hand(message.queue_name)
        self._settling.message = message if is_held else None
        try:
            yield
        finally:
            self._settling.message = None

    def _if_held(self, message: MessageProxy | None) -> MessageProxy | None:
        if message is None or message.options.get("redis_message_id", "") not in self.hand(message.queue_name):
            return None
        return message

    def _in_hand(self, message: object) -> MessageProxy | None:
        """Return the message whose run is being settled, if it is this very one: its retry takes its place.

        After a crash between two steps (send the retry, then acknowledge) it would run twice.
        """
        in_hand: MessageProxy | None = getattr(self._settling, "message", None)
        if in_hand is None or in_hand is not message or in_hand.failed:
            return None
        return in_hand if in_hand.options["redis_message_id"] in self.hand(in_hand.queue_name) else None

    # -- receiving

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue. None is declared for delays: those wait in Redis, and no worker consumes them."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> DurableConsumer:
        """Make a consumer of a queue, and keep this process known as alive from now on.

        Units:   prefetch in messages held at once, timeout in ms
        """
        self.begin_anew_after_a_fork()
        consumer = DurableConsumer(self, q_name(queue_name), prefetch, timeout)
        self._consumers.add(consumer)
        self.maintenance.start()
        return consumer

    def begin_anew_after_a_fork(self) -> None:
        """Be a worker of one's own in a child process: what the parent holds is not this process' to take up."""
        if self._pid == os.getpid():
            return
        self._pid, self.broker_id = os.getpid(), str(uuid.uuid4())
        self._hands.clear()
        self._consumers.clear()
        self._unsent.clear()
        self.maintenance = Maintenance(self)
        self.middleware = [one for one in self.middleware if not isinstance(one, Watched)]
        self.add_middleware(self.maintenance.watched)

    def hand(self, queue_name: str) -> Hand:
        """Return what this process holds of a queue."""
        return self._hands[queue_name]

    def open_consumers(self) -> tuple[DurableConsumer, ...]:
        """Return the consumers made and not yet closed."""
        return tuple(self._consumers)

    def consumed_queues(self) -> list[str]:
        """Return the names of the queues this process consumes now."""
        return sorted({consumer.queue_name for consumer in self.open_consumers()})

    def forget_consumer(self, consumer: DurableConsumer) -> None:
        """Take a closed consumer off the list; no error if it was not on it."""
        self._consumers.discard(consumer)

    # -- the rest of Dramatiq's contract

    def do_qsize(self, queue_name: str) -> int:
        """Count a queue's messages, ready, delayed and running (`join` waits until there are none)."""
        return int(self.lua.run("size", q_name(queue_name)))

    def backlog(self, queue_name: str) -> int:
        """Count the messages that wait in a queue or are in the hands of live processes; delayed ones do not count.

        For a sender that keeps its queue short; a process silent for two heartbeats is not taken for alive.
        """
        return int(self.lua.run("backlog", q_name(queue_name), self.heartbeat_interval * 2 + 1_000))

    def flush(self, queue_name: str) -> None:
        """Drop all the messages of a queue, delayed ones too; dead letters stay until someone drops them."""
        self.lua.run("purge", q_name(queue_name))

    def leave(self) -> None:
        """Stop beating and sign off; a Redis that is away is no reason not to end."""
        self.maintenance.stop()

    def close(self) -> None:
        """Sign off and close the connections that are idle."""
        self.leave()
        self.client.close()

    def give_up(self, reason: str) -> None:
        """End the process, because it cannot go on; a host that embeds a worker may do otherwise."""
        end_process(reason)
