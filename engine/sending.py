"""Sending: what a worker may deliver, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.campaigns import CHANNELS, Pack, get_campaign_and_pack
from engine.errors import Corrupt, EngineError, NotFound
from engine.identity import account_of, each_digest
from engine.store import Call, Store


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on the recipients of one pack: deliver to those at letter C, then settle.

    ``first`` is the index of the pack's first recipient. What a channel needs of their rows it reads by ``read``.
    """

    campaign: str
    account: str
    pack: int
    pack_size: int
    first: int
    token: str
    letters: str
    digests: bytes
    state: str
    channel: str
    low: str = ""

    @property
    def positions(self) -> list[int]:
        """Positions within the pack to deliver to."""
        return [i for i, letter in enumerate(self.letters) if letter == "C"]

    @property
    def people(self) -> list[bytes]:
        """Digests of the addresses to deliver to, in the order of ``positions``."""
        each = each_digest(self.digests)
        return [each[i] for i in self.positions]

    def read(self, store: Store) -> Pack:
        """The campaign and the rows of the pack."""
        return get_campaign_and_pack(store, self.campaign, self.pack)


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient that could not be delivered to, by position within the pack, and why (a stable word)."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """After a settle: when the pack's earliest refund falls due (0 = none), how many packs of the campaign are in
    flight, when this was, how many recipients are queued still, and when what was delivered now falls due."""

    due_ms: int
    in_flight: int
    now_ms: int
    queued: int
    alarm_ms: int


Outcome = tuple[Claim, Sequence[int], Sequence[Failure], Sequence[int]]
"""A claim, the positions delivered to, those that could not be, and those who let nobody write to them."""


def claim(store: Store, campaign: str, pack: int, *, token: str, lease_ms: int, most: int = 0) -> Claim | None:
    """Debit a credit for each recipient of the pack that may be written to; None while another worker holds it.

    ``most`` bounds how many are claimed at once (0 = the pack); the rest is released again after the settle.
    Repeating it with the same token gives the same recipients and debits nothing more for them.
    Errors: NotFound for a campaign or pack that is gone, Corrupt where its rows are.
    """
    bounds = dict.fromkeys(CHANNELS, most)
    found = claim_many(store, [(campaign, pack)], token=token, lease_ms=lease_ms, bounds=bounds)[0]
    if isinstance(found, EngineError):
        raise found
    return found


def claim_many(
    store: Store, packs: Sequence[tuple[str, int]], *, token: str, lease_ms: int, bounds: Mapping[str, int]
) -> list[Claim | EngineError | None]:
    """Claim several packs in one round trip, each as by ``claim``; in the place of one that cannot be had: why.

    ``bounds``: by channel, how many recipients of a pack are claimed at once (0 = all).
    """
    bounded = "\n".join(f"{name} {most}" for name, most in bounds.items() if most)
    calls: list[Call] = []
    for campaign, pack in packs:
        keys, seen = store.keys.of_campaign(campaign), store.witness.seen(account_of(campaign))
        calls.append(("claim", keys, (token, lease_ms, pack, seen, bounded)))
    replies = store.run_many(calls)
    return [_claimed(store, *pack, token, reply) for pack, reply in zip(packs, replies, strict=True)]


def _claimed(store: Store, campaign: str, pack: int, token: str, reply: list[Any]) -> Claim | EngineError | None:
    if reply[0] == "unknown":
        return NotFound(f"no campaign {campaign!r}, or no pack {pack} of it", code="no_campaign")
    if reply[0] == "lost":
        return Corrupt(f"campaign {campaign} has lost the rows of pack {pack}")
    if reply[0] != "ok":
        return None
    _, letters, state, mark, joined, first, way, pack_size, low = reply
    account = account_of(campaign)
    store.witness.note(account, mark)
    people = joined.encode("utf-8", "surrogateescape")
    return Claim(campaign, account, pack, int(pack_size), int(first), token, letters, people, state, way, low)


def settle(
    store: Store,
    claim: Claim,
    delivered: Sequence[int],
    failed: Sequence[Failure] = (),
    opted_out: Sequence[int] = (),
) -> Settled | None:
    """Record what was delivered, what failed and who is not to be written to, by position; None when another worker
    holds the pack by now."""
    return settle_many(store, [(claim, delivered, failed, opted_out)])[0]


def settle_many(store: Store, outcomes: Sequence[Outcome]) -> list[Settled | None]:
    """Settle several packs in one round trip, each as by ``settle``."""
    replies = store.run_many([_settle_call(store, *outcome) for outcome in outcomes])
    return [_settled(store, outcome[0], reply) for outcome, reply in zip(outcomes, replies, strict=True)]


def _settle_call(
    store: Store, claim: Claim, delivered: Sequence[int], failed: Sequence[Failure], opted_out: Sequence[int]
) -> Call:
    outcomes = ["-"] * len(claim.letters)
    for position in opted_out:
        outcomes[position] = "O"
    for position in delivered:
        outcomes[position] = "S"
    ordered = sorted(failed, key=lambda failure: failure.position)
    for failure in ordered:
        outcomes[failure.position] = "F"
    arguments = (
        claim.token,
        claim.pack,
        claim.first,
        "".join(outcomes),
        "\n".join(failure.reason for failure in ordered),
        store.witness.seen(claim.account),
    )
    return "settle", store.keys.of_campaign(claim.campaign), arguments


def _settled(store: Store, claim: Claim, reply: list[Any]) -> Settled | None:
    if reply[0] != "ok":
        return None
    store.witness.note(claim.account, reply[4])
    now_ms = int(reply[3])
    return Settled(int(reply[1]), int(reply[2]), now_ms, int(reply[5]), now_ms + int(reply[6]))
