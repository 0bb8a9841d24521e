"""The queries of the search benchmark: what recruiters ask, as many of each kind, about the made-up candidates."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.directory.profile import Profile
from engine.search.folding import tokens
from engine.search.query import QueryError, parse
from engine.search.tree import And, Node, Not, Or, Term

NOW_MS = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    kind: str
    text: str


def parsed(text: str) -> Node:
    return parse(text, now_ms=NOW_MS)


def spelled(node: Node) -> Node:
    """The same without typos, which neither peer knows."""
    match node:
        case Term():
            return replace(node, typo=False)
        case And(children):
            return And(tuple(map(spelled, children)))
        case Or(children):
            return Or(tuple(map(spelled, children)))
        case Not(child):
            return Not(spelled(child))
        case _:
            return node


def queries(profiles: Sequence[Profile], per_kind: int, seed: int = 3) -> list[Asked]:
    """``per_kind`` of each kind in turns, about profiles there are."""
    rng = random.Random(seed)
    return [Asked(kind, text) for _ in range(per_kind) for kind, make in _KINDS for text in _one(make, profiles, rng)]


def _one(
    make: Callable[[Profile, random.Random], str], profiles: Sequence[Profile], rng: random.Random
) -> Iterator[str]:
    while True:
        text = make(rng.choice(profiles), rng)
        try:
            parsed(text)
        except QueryError:  # a name of blanks, a skill that is nothing but a sign
            continue
        yield text
        return


def _quoted(text: str) -> str:
    return f'"{" ".join(tokens(text))}"'


def _word(text: str, rng: random.Random) -> str:
    return rng.choice(tokens(text) or ["nobody"])


def _skill(it: Profile, rng: random.Random) -> str:
    return _quoted(rng.choice(it.skills or ("Leadership",)))


def _city(it: Profile) -> str:
    return _quoted(it.location.split(",")[0])


def _typo(it: Profile, rng: random.Random) -> str:
    word = max(tokens(it.name), key=len)
    at = rng.randrange(max(1, len(word) - 1))
    return f"{word[:at]}{word[at + 1 : at + 2]}{word[at]}{word[at + 2 :]}"


_KINDS: tuple[tuple[str, Callable[[Profile, random.Random], str]], ...] = (
    ("a name", lambda it, _: " ".join(tokens(it.name))),
    ("a name in a company", lambda it, rng: f"name:{_word(it.name, rng)} company:{_quoted(it.company)}"),
    ("a name with a typo", _typo),
    ("a skill and a title", lambda it, rng: f"skill:{_skill(it, rng)} title:{_word(it.title, rng)}"),
    ("two words", lambda it, rng: f"{_word(it.title, rng)} {_word(it.location, rng)}"),
    ("a word, anywhere", lambda it, rng: _word(rng.choice((it.title, it.company, it.headline)), rng)),
    (
        "a place, any of two skills",
        lambda it, rng: f"location:{_city(it)} skill:any({_skill(it, rng)}, {_skill(it, rng)})",
    ),
    (
        "skills, years, open",
        lambda it, rng: f"skill:{_skill(it, rng)} years:{(it.years or 5) // 2}..{(it.years or 5) + 3} open:true",
    ),
    ("a title, not a company", lambda it, rng: f"title:{_quoted(it.title)} not company:{_word(it.company, rng)}"),
    ("a beginning", lambda it, rng: f"company:{_word(it.company, rng)[:4]}* title:{_word(it.title, rng)}"),
    (
        "language, lately, skill",
        lambda it, rng: f"language:{_quoted((*it.languages, 'English')[0])} active:<90d skill:{_skill(it, rng)}",
    ),
    ("(a or b) c", lambda it, rng: f"({_skill(it, rng)} or {_word(it.title, rng)}) {_city(it)}"),
)
