"""Releasing: which packs of a campaign go to the queue now."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import NotFound
from engine.identity import account_of
from engine.store import Call, Store


@dataclass(frozen=True, slots=True)
class Release:
    """What the scheduler learns of a campaign: the packs to enqueue and their recipients (``sizes``), how many are in
    flight with them, when to look again (0 = when woken), whether there is more to release as soon as these are sent,
    and how many InMails its account may send now."""

    campaign: str
    state: str
    waiting_for: str
    look_at_ms: int
    more: bool
    in_flight: int
    room: int
    pack_size: int
    packs: tuple[int, ...]
    sizes: tuple[int, ...]


class Deposed(Exception):
    """A later scheduler leads, or has led: what this one asked for was not done. ``fence`` is that one's epoch."""

    def __init__(self, fence: int = 0) -> None:
        super().__init__(f"an epoch up to {fence} has been seen")
        self.fence = fence


@dataclass(frozen=True, slots=True)
class Terms:
    """What a release is made under.

    ``in_flight`` bounds the recipients of one campaign on the queue, two packs at least; ``at_once`` those of one call,
    one pack at least (0 = no bound); ``spoken_for`` is what other campaigns of the account have in flight, so that one
    free credit does not wake them all; ``epoch`` is that of a leading scheduler (0 = nobody leads, as in repair).
    """

    lease_ms: int
    in_flight: int
    at_once: int = 0
    spoken_for: int = 0
    epoch: int = 0


def release(store: Store, campaign: str, terms: Terms) -> Release:
    """Choose the packs that go to the queue now; a scheduled or waiting campaign goes on when it can.

    Raises NotFound, and Deposed for an epoch that is over.
    """
    return release_many(store, [campaign], terms)[0]


def release_many(store: Store, campaigns: Sequence[str], terms: Terms) -> list[Release]:
    """Release several campaigns in one round trip; none of them knows what the others take."""
    replies = store.run_many([_call(store, campaign, terms) for campaign in campaigns])
    return [_released(store, campaign, reply) for campaign, reply in zip(campaigns, replies, strict=True)]


def _call(store: Store, campaign: str, terms: Terms) -> Call:
    call, seen = secrets.token_hex(8), store.witness.seen(account_of(campaign))
    before = (terms.lease_ms, terms.in_flight, terms.spoken_for, call, terms.epoch, seen)
    return "release", store.keys.of_campaign(campaign), (*before, terms.at_once)


def _released(store: Store, campaign: str, reply: list[Any]) -> Release:
    if reply[0] == "unknown":
        raise NotFound(f"no campaign {campaign!r}", code="no_campaign")
    if reply[0] == "deposed":
        raise Deposed(int(reply[1]))
    state, waiting_for, look_at_ms, more, flying, mark, room, pack_size, recipients, *packs = reply
    store.witness.note(account_of(campaign), mark)
    chosen, size = tuple(map(int, packs)), int(pack_size)
    sizes = tuple(min(size, int(recipients) - pack * size) for pack in chosen)
    look_at_ms, flying, room = int(look_at_ms or 0), int(flying), int(room)
    return Release(campaign, state, waiting_for or "", look_at_ms, bool(int(more)), flying, room, size, chosen, sizes)
