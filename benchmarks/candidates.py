"""Made-up candidates, the same ones every time: for the benchmarks of the directory and of the search.

People of many countries, among them names in Chinese, Japanese, Korean, Arabic, Hebrew and Cyrillic letters.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from benchmarks import people
from benchmarks.candidate_words import (
    COMMON_SKILLS,
    COMPANY_END,
    COMPANY_STEM,
    FIELDS,
    FIRST,
    LANGUAGE,
    LAST,
    LOCATION,
    OTHER_SCRIPTS,
    SENIORITY,
)
from engine.directory.profile import Profile

LATEST_MS = 1_800_000_000_000
_YEAR_MS = 365 * 86_400_000


def candidates(n: int, seed: int = 8, first: int = 0) -> Iterator[Profile]:
    """``n`` profiles; every id and every address is its own, at a domain nobody can have."""
    rng = random.Random(seed)
    for i in range(first, first + n):
        yield _candidate(rng, i)


def _candidate(rng: random.Random, i: int) -> Profile:
    if rng.random() < 0.06:
        name, local = rng.choice(OTHER_SCRIPTS), "person"
    else:
        given, family = rng.choice(FIRST), rng.choice(LAST)
        name, local = f"{given} {family}", f"{people.plain(given)}.{people.plain(family)}"
    industry = rng.choices(list(FIELDS), weights=(34, 16, 13, 12, 11, 8, 6))[0]
    titles, known = FIELDS[industry]
    title = rng.choice(SENIORITY) + _often_the_first(rng, titles)
    company = rng.choice(COMPANY_STEM) + rng.choice(COMPANY_END)
    skills = _some(rng, known, rng.randint(2, 9)) + _some(rng, COMMON_SKILLS, rng.randint(0, 3))
    languages = _some(rng, LANGUAGE, rng.choices((0, 1, 2, 3, 4), weights=(10, 40, 30, 15, 5))[0])
    recent = rng.random() ** 3  # most were here lately
    return Profile(
        id=f"c{i:07}",
        name=name,
        headline=_headline(rng, title, company, skills),
        title=title,
        company=company,
        location=_often_the_first(rng, LOCATION),
        skills=tuple(skills),
        industry=industry,
        years=None if rng.random() < 0.08 else min(45, int(rng.gammavariate(2.2, 4.5))),
        languages=tuple(languages),
        open_to_work=rng.random() < 0.22,
        last_active_ms=0 if rng.random() < 0.05 else int(LATEST_MS - recent * 3 * _YEAR_MS),
        address=f"{local}{rng.randrange(10**4):04}.{i}@example.org",
        consent=rng.random() > 0.02,
    )


def _headline(rng: random.Random, title: str, company: str, skills: Sequence[str]) -> str:
    roll = rng.random()
    if roll < 0.15:
        return ""
    if roll < 0.5:
        return f"{title} at {company}"
    if roll < 0.8:
        return f"{title} | {' | '.join(skills[:3])}"
    return f"Helping teams with {skills[0]} and {skills[-1]}"


def _often_the_first(rng: random.Random, choices: Sequence[str]) -> str:
    """One of the choices, the first ones far more often: cities and skills are not alike in size."""
    return rng.choices(choices, cum_weights=_weights(len(choices)))[0]


def _some(rng: random.Random, choices: Sequence[str], n: int) -> list[str]:
    found = dict.fromkeys(rng.choices(choices, cum_weights=_weights(len(choices)), k=n)) if n else {}
    return list(found)


_known: dict[int, list[float]] = {}


def _weights(n: int) -> list[float]:
    if n not in _known:
        _known[n] = list(accumulate(1 / (rank + 2) for rank in range(n)))
    return _known[n]
