"""How an InMail is delivered: one module per channel, each with a ``CHANNEL``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import cast

from engine.campaigns import CHANNELS
from engine.sending import Claim, Failure
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a claim, by position within the pack; ``opted_out`` let nobody write to them. Positions in no
    list are tried again."""

    delivered: Sequence[int] = ()
    failed: Sequence[Failure] = field(default=())
    opted_out: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to deliver. ``send`` returns one Delivery for each claim, in order.

    ``at_once`` is how many recipients one message may claim (0 = all it carries): a slow channel sets it to what it
    delivers in a tenth of a second or so, so that others need not wait long for their turn.
    """

    send: Callable[[Store, Sequence[Claim]], list[Delivery]]
    at_once: int = 0


def channel(name: str) -> Channel:
    """The channel of that name; KeyError for one the engine does not know."""
    if name not in CHANNELS:
        raise KeyError(f"no channel {name!r}")
    return cast("Channel", import_module(f"workers.channels.{name}").CHANNEL)
