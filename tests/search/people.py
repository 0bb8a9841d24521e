"""A few candidates whose names, titles and gaps put a query to the test."""

from __future__ import annotations

from dataclasses import dataclass, replace

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What a search looks at, and nothing else."""

    id: str
    name: str = ""
    headline: str = ""
    title: str = ""
    company: str = ""
    location: str = ""
    skills: tuple[str, ...] = ()
    industry: str = ""
    years: int | None = None
    languages: tuple[str, ...] = ()
    open_to_work: bool = False
    last_active_ms: int = 0


BEN = Person(
    id="ben",
    name="Ben Ray Luján",
    headline="Working for New Mexico's families, e-mail first",
    title="Senator",
    company="Democrat",
    location="Santa Fe, NM",
    skills=("Budget", "Commerce, Science, and Transportation", "Indian Affairs", "C++"),
    industry="Public Policy",
    years=9,
    languages=("English", "Spanish"),
    open_to_work=True,
    last_active_ms=NOW_MS - 3 * DAY_MS,
)
SORA = Person(
    id="sora",
    name="田中 空",
    headline="東京のエンジニア",
    title="Co-Founder & CTO",
    company="Łódź Software GmbH",
    location="東京都",
    skills=("C#", "Transportation", "Science Communication"),
    years=0,
    languages=("日本語", "Simple English"),
    last_active_ms=NOW_MS - 30 * DAY_MS,
)
MIN = Person(
    id="min",
    name="김민수",
    title="Senior Founder",
    company="Republic of Talent",
    location="Seoul / 서울",
    skills=("C", "Indian Cuisine", "Affairs of State"),
    industry="Budget Airlines",
    years=10,
    languages=("한국어",),
    open_to_work=True,
    last_active_ms=NOW_MS - 400 * DAY_MS,
)
AHMAD = Person(
    id="a:h(m)",
    name="مُحَمَّد أحمد",
    headline="Not open; writes in Spanish and Arabic",
    title="Senators' Aide",
    location="الرياض",
    languages=("العربية",),
)
LUANN = Person(id="luann", name="Luann O'Brien-Straße", title="Budget Officer", location="Oregon, OR", years=5)
UNKNOWN = Person(id="nobody")

PEOPLE = (BEN, SORA, MIN, AHMAD, LUANN, UNKNOWN)
EVERYBODY = {person.id for person in PEOPLE}


def renamed(name: str) -> Person:
    """Ben under another name."""
    return replace(BEN, name=name)
