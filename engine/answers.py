"""Answers: what a candidate says to an InMail, and taking it back. The first answer decides the credit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from engine import agenda
from engine.errors import EngineError, Invalid, NotFound, Refused
from engine.identity import InMailId, account_of, digest, parse_address, parse_inmail
from engine.letters import LETTERS
from engine.mailbox_entries import holds
from engine.reading import place_of
from engine.store import Store
from engine.wake import wake

Kind = Literal["accept", "decline", "not_now"]

KINDS: Final[tuple[Kind, ...]] = ("accept", "decline", "not_now")
REASONS: Final = ("pay", "location", "role", "timing", "company", "other")
"""Why somebody declines, where they care to say."""
TEXT_CHARS_MAX: Final = 2000
UNDO_MS: Final = 600_000
"""For so long an answer may be taken back."""
LATER_DAYS_MAX: Final = 731
"""The furthest a 'not now' may reach."""

_CODES: Final[dict[Kind, str]] = {"accept": "A", "decline": "D", "not_now": "N"}
_KINDS: Final[dict[str, Kind]] = {code: kind for kind, code in _CODES.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it stands. ``reason`` is one of REASONS or '' (decline only), ``until`` a date 'YYYY-MM-DD' (not_now
    only), ``text`` what was written with it."""

    kind: Kind
    reason: str
    until: str
    text: str
    at_ms: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "answer": self.kind,
            "reason": self.reason or None,
            "until": self.until or None,
            "text": self.text,
            "at_ms": self.at_ms,
        }


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer came to: the letter after (A, D, or L after the refund) and until when it can be undone."""

    letter: str
    undo_until_ms: int

    @property
    def state(self) -> str:
        return LETTERS[self.letter].word


def parse_answer(stored: str) -> Answer | None:
    """An answer as the campaign's replies hold it; None for ''."""
    if not stored:
        return None
    at_ms, _, said = stored.partition(" ")
    head, _, text = said.partition("\n")
    code, _, detail = head.partition(" ")
    kind = _KINDS[code]
    return Answer(kind, detail if kind == "decline" else "", detail if kind == "not_now" else "", text, int(at_ms))


def answer(
    store: Store, inmail: str, *, address: str, kind: Kind, reason: str = "", until: str = "", text: str = ""
) -> Answered:
    """Answer an InMail as its recipient; the same answer again changes nothing and is told the same.

    ``reason`` goes with a decline, ``until`` ('YYYY-MM-DD', a day to come) with a not_now.
    Errors: NotFound alike for an InMail that does not exist and one that was sent to somebody else; Refused
    (``answered``) when another answer was given before; Invalid for what cannot be said so.
    """
    detail = _detail(store, kind, reason, until)
    check_text(text)
    address = parse_address(address)
    which = which_of(inmail, address)
    person = digest(address)

    def attempt(known: str) -> list[Any]:
        keys = store.keys.of_conversation(which.campaign, which.index)
        return store.run("reply", keys, which.index, person, _CODES[kind], text, detail, known)

    status = as_theirs(store, inmail, address, attempt)
    # While its worker is settling only the mailbox says whether an InMail was delivered.
    if status[0] == "in_mailbox?":
        place = place_of(store, inmail, address)
        if place is not None and holds(store, *place, [person])[0]:
            status = attempt("in_mailbox")
    if status[0] == "answered":
        raise Refused(f"InMail {which} was answered before ({LETTERS[status[1]].word}); that stands", code="answered")
    if status[0] != "ok":
        raise no_inmail(inmail, address)
    if status[2] != "0":
        wake(store, account_of(which.campaign), now_ms=int(status[3]))
    return Answered(str(status[1]), int(status[4]) + UNDO_MS)


_CANNOT_UNDO: Final = {
    "over": ("undo_over", "it was answered more than ten minutes ago; the answer stands"),
    "in_conversation": ("in_conversation", "something was written since; the answer stands"),
    "written_again": ("written_again", "the sender has written to you again since; the answer stands"),
    "closed": (
        "closed",
        "it has fallen due meanwhile, or the credit its answer gave back is used; the answer stands",
    ),
}


def undo(store: Store, inmail: str, *, address: str) -> str:
    """Take an answer back within UNDO_MS; returns the state after, 'sent' or 'refunded'. Twice is once.

    Errors: NotFound as by ``answer``; Refused: undo_over, in_conversation, written_again, closed.
    """
    address = parse_address(address)
    which = which_of(inmail, address)
    person = digest(address)

    def attempt(known: str) -> list[Any]:
        keys = store.keys.of_conversation(which.campaign, which.index)
        return store.run("undo", keys, which.index, person, UNDO_MS, known)

    status = as_theirs(store, inmail, address, attempt)
    if status[0] in _CANNOT_UNDO:
        code, why = _CANNOT_UNDO[status[0]]
        raise Refused(f"InMail {which}: {why}", code=code)
    if status[0] != "ok":
        raise no_inmail(inmail, address)
    if int(status[2]):
        agenda.expect_refund(store, which.campaign, int(status[2]))
    return LETTERS[status[1]].word


def check_text(text: str) -> None:
    """Raises Invalid for a text over TEXT_CHARS_MAX characters."""
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid(f"the text has {len(text):,} characters; {TEXT_CHARS_MAX:,} are the most", code="too_long")


def which_of(inmail: str, address: str) -> InMailId:
    """Take the id apart; raises the same NotFound as an InMail of somebody else's."""
    try:
        return parse_inmail(inmail)
    except EngineError:
        raise no_inmail(inmail, address) from None


def no_inmail(inmail: str, address: str) -> NotFound:
    """What is said of every InMail that is not in the asker's mailbox."""
    return NotFound(f"no InMail {inmail[:80]!r} in the mailbox of {address}", code="no_inmail")


def as_theirs(store: Store, inmail: str, address: str, attempt: Callable[[str], list[Any]]) -> list[Any]:
    """Run a script that knows whose an InMail is from its pack's digests. Of a closed pack only the row knows it."""
    status = attempt("")
    if status[0] == "theirs?" and place_of(store, inmail, address) is not None:
        status = attempt("theirs")
    return status


def _detail(store: Store, kind: str, reason: str, until: str) -> str:
    """What stands beside the answer: the reason or the date; raises Invalid."""
    if kind not in KINDS:
        raise Invalid(f"no answer {kind[:40]!r}; there are: {', '.join(KINDS)}", code="bad_answer")
    if reason and (kind != "decline" or reason not in REASONS):
        given = f"reason {reason[:40]!r}" if kind == "decline" else f"a reason with {kind!r}"
        raise Invalid(f"{given}: a decline may have one of {', '.join(REASONS)}", code="bad_reason")
    if kind != "not_now":
        if until:
            raise Invalid(f"a date with {kind!r}: only not_now has one", code="bad_date")
        return reason
    today = datetime.fromtimestamp(store.now_ms() / 1000, UTC).date()
    try:
        day = date.fromisoformat(until) if len(until) == 10 else None
    except ValueError:
        day = None
    # A day to come in any time zone: somebody east of here may be in tomorrow already.
    if day is None or not today <= day <= today + timedelta(days=LATER_DAYS_MAX):
        raise Invalid(
            f"not_now needs a day to come within two years, as YYYY-MM-DD, not {until[:40]!r}", code="bad_date"
        )
    return until
