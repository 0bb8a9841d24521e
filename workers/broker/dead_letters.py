"""What an operator does with messages that failed for good: look, group by error, run again, drop."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dramatiq.errors import DecodeError, QueueNotFound
from dramatiq.message import Message

from .failures import printable

if TYPE_CHECKING:
    from .broker import DurableRedisBroker

PAGE_SIZE: Final = 200
#: What Retries counts and keeps; a message an operator runs again has all its attempts before it.
ATTEMPT_OPTIONS: Final = ("retries", "traceback", "requeue_timestamp")
#: What differs between two failures of one kind: ids, numbers, anything quoted.
VARYING: Final = (
    (re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f-]{27,}\b|\b[0-9a-f]{16,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<text>"),
    (re.compile(r"\d+(\.\d+)?"), "<n>"),
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that failed for good. `body` is as it was enqueued; None where it was not asked for."""

    #: Of this one entry; the message's own id, which stays the same over all its attempts, is `message_id`.
    id: str
    queue: str
    at_ms: int
    actor: str
    error_type: str
    error_message: str
    traceback: str
    group: str
    body: bytes | None = None

    def message(self) -> Message[Any] | None:
        """Decode the message; None when it cannot be read (or was listed without its body)."""
        try:
            return Message.decode(self.body) if self.body else None
        except (DecodeError, TypeError):
            return None

    @property
    def message_id(self) -> str:
        """The id Dramatiq gave the message, which logs carry; "" when it cannot be read."""
        message = self.message()
        return "" if message is None else message.message_id


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters of one queue, actor, error type and normalised error message."""

    group: str
    queue: str
    actor: str
    error_type: str
    error_message: str
    count: int
    first_ms: int
    last_ms: int
    sample_id: str


def dead_list(broker: DurableRedisBroker, queue: str | None = None) -> list[DeadGroup]:
    """Group the dead letters (of one queue, or all) by their error, the largest group first.

    Reads every dead letter's error, in pages: for an operator's screen, not for a loop.

    Errors:  QueueNotFound when nothing was ever sent to or consumed from the queue named
    """
    groups: dict[str, DeadGroup] = {}
    for letter in _letters(broker, queue):
        known = groups.get(letter.group)
        if known is None:
            text = normalised(letter.error_message)
            row = (letter.queue, letter.actor, letter.error_type, text)
            groups[letter.group] = DeadGroup(letter.group, *row, 1, letter.at_ms, letter.at_ms, letter.id)
        else:
            last_ms = max(known.last_ms, letter.at_ms)
            groups[letter.group] = replace(known, count=known.count + 1, last_ms=last_ms)
    return sorted(groups.values(), key=lambda group: (-group.count, group.first_ms))


def dead_page(
    broker: DurableRedisBroker, group: str, *, queue: str | None = None, after: str = "", most: int = 50
) -> tuple[list[DeadLetter], str | None]:
    """Return up to `most` dead letters of a group with their bodies, oldest first, and what to give as `after` next.

    A page begins after the point in time the last one ended at, so what is retried or dropped meanwhile moves nothing.

    Errors:  ValueError for an `after` no page returned; QueueNotFound as dead_list
    """
    at_ms, _, last = after.partition(":")
    begin = (int(at_ms), last) if after else (-1, "")
    found: list[DeadLetter] = []
    for letter in _letters(broker, queue, bodies=True):
        if letter.group != group or (letter.at_ms, letter.id) <= begin:
            continue
        if len(found) == most:
            return found, f"{found[-1].at_ms}:{found[-1].id}"
        found.append(letter)
    return found, None


def dead_resolve(broker: DurableRedisBroker, ids: Iterable[str]) -> dict[str, list[str]]:
    """Say which dead letters each id stands for: a dead letter's own id, or the `message_id` that logs carry.

    Shape:   every id given → ids of dead letters, none when there is none. A message sent twice has two
    """
    found = {given: [given] if broker.lua.run("dead_find", given) else [] for given in ids}
    if not all(found.values()):
        for letter in _letters(broker, None, bodies=True):
            if letter.message_id in found:
                found[letter.message_id].append(letter.id)
    return found


def dead_show(broker: DurableRedisBroker, message_id: str) -> DeadLetter | None:
    """Return one dead letter with its body and traceback; None when there is none of this id."""
    found = broker.lua.run("dead_find", message_id)
    if not found:
        return None
    queue, at_ms, error, body = found
    return _letter(queue.decode(), message_id.encode(), at_ms, error, body)


def dead_retry(
    broker: DurableRedisBroker, ids: Iterable[str] = (), *, group: str | None = None, everything: bool = False
) -> int:
    """Run dead letters again, those named or a whole group or everything; return how many.

    Each begins anew, its count of attempts taken off. One retried or dropped meanwhile is passed over.
    """
    count = 0
    for queue, batch in _chosen(broker, ids, group, everything, with_bodies=True):
        pairs = [part for letter in batch for part in (letter.id, _body_for_retry(letter))]
        count += int(broker.lua.run("dead_retry", queue, *pairs))
    return count


def dead_drop(
    broker: DurableRedisBroker, ids: Iterable[str] = (), *, group: str | None = None, everything: bool = False
) -> int:
    """Throw dead letters away, those named or a whole group or everything; return how many."""
    count = 0
    for queue, batch in _chosen(broker, ids, group, everything, with_bodies=False):
        count += int(broker.lua.run("dead_drop", queue, *(letter.id for letter in batch)))
    return count


def normalised(text: str) -> str:
    """Take out of an error message what differs from one failure to the next."""
    for pattern, stand_in in VARYING:
        text = pattern.sub(stand_in, text)
    return text


def _chosen(
    broker: DurableRedisBroker, ids: Iterable[str], group: str | None, everything: bool, *, with_bodies: bool
) -> Iterator[tuple[str, list[DeadLetter]]]:
    """Yield (queue, up to PAGE_SIZE of its letters). The choice is made before the first of them is moved."""
    wanted = list(ids)
    if everything or group is not None:
        wanted += [letter.id for letter in _letters(broker, None) if everything or letter.group == group]
    for start in range(0, len(wanted), PAGE_SIZE):
        by_queue: dict[str, list[DeadLetter]] = {}
        for message_id in wanted[start : start + PAGE_SIZE]:
            letter = dead_show(broker, message_id)
            if letter is not None:
                by_queue.setdefault(letter.queue, []).append(letter if with_bodies else replace(letter, body=None))
        yield from by_queue.items()


def _letters(broker: DurableRedisBroker, queue: str | None, *, bodies: bool = False) -> Iterator[DeadLetter]:
    """Yield every dead letter, oldest first within each queue."""
    cells = broker.lua.run("overview")[:-1]
    names = [name.decode() for name in cells[::7]]
    if queue is not None and queue not in names:
        raise QueueNotFound(queue)
    for name in names if queue is None else [queue]:
        start = 0
        while page := broker.lua.run("dead_page", name, start, PAGE_SIZE, int(bodies)):
            for i in range(0, len(page), 4):
                yield _letter(name, page[i], page[i + 1], page[i + 2], page[i + 3])
            start += PAGE_SIZE


def _letter(queue: str, message_id: bytes, at_ms: bytes, error: bytes, body: bytes) -> DeadLetter:
    report = _report(error)
    actor, kind, text, trace = (printable(str(report.get(k, ""))) for k in ("actor", "type", "message", "traceback"))
    identity = "\0".join((queue, actor, kind, normalised(text)))
    group = hashlib.sha256(identity.encode()).hexdigest()[:10]
    return DeadLetter(message_id.decode(), queue, int(at_ms), actor, kind, text, trace, group, body or None)


def _report(error: bytes) -> dict[str, Any]:
    """What was kept of an error; one letter that cannot be read must not hide all the others."""
    try:
        report = json.loads(error) if error else {}
    except ValueError:
        report = None
    return report if isinstance(report, dict) else {"message": error.decode("utf-8", "backslashreplace")}


def _body_for_retry(letter: DeadLetter) -> bytes:
    message = letter.message()
    if message is None:
        return letter.body or b""
    for name in ATTEMPT_OPTIONS:
        message.options.pop(name, None)
    return message.encode()
