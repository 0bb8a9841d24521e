"""Preflight: which rows of a list can be written to, told before anything is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from engine import seats
from engine.acceptance import stopped_for
from engine.contacts import open_contacts
from engine.credits import Wallet
from engine.errors import Refused
from engine.identity import digest
from engine.intake.lists import CandidateList, Reject
from engine.intake.rejects import TakesRejects
from engine.message import Message
from engine.store import Store
from engine.to_send import recipients_queued

RECIPIENTS_MAX = 10_000_000

Progress = Callable[[int, int], None]
"""Called with (bytes read, rows seen) now and then."""


@dataclass(slots=True)
class Tally:
    """What became of the rows read so far."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first_rejected: list[Reject] = field(default_factory=list)

    @property
    def rejected_total(self) -> int:
        return sum(self.rejected.values())


def check_rows(
    candidates: CandidateList,
    message: Message,
    rejects: TakesRejects | None,
    tally: Tally,
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> Iterator[list[Sequence[str]]]:
    """Yield the acceptable rows of a list, batch by batch, counting into ``tally`` and writing rejects.

    A row is acceptable when its address is, and when both templates render within their limits.
    Raises Refused at the first rejected row when ``strict``.
    """
    problem_of = message.row_checker(candidates.columns)
    for batch in candidates.batches():
        good: list[Sequence[str]] = []
        bad: list[Reject] = list(batch.rejected)
        for line, fields in batch.accepted:
            problem = problem_of(fields)
            if problem is None:
                good.append(fields)
            else:
                bad.append(Reject(line, "message", problem, list(fields)))
        if bad:
            _reject(sorted(bad, key=lambda reject: reject.line), rejects, tally, strict=strict)
        tally.accepted += len(good)
        if tally.accepted > RECIPIENTS_MAX:
            raise Refused(f"a campaign has at most {RECIPIENTS_MAX:,} recipients: split the list", code="too_long")
        if progress is not None:
            progress(candidates.bytes_read, tally.accepted + tally.rejected_total)
        if good:
            yield good


def _reject(bad: Sequence[Reject], rejects: TakesRejects | None, tally: Tally, *, strict: bool) -> None:
    if strict:
        first = bad[0]
        raise Refused(
            f"line {first.line}: {first.detail}; nothing was submitted (--strict refuses a list with a bad row)",
            code="strict",
        )
    tally.rejected.update(reject.reason for reject in bad)
    tally.first_rejected += bad[: max(0, 3 - len(tally.first_rejected))]
    if rejects is not None:
        rejects.add(bad)


@dataclass(slots=True)
class Skipped:
    """Acceptable recipients a claim would pass over as things stand; a preflight's forecast, not a promise."""

    suppressed: int = 0
    pair_locked: int = 0

    @property
    def total(self) -> int:
        return self.suppressed + self.pair_locked

    def look(self, store: Store, account: str, addresses: list[str]) -> list[bool]:
        """Count those among ``addresses``; a suppressed one with an open InMail counts once, as suppressed.

        Returns for each whether it would be written to.
        """
        people = [digest(address) for address in addresses]
        suppressed = store.client.hmget(store.keys.suppressed(account), people)
        contacts = open_contacts(store, account, people)
        for out, contact in zip(suppressed, contacts, strict=True):
            self.suppressed += out is not None
            self.pair_locked += contact is not None and out is None
        return [out is None and contact is None for out, contact in zip(suppressed, contacts, strict=True)]


def room(store: Store, account: str, wallet: Wallet, simultaneous_contacts: int) -> tuple[int, str]:
    """How many InMails could be claimed now, and what bounds them, in the words of a campaign that waits for it."""
    if stopped_for(store, account) is not None:
        return 0, "audit"
    contacts = simultaneous_contacts - wallet.held
    if simultaneous_contacts and contacts < wallet.available:
        return max(0, contacts), "contacts"
    return wallet.available, "credits"


def room_of_seat(store: Store, account: str, seat: str) -> int | None:
    """How many InMails a further campaign of the seat could have claimed in this month, its campaigns before it served;
    None = no bound of its own. Raises NotFound."""
    left = seats.get(store, account, seat).left_credits if seat else None
    return None if left is None else max(0, left - recipients_queued(store, account, seat))


def waves(
    recipients: int, wallet: Wallet, simultaneous_contacts: int, *, refund_when: str = "unanswered"
) -> int | None:
    """How many times InMails must go out for all to be written to, if nobody answers; None = never.

    The first goes out with what is free now; each later one when what was sent before has come home, with the whole
    balance, or as many contacts as the plan allows. Where answers are paid back, silence is not: nothing comes home.
    """
    comes_home = wallet.available + (wallet.held if refund_when == "unanswered" else 0)
    limit = simultaneous_contacts or wallet.available + wallet.held
    first = min(wallet.available, max(0, limit - wallet.held))
    later = min(comes_home, limit)
    if refund_when == "answered" and recipients > wallet.available:
        return None
    if recipients <= first:
        return 1 if recipients else 0
    return None if later <= 0 else (first > 0) + -(-(recipients - first) // later)
