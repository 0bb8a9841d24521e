"""How a Dramatiq message becomes an entry in Redis: an id of its own, a delay, a body."""

from __future__ import annotations

import base64
import os
from typing import Any

from dramatiq.common import current_millis, q_name
from dramatiq.message import Message, get_encoder

#: What a script takes.
Argument = str | bytes | int


def new_id() -> str:
    """Make an id no other has: 22 characters, since a delayed message's is kept three times in Redis."""
    return base64.urlsafe_b64encode(os.urandom(16))[:22].decode()


def prepare(original: Message[Any], delay: int | None) -> tuple[Message[Any], int | None]:
    """Give a message an id of its own for this enqueue, and turn a due time (`eta`) into a delay.

    A retry is a new entry: the Message's own id stays the same over all of them. The due time is made
    relative to this producer's own clock, so that a clock that is wrong does not matter.
    """
    message = original.copy(queue_name=q_name(original.queue_name), options={"redis_message_id": new_id()})
    eta = message.options.pop("eta", None)
    if delay is None and isinstance(eta, int | float) and eta > current_millis():
        delay = int(eta) - current_millis()
    return message, None if delay is None else max(0, int(delay))


def received(queue_name: str, message_id: str, body: bytes) -> Message[Any]:
    """Return the message a worker is to run, from what Redis holds of it.

    Errors:  DecodeError or TypeError for what a worker could only stumble over: it would kill a thread, not a message
    """
    message: Any = Message.decode(body)  # whatever was in it: nothing has looked at the types of its fields
    if message.queue_name != queue_name or not isinstance(message.actor_name, str):
        raise TypeError(f"no actor of {queue_name!r} is named by it")
    if not isinstance(message.kwargs, dict) or not isinstance(message.options, dict):
        raise TypeError("its arguments or options are no dictionary")
    message.options["redis_message_id"] = message_id
    message.options.pop("eta", None)  # a worker would hold it in memory until then
    decoded: Message[Any] = message
    return decoded


def entry(message: Message[Any], delay: int | None) -> tuple[str, str, bytes, Argument]:
    """Return what `enqueue.lua` takes for one message: queue, id, body, delay in ms ("" for at once).

    The body is without the id the message has in Redis, which is kept beside it.
    """
    fields = message.asdict()
    options = fields["options"] = dict(message.options)
    message_id = options.pop("redis_message_id")
    return message.queue_name, message_id, get_encoder().encode(fields), "" if delay is None else delay
