"""How pages say things: dates, paragraphs, what the sender knows of the recipient."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from engine.answers import LATER_DAYS_MAX, Answer
from engine.conversation import Conversation

REASONS: Final = {
    "pay": "The pay",
    "location": "The place",
    "role": "The role itself",
    "timing": "The timing",
    "company": "The company",
    "other": "Something else",
}
"""What each reason to decline is called, in the order it is offered."""

_ROLE_FIELDS: Final = ("offered_role", "role_offered", "open_role", "open_position", "vacancy", "opening", "job")
_WHY_FIELDS: Final = ("why_you", "why", "match_reasons", "match_reason", "match")
_KNOWN_FIELDS: Final = ("title", "company", "location", "city", "country", "industry", "skills", "headline")
_UNSAID_FIELDS: Final = frozenset({"email", "first_name", "last_name", "full_name"})
_WHY_CHARS_MAX: Final = 240


def moment(ms: int) -> str:
    """A point in time as people read it: 'Tuesday 24 November 2026, 23:04 UTC'."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{at:%A} {at.day} {at:%B %Y, %H:%M} UTC"


def clock(ms: int) -> str:
    """The time of day alone: '23:04 UTC'."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M} UTC"


def iso(ms: int) -> str:
    """A point in time as programs read it, for <time datetime>."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def day(text: str) -> str:
    """A stored date as people read it: '2 March 2027'."""
    on = date.fromisoformat(text)
    return f"{on.day} {on:%B %Y}"


def days_to_choose(now_ms: int) -> tuple[str, str]:
    """The first and the last day a 'not now' may name."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    return (today + timedelta(days=1)).isoformat(), (today + timedelta(days=LATER_DAYS_MAX)).isoformat()


def paragraphs(text: str) -> list[list[str]]:
    """A text's paragraphs, each a list of its lines."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line.rstrip())
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def initials(name: str) -> str:
    """One or two letters to stand for a name."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "·"


def role(fields: Mapping[str, str]) -> str:
    """The role on offer, where the list says one. ('title' is what the recipient does today.)"""
    return next((fields[name].strip() for name in _ROLE_FIELDS if fields.get(name, "").strip()), "")


def why(fields: Mapping[str, str]) -> str:
    """Why somebody was written to, from their own row: what the sender says of it, else what they know of them."""
    said = next((fields[name].strip() for name in _WHY_FIELDS if fields.get(name, "").strip()), "")
    known = [fields[name].strip() for name in _KNOWN_FIELDS if fields.get(name, "").strip()]
    text = said or " · ".join(known[:4])
    return text if len(text) <= _WHY_CHARS_MAX else text[: _WHY_CHARS_MAX - 1].rstrip() + "…"


def known(fields: Mapping[str, str]) -> dict[str, str]:
    """Every field of a recipient's row that has something in it, by a readable name."""
    return {
        name.replace("_", " ").capitalize(): value
        for name, value in fields.items()
        if value.strip() and name not in _UNSAID_FIELDS
    }


def said(answer: Answer) -> str:
    """An answer in words."""
    if answer.kind == "accept":
        return "Interested"
    if answer.kind == "not_now":
        return f"Not now: ask again from {day(answer.until)}"
    return f"No thanks ({REASONS[answer.reason].lower()})" if answer.reason else "No thanks"


def talk(conversation: Conversation) -> list[dict[str, Any]]:
    """What was written after the answer, oldest first, as the page shows it."""
    return [
        {
            "mine": message.side == "candidate",
            "paragraphs": paragraphs(message.text),
            "when": moment(message.at_ms),
            "iso": iso(message.at_ms),
        }
        for message in conversation.messages
    ]
