"""Which profiles a query matches, as plainly as it can be written: what the index must agree with.

Nothing is shared with the index or with ``why`` but the tree and the folding.
"""

from __future__ import annotations

from functools import lru_cache

from engine.search.folding import fold
from engine.search.tree import Active, And, Everybody, Ident, Node, Not, Open, Or, Term, Years
from engine.search.why import Searched


def matches(node: Node, profile: Searched) -> bool:
    """Whether the profile is in the result of the query. Who is hidden, or gave no consent, is no affair of it."""
    if isinstance(node, Everybody):
        return True
    if isinstance(node, And):
        return all(matches(child, profile) for child in node.children)
    if isinstance(node, Or):
        return any(matches(child, profile) for child in node.children)
    if isinstance(node, Not):
        return not matches(node.child, profile)
    if isinstance(node, Term):
        return any(_stands_in(node, field, text) for field in node.fields for text in _texts(field, profile))
    return _meets(node, profile)


def _meets(node: Years | Open | Active | Ident, profile: Searched) -> bool:
    if isinstance(node, Years):
        low, high = node.low or 0, 1000 if node.high is None else node.high
        return profile.years is not None and low <= profile.years <= high
    if isinstance(node, Open):
        return profile.open_to_work is node.value
    if isinstance(node, Active):
        if profile.last_active_ms == 0:
            return False
        if node.since_ms is not None and profile.last_active_ms < node.since_ms:
            return False
        return node.until_ms is None or profile.last_active_ms < node.until_ms
    assert isinstance(node, Ident)
    return profile.id == node.id


def distance(one: str, other: str) -> int:
    """How many letters apart two words are: put in, left out, other ones, neighbours swapped."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            least = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]


def _texts(field: str, profile: Searched) -> tuple[str, ...]:
    return {
        "name": (profile.name,),
        "title": (profile.title,),
        "company": (profile.company,),
        "location": (profile.location,),
        "headline": (profile.headline,),
        "industry": (profile.industry,),
        "skill": profile.skills,
        "language": profile.languages,
    }[field]


def _stands_in(term: Term, field: str, text: str) -> bool:
    # Blanks around: only whole words are found then, and a prefix from the beginning of a word on.
    folded, wanted = f" {_folded(text)} ", f" {' '.join(term.tokens)}"
    if (wanted if term.prefix else wanted + " ") in folded:
        return True
    return term.typo and field == "name" and any(_near(term.tokens[0], word) for word in folded.split())


@lru_cache(maxsize=100_000)
def _folded(text: str) -> str:
    return fold(text)


@lru_cache(maxsize=1_000_000)
def _near(one: str, other: str) -> bool:
    return abs(len(one) - len(other)) <= 1 and distance(one, other) <= 1
