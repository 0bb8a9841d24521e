"""The vocabulary of a campaign's column: one letter per recipient, and what each says of the credit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Credit = Literal["none", "held", "spent", "returned"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One state of one recipient. ``word`` is its name in every output, ``credit`` what became of its credit."""

    code: str
    word: str
    credit: Credit
    meaning: str


LETTERS: dict[str, Letter] = {
    letter.code: letter
    for letter in (
        Letter("Q", "queued", "none", "not sent yet"),
        Letter("C", "claimed", "held", "a worker is delivering it"),
        Letter("S", "sent", "held", "delivered, awaiting an answer"),
        Letter("A", "answered", "spent", "answered yes"),
        Letter("D", "declined", "spent", "answered no"),
        Letter("R", "refunded", "returned", "unanswered when due"),
        Letter("L", "late", "returned", "answered after the refund"),
        Letter("F", "failed", "returned", "could not be delivered"),
        Letter("O", "suppressed", "none", "the address must not be written to"),
        Letter("P", "pair_locked", "none", "the address already had an open InMail of this account"),
        Letter("K", "cancelled", "none", "cancelled before it was sent"),
    )
}
BY_WORD: dict[str, str] = {letter.word: code for code, letter in LETTERS.items()}

HELD = frozenset(code for code, letter in LETTERS.items() if letter.credit == "held")
DELIVERED = frozenset("SADRL")
"""Letters whose InMail is in the recipient's mailbox for certain (C may or may not be)."""

MOVES: frozenset[str] = frozenset(
    {"QC", "QO", "QP", "QK", "CS", "CF", "CO", "CA", "CD", "SA", "SD", "SR", "RL", "AS", "DS", "LR"},
)
"""Every step a letter may take; drawn in docs/states.md, and the auditor accepts no other."""


class CampaignState(StrEnum):
    """Life of a campaign: draft, scheduled, running ⇄ paused, running ⇄ waiting, sent, closed; or cancelled."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    SENT = "sent"
    CLOSED = "closed"
    CANCELLED = "cancelled"


def counts(letters: bytes) -> dict[str, int]:
    """How many recipients stand at each letter, keyed by word, every word present."""
    return {letter.word: letters.count(code.encode()) for code, letter in LETTERS.items()}
