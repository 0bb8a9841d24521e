"""What of a profile a query found, told in the profile's own spelling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.search.query import parse
from engine.search.why import CHARS_MAX, REASONS_MAX, Reason, why
from tests.search.people import AHMAD, BEN, LUANN, MIN, NOW_MS, SORA, UNKNOWN, Person


def told(text: str, person: Person) -> list[Reason]:
    return why(parse(text, now_ms=NOW_MS), person)


@pytest.mark.parametrize(
    ("text", "person", "reasons"),
    [
        ("", BEN, []),
        ("lujan", BEN, [("name", "Luján")]),
        ("lujna", BEN, [("name", "Luján")]),
        ('"ray lujan"', BEN, [("name", "Ray Luján")]),
        ("sant*", BEN, [("location", "Santa")]),
        ("fe nm", BEN, [("location", "Fe"), ("location", "NM")]),
        ('"fe nm"', BEN, [("location", "Fe, NM")]),
        ("families", BEN, [("headline", "families")]),
        ("mexico", BEN, [("headline", "Mexico's")]),
        ("budget", BEN, [("skill", "Budget")]),
        ("budget", MIN, [("industry", "Budget")]),
        ("skill:science", BEN, [("skill", "Commerce, Science, and Transportation")]),
        ("skill:C++", BEN, [("skill", "C++")]),
        ("language:span*", BEN, [("language", "Spanish")]),
        ("田中", SORA, [("name", "田中")]),
        ("エンジ", SORA, [("headline", "東京のエンジニア")]),
        ("cto founder", SORA, [("title", "CTO"), ("title", "Co-Founder")]),
        ("lodz", SORA, [("company", "Łódź")]),
        ("민수", MIN, [("name", "김민수")]),
        ("محمد", AHMAD, [("name", "مُحَمَّد")]),
        ("strasse", LUANN, [("name", "O'Brien-Straße")]),
        (
            "years:5..9 open:yes active:<30d id:ben",
            BEN,
            [("years", "9"), ("open", "yes"), ("active", "2027-01-12"), ("id", "ben")],
        ),
        ("open:no", SORA, [("open", "no")]),
    ],
)
def test_a_reason_is_spelled_as_in_the_profile(text: str, person: Person, reasons: list[Reason]) -> None:
    assert told(text, person) == reasons


@pytest.mark.parametrize(
    ("text", "person", "reasons"),
    [
        ("nobody", BEN, []),
        ("lujan x", BEN, []),
        ("-x", BEN, []),
        ("not lujan", UNKNOWN, []),
        ("not not lujan", BEN, []),
        ("lujan -x", BEN, [("name", "Luján")]),
        ("skill:none(x, y) ben", BEN, [("name", "Ben")]),
        ("(lujan x) or senator", BEN, [("title", "Senator")]),
        ("lujan or senator", BEN, [("name", "Luján"), ("title", "Senator")]),
        ("senator or lujan", BEN, [("title", "Senator"), ("name", "Luján")]),
        ("senator SENATOR title:senator", BEN, [("title", "Senator")]),
    ],
)
def test_only_what_was_asked_for_and_found_is_a_reason(text: str, person: Person, reasons: list[Reason]) -> None:
    assert told(text, person) == reasons


def test_what_is_spelled_right_goes_before_what_is_nearly_right() -> None:
    assert told("lujan", replace(BEN, name="Lujna Luján")) == [("name", "Luján")]


def test_an_accent_typed_apart_stays_with_its_letter() -> None:
    assert told("jose", replace(BEN, name="(Jose\u0301),")) == [("name", "Jose\u0301")]


def test_there_are_few_reasons_and_they_are_short() -> None:
    talkative = replace(BEN, skills=tuple(f"s{number}" for number in range(9)), headline="漢" * 400)
    assert len(told(" ".join(talkative.skills), talkative)) == REASONS_MAX
    ((field, text),) = told("headline:漢", talkative)
    assert (field, len(text), text[-1]) == ("headline", CHARS_MAX, "…")
