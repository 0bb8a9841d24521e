"""Sending: what a worker may deliver, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.campaigns import Campaign, Pack, get_campaign_and_pack
from engine.identity import each_digest
from engine.store import Call, Store


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on the recipients of one pack: deliver to those at letter C, then settle."""

    campaign: Campaign
    pack: int
    token: str
    letters: str
    columns: list[list[str]]
    digests: bytes
    state: str

    @property
    def addresses(self) -> list[str]:
        return self.columns[self.campaign.address_column]

    @property
    def people(self) -> list[bytes]:
        """Digests of the addresses to deliver to, in the order of ``positions``."""
        each = each_digest(self.digests)
        return [each[i] for i in self.positions]

    @property
    def positions(self) -> list[int]:
        """Positions within the pack to deliver to."""
        return [i for i, letter in enumerate(self.letters) if letter == "C"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient that could not be delivered to, by position within the pack, and why (a stable word)."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """After a settle: when the pack's earliest refund falls due (0 = none), how many packs of the campaign are in
    flight, when this was, and how many recipients are queued still."""

    due_ms: int
    in_flight: int
    now_ms: int
    queued: int


Outcome = tuple[Claim, Sequence[int], Sequence[Failure]]
"""A claim, the positions delivered to, and those that could not be."""


def claim(store: Store, campaign: str, pack: int, *, token: str, lease_ms: int, most: int = 0) -> Claim | None:
    """Debit a credit for each recipient of the pack that may be written to; None while another worker holds it.

    ``most`` bounds how many are claimed at once (0 = the pack); the rest is released again after the settle.
    Repeating it with the same token gives the same recipients and debits nothing more for them.
    """
    found = get_campaign_and_pack(store, campaign, pack)
    return claim_many(store, [found], token=token, lease_ms=lease_ms, most=most)[0]


def claim_many(store: Store, packs: Sequence[Pack], *, token: str, lease_ms: int, most: int = 0) -> list[Claim | None]:
    """Claim several packs in one round trip, each as by ``claim``."""
    calls: list[Call] = []
    for pack in packs:
        it, first = pack.campaign, pack.campaign.first(pack.number)
        keys = store.keys.of_campaign(it.id)
        seen = store.witness.seen(it.account)
        arguments = (token, lease_ms, pack.number, first, pack.digests, seen, most)
        calls.append(("claim", keys, arguments))
    replies = store.run_many(calls)
    return [_claimed(store, pack, token, reply) for pack, reply in zip(packs, replies, strict=True)]


def _claimed(store: Store, pack: Pack, token: str, reply: list[Any]) -> Claim | None:
    if reply[0] != "ok":
        return None
    store.witness.note(pack.campaign.account, reply[3])
    return Claim(pack.campaign, pack.number, token, reply[1], pack.columns, pack.digests, reply[2])


def settle(store: Store, claim: Claim, delivered: Sequence[int], failed: Sequence[Failure] = ()) -> Settled | None:
    """Record what was delivered and what failed, by position; None when another worker holds the pack by now."""
    return settle_many(store, [(claim, delivered, failed)])[0]


def settle_many(store: Store, outcomes: Sequence[Outcome]) -> list[Settled | None]:
    """Settle several packs in one round trip, each as by ``settle``."""
    replies = store.run_many([_settle_call(store, *outcome) for outcome in outcomes])
    return [_settled(store, outcome[0], reply) for outcome, reply in zip(outcomes, replies, strict=True)]


def _settle_call(store: Store, claim: Claim, delivered: Sequence[int], failed: Sequence[Failure]) -> Call:
    outcomes = ["-"] * len(claim.letters)
    for position in delivered:
        outcomes[position] = "S"
    ordered = sorted(failed, key=lambda failure: failure.position)
    for failure in ordered:
        outcomes[failure.position] = "F"
    arguments = (
        claim.token,
        claim.pack,
        claim.campaign.first(claim.pack),
        "".join(outcomes),
        "\n".join(failure.reason for failure in ordered),
        store.witness.seen(claim.campaign.account),
    )
    return "settle", store.keys.of_campaign(claim.campaign.id), arguments


def _settled(store: Store, claim: Claim, reply: list[Any]) -> Settled | None:
    if reply[0] != "ok":
        return None
    store.witness.note(claim.campaign.account, reply[4])
    return Settled(int(reply[1]), int(reply[2]), int(reply[3]), int(reply[5]))
