"""What an operator sees of the queues, and the switch that stops one in every process at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dramatiq.errors import DecodeError, QueueNotFound
from dramatiq.message import Message

if TYPE_CHECKING:
    from .broker import DurableRedisBroker


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """One queue at one moment; counts in messages."""

    queue: str
    ready: int
    delayed: int
    running: int
    dead: int
    paused: bool
    #: How long ago the message at the head was first sent, by its sender's clock; None when none is ready.
    oldest_ms: int | None


def queue_list(broker: DurableRedisBroker) -> list[QueueOverview]:
    """List every queue ever used, by name, with its counts taken at one moment."""
    *cells, now = broker.lua.run("overview")
    rows = [cells[i : i + 7] for i in range(0, len(cells), 7)]
    return sorted((_overview(row, int(now)) for row in rows), key=lambda overview: overview.queue)


def pause(broker: DurableRedisBroker, queue: str, *, expected: bool = False) -> bool:
    """Let no process begin another message of a queue, within a second; what is running runs to its end.

    Shape:   expected: it is known that the queue will be used, so one that never was is no slip of the pen
    Errors:  QueueNotFound when nothing was ever sent to or consumed from it. False when paused already
    """
    return _switch(broker, "pause", queue, int(expected))


def resume(broker: DurableRedisBroker, queue: str) -> bool:
    """Hand out a paused queue's messages again, within a second everywhere.

    Errors:  QueueNotFound when nothing was ever sent to or consumed from it. False when it was not paused
    """
    return _switch(broker, "resume", queue)


def _switch(broker: DurableRedisBroker, script: str, queue: str, *more: int) -> bool:
    changed = broker.lua.run(script, queue, *more)
    if changed < 0:
        raise QueueNotFound(queue)
    return bool(changed)


def _overview(row: list[Any], now_ms: int) -> QueueOverview:
    name, ready, delayed, running, dead, paused, head = row
    try:
        oldest_ms = max(0, now_ms - Message.decode(head).message_timestamp) if head else None
    except (DecodeError, TypeError):
        oldest_ms = None  # unreadable: the next fetch buries it
    return QueueOverview(name.decode(), ready, delayed, running, dead, bool(paused), oldest_ms)
