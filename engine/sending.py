"""Sending: which packs go to the queue, what a worker may deliver, and what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from engine.campaigns import Campaign, get_campaign_and_pack
from engine.errors import NotFound
from engine.identity import DIGEST_BYTES, account_of, digests
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Release:
    """What the scheduler learns of a campaign: the packs to enqueue, how many recipients are in flight with them, and
    when to look again (0 = when woken)."""

    campaign: str
    state: str
    waiting_for: str
    look_at_ms: int
    in_flight: int
    packs: tuple[int, ...]


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
        return [self.digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES] for i in self.positions]

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
    """After a settle: when the pack's earliest refund falls due (0 = none), how many packs are in flight, and when."""

    due_ms: int
    in_flight: int
    now_ms: int


class Deposed(Exception):
    """A later scheduler leads, or has led: what this one asked for was not done. ``fence`` is that one's epoch."""

    def __init__(self, fence: int = 0) -> None:
        super().__init__(f"an epoch up to {fence} has been seen")
        self.fence = fence


def release(
    store: Store, campaign: str, *, lease_ms: int, in_flight: int, spoken_for: int = 0, epoch: int = 0
) -> Release:
    """Choose the packs that go to the queue now; a scheduled or waiting campaign goes on when it can.

    ``in_flight`` bounds the recipients of this campaign released at a time, two packs at least; ``spoken_for`` is what
    older campaigns of the account have in flight, so that one free credit does not wake them all; ``epoch`` is that of
    a leading scheduler (0 = nobody leads, as in repair). Raises NotFound, and Deposed for an epoch that is over.
    """
    account, call = account_of(campaign), secrets.token_hex(8)
    arguments = (lease_ms, in_flight, spoken_for, call, epoch, store.witness.seen(account))
    reply = store.run("release", store.keys.of_campaign(campaign), *arguments)
    if reply[0] == "unknown":
        raise NotFound(f"no campaign {campaign!r}", code="no_campaign")
    if reply[0] == "deposed":
        raise Deposed(int(reply[1]))
    state, waiting_for, look_at_ms, flying, mark, *packs = reply
    store.witness.note(account, mark)
    return Release(campaign, state, waiting_for or "", int(look_at_ms or 0), int(flying), tuple(map(int, packs)))


def claim(store: Store, campaign: str, pack: int, *, token: str, lease_ms: int, most: int = 0) -> Claim | None:
    """Debit a credit for each recipient of the pack that may be written to; None while another worker holds it.

    ``most`` bounds how many are claimed at once (0 = the pack); the rest is released again after the settle.
    Repeating it with the same token gives the same recipients and debits nothing more for them.
    """
    it, columns = get_campaign_and_pack(store, campaign, pack)
    people = digests(columns[it.address_column])
    reply = store.run(
        "claim",
        store.keys.of_campaign(campaign),
        token,
        lease_ms,
        pack,
        it.first(pack),
        people,
        store.witness.seen(it.account),
        most,
    )
    if reply[0] != "ok":
        return None
    store.witness.note(it.account, reply[3])
    return Claim(it, pack, token, reply[1], columns, people, reply[2])


def settle(store: Store, claim: Claim, delivered: Sequence[int], failed: Sequence[Failure] = ()) -> Settled | None:
    """Record what was delivered and what failed, by position; None when another worker holds the pack by now."""
    outcomes = ["-"] * len(claim.letters)
    for position in delivered:
        outcomes[position] = "S"
    ordered = sorted(failed, key=lambda failure: failure.position)
    for failure in ordered:
        outcomes[failure.position] = "F"
    reply = store.run(
        "settle",
        store.keys.of_campaign(claim.campaign.id),
        claim.token,
        claim.pack,
        claim.campaign.first(claim.pack),
        "".join(outcomes),
        "\n".join(failure.reason for failure in ordered),
        store.witness.seen(claim.campaign.account),
    )
    if reply[0] != "ok":
        return None
    store.witness.note(claim.campaign.account, reply[4])
    return Settled(int(reply[1]), int(reply[2]), int(reply[3]))
