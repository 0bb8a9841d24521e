"""How an InMail is delivered: one module per channel, each with ``send(store, claim) -> Delivery``."""

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
    """What became of a claim, by position within the pack. Positions in neither list are tried again."""

    delivered: Sequence[int] = ()
    failed: Sequence[Failure] = field(default=())


Send = Callable[[Store, Claim], Delivery]


def channel(name: str) -> Send:
    """The sending function of a channel; KeyError for one the engine does not know."""
    if name not in CHANNELS:
        raise KeyError(f"no channel {name!r}")
    return cast("Send", import_module(f"workers.channels.{name}").send)
