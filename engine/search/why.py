"""Why a profile is in a result, in its own words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from engine.search.folding import tokens
from engine.search.tree import ITEM_FIELDS, TYPO_FIELDS, Active, And, Everybody, Ident, Node, Not, Open, Or, Term, Years

REASONS_MAX = 5
CHARS_MAX = 120

Reason = tuple[str, str]
"""The field, and what it says, spelled as in the profile."""


class Searched(Protocol):
    """What a search looks at in a profile."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def headline(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def company(self) -> str: ...
    @property
    def location(self) -> str: ...
    @property
    def skills(self) -> tuple[str, ...]: ...
    @property
    def industry(self) -> str: ...
    @property
    def years(self) -> int | None: ...
    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def open_to_work(self) -> bool: ...
    @property
    def last_active_ms(self) -> int: ...


def why(node: Node, profile: Searched) -> list[Reason]:
    """What of the profile the query found, in the query's order, each once, at most REASONS_MAX.

    Of a word that several fields hold, the first of the term's fields. What a query leaves out is no reason: there may
    be none for a profile that matches, as there is none for one that does not.
    """
    return list(dict.fromkeys(reasons(node, profile) or ()))[:REASONS_MAX]


def reasons(node: Node, profile: Searched) -> list[Reason] | None:
    """Every reason there is; None where the profile does not match."""
    match node:
        case Everybody():
            return []
        case And(children):
            found = [reasons(child, profile) for child in children]
            return None if None in found else [reason for some in found for reason in some or ()]
        case Or(children):
            found = [some for child in children if (some := reasons(child, profile)) is not None]
            return [reason for some in found for reason in some or ()] if found else None
        case Not(child):
            return [] if reasons(child, profile) is None else None
        case Term():
            reason = _of_term(node, profile)
        case _:
            reason = _of_value(node, profile)
    return None if reason is None else [reason]


def texts_of(profile: Searched, field: str) -> tuple[str, ...]:
    """The texts of a text field, as in ``tree.TEXT_FIELDS``: one, or one per skill or language."""
    if field == "skill":
        return profile.skills
    if field == "language":
        return profile.languages
    text: str = getattr(profile, field)
    return (text,)


def _of_value(node: Years | Open | Active | Ident, profile: Searched) -> Reason | None:
    match node:
        case Years(low, high):
            years = profile.years
            fits = years is not None and (low is None or low <= years) and (high is None or years <= high)
            return ("years", str(years)) if fits else None
        case Open(value):
            return ("open", "yes" if value else "no") if profile.open_to_work == value else None
        case Active(since_ms, until_ms):
            last_ms = profile.last_active_ms
            fits = (since_ms is None or since_ms <= last_ms) and (until_ms is None or last_ms < until_ms)
            return (
                ("active", datetime.fromtimestamp(last_ms / 1000, UTC).date().isoformat()) if last_ms and fits else None
            )
        case Ident(id):
            return ("id", id) if profile.id == id else None


def _of_term(term: Term, profile: Searched) -> Reason | None:
    for field in term.fields:
        typo = term.typo and field in TYPO_FIELDS
        for text in texts_of(profile, field):
            spelled = _spelled(term, text, typo=typo)
            if spelled:
                # A skill says more than the word of it that was asked for.
                said = text if field in ITEM_FIELDS else spelled
                return field, said if len(said) <= CHARS_MAX else said[: CHARS_MAX - 1] + "…"
    return None


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[str, ...]:
    """Remembered: the people of a result share their skills, places and employers, and each is asked for every term."""
    return tuple(tokens(text))


def _spelled(term: Term, text: str, *, typo: bool) -> str:
    """The words of a text in which the term stands, without the punctuation around them; '' where it does not."""
    at = next(_starts(term, _tokens(text), typo=typo), None)
    if at is None:
        return ""
    # Blanks part tokens, too: each stands within one word of the text, which may hold several.
    words = text.split()
    within = [number for number, word in enumerate(words) for _ in tokens(word)]
    first, last = within[at], within[at + len(term.tokens) - 1]
    return _trimmed(" ".join(words[first : last + 1]))


def _starts(term: Term, found: tuple[str, ...], *, typo: bool) -> Iterator[int]:
    """Where in these tokens the term begins; a typo only where nothing is spelled right."""
    wanted, count = term.tokens, len(term.tokens)
    for at in range(len(found) - count + 1):
        window = found[at : at + count]
        if window == wanted or (term.prefix and window[:-1] == wanted[:-1] and window[-1].startswith(wanted[-1])):
            yield at
    if typo:
        yield from (at for at, token in enumerate(found) if within_one(term.tokens[0], token))


def within_one(one: str, other: str) -> bool:
    """Whether a letter more, less or another, or two neighbours swapped, make one word the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    swapped = len(one) > 1 and len(other) > 1 and (one[0], one[1]) == (other[1], other[0]) and one[2:] == other[2:]
    return swapped or one[1:] == other[1:] or one == other[1:] or one[1:] == other


def _trimmed(text: str) -> str:
    """Without punctuation at either end, unless it is part of a word, as in C++."""
    spelling = [at for at, char in enumerate(text) if unicodedata.category(char)[0] in "LNM"]
    trimmed = text[spelling[0] : spelling[-1] + 1]
    return trimmed if tokens(trimmed) == tokens(text) else text
