"""What a drill counts after a round, from what is stored: InMails lost or doubled, answers lost, credits adrift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import campaigns, credits, mailbox_entries
from engine.audit import audit
from engine.letters import DELIVERED
from engine.store import Store

_SETTLED = ("CS", "CA", "CD")
"""The moves of letters that each stand for one InMail delivered."""


@dataclass(slots=True)
class Tally:
    """How often each promise was broken; ``drift`` in words. All zero and empty is how it should be."""

    lost: int = 0
    doubled: int = 0
    answers_lost: int = 0
    drift: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.answers_lost or self.drift)

    def add(self, other: Tally) -> None:
        self.lost += other.lost
        self.doubled += other.doubled
        self.answers_lost += other.answers_lost
        self.drift += other.drift

    def as_dict(self) -> dict[str, Any]:
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "answers_lost": self.answers_lost,
            "drift": self.drift,
        }


def tally(store: Store, campaign: str, told: Mapping[int, str]) -> Tally:
    """Count one campaign that is over, the only one of its account and of its recipients.

    ``told`` is what recipients who answered were told: index → letter.
    """
    found = Tally()
    letters = store.client.get(store.keys.letters(campaign)).decode()
    for address, letter in _recipients(store, campaign, letters):
        in_mailbox = mailbox_entries.size(store, address)
        found.lost += in_mailbox < 1 or letter not in DELIVERED
        found.doubled += max(0, in_mailbox - 1)
    account = campaign.partition(".")[0]
    delivered = sum(_moved(entry.moves) for entry in credits.log(store, account) if entry.campaign == campaign)
    found.doubled += max(0, delivered - sum(letter in DELIVERED for letter in letters))
    found.answers_lost = sum(letters[index] != letter for index, letter in told.items())
    found.drift = audit(store, account).drift
    wallet, spent = credits.wallet(store, account), sum(letter in "AD" for letter in letters)
    if (wallet.spent, wallet.held, wallet.available) != (spent, 0, wallet.granted - spent):
        found.drift.append(f"{spent} answers should have spent as many credits: {wallet.as_dict()}")
    return found


def _recipients(store: Store, campaign: str, letters: str) -> Iterator[tuple[str, str]]:
    it = campaigns.get_campaign(store, campaign)
    for pack in range(it.packs):
        addresses = campaigns.read_pack(store, campaign, pack)[it.address_column]
        for position, address in enumerate(addresses):
            yield address, letters[it.first(pack) + position]


def _moved(moves: str) -> int:
    return sum(int(move[2:]) for move in moves.split() if move[:2] in _SETTLED)
