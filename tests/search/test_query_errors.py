"""Where a query goes wrong, and what was expected there; how long it may be."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from engine.errors import Invalid
from engine.search.query import CHARS_MAX, FIELDS, NESTING_MAX, TERMS_MAX, QueryError, parse
from engine.search.tree import And
from tests.search.people import NOW_MS

OPERAND = 'expected a word, a "phrase", field:value or (…)'
TEXT = 'expected a word, a "phrase", any(…), all(…) or none(…)'
ALL_FIELDS = "name, title, company, location, headline, industry, skill, language, years, open, active, id"
OR_QUOTES = "or quotes around a text with a colon"
AN_ID = "expected an id: 1 to 64 letters, digits and signs of ASCII without blanks"
NOTHING = "has none to look for"


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("or", 0, f"{OPERAND} at the beginning"),
        ("  and a", 2, f"{OPERAND} at the beginning"),
        ("a or", 4, f"{OPERAND} after 'or'"),
        ("a or or b", 5, f"{OPERAND} after 'or'"),
        ("a and", 5, f"{OPERAND} after 'and'"),
        ("a and or b", 6, f"{OPERAND} after 'and'"),
        ("a not", 5, f"{OPERAND} after 'not'"),
        ("not and a", 4, f"{OPERAND} after 'not'"),
        ("-or", 1, f"{OPERAND} after '-'"),
        ("()", 1, f"{OPERAND} after '('"),
        ("(or a)", 1, f"{OPERAND} after '('"),
        (")", 0, f"{OPERAND} at the beginning"),
        ("a - b", 2, "a '-' alone, expected what to leave out right behind it"),
        ("a -", 2, "a '-' alone, expected what to leave out right behind it"),
        ("(a –)", 3, "a '-' alone, expected what to leave out right behind it"),
        ("a)", 1, "this ')' closes nothing, expected a '(' before it"),
        ("a (b (c)", 2, "this '(' is never closed, expected a ')' to it"),
        ('a "b c', 2, "this quote is never closed, expected another at the end of the phrase"),
        ('a 5"', 3, "this quote is never closed, expected another at the end of the phrase"),
        ("a ,", 2, f"expected letters or digits, ',' {NOTHING}"),
        ("😀", 0, f"expected letters or digits, '😀' {NOTHING}"),
        ('""', 0, f"expected letters or digits, '' {NOTHING}"),
        ("title:☃", 6, f"expected letters or digits, '☃' {NOTHING}"),
        ("\u241f", 0, f"expected letters or digits, '␟' {NOTHING}"),
        ("a\x1b \x07", 3, f"expected letters or digits, '?' {NOTHING}"),
        ("*", 0, f"expected letters or digits, '*' {NOTHING}"),
        ("b a*", 2, "expected at least 2 letters or digits before the '*'"),
        ("title:a*", 6, "expected at least 2 letters or digits before the '*'"),
        ("e-m*", 0, "expected at least 2 letters or digits before the '*'"),
        ("lu*an", 2, "expected the '*' at the end of a word"),
        ("*lu", 0, "expected the '*' at the end of a word"),
        ("skill:any(a, lu**)", 15, "expected the '*' at the end of a word"),
    ],
)
def test_an_error_says_where_and_what_was_expected(text: str, position: int, message: str) -> None:
    check(text, position, message)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("a foo:b", 2, f"there is no field 'foo', expected {ALL_FIELDS}, {OR_QUOTES}"),
        ("Skills:b", 0, f"there is no field 'Skills' (did you mean skill:?), expected {ALL_FIELDS}, {OR_QUOTES}"),
        ("title:", 6, f"{TEXT} after title:"),
        ("(title: )", 8, f"{TEXT} after title:"),
        ("title:(a b)", 6, f"{TEXT} after title:"),
        ("skill:-a", 6, "expected a word, to leave one out write -skill:…"),
        ("skill:any(a, -b)", 13, "expected a word, to leave one out write skill:none(…)"),
        ("skill:any()", 10, 'expected a word or a "phrase" in any(…)'),
        ("skill:any(", 10, 'expected a word or a "phrase" in any(…)'),
        ("skill:all(a,)", 12, 'expected a word or a "phrase" in all(…)'),
        ("skill:none(,a)", 11, 'expected a word or a "phrase" in none(…)'),
        ("skill:any((a))", 10, 'expected a word or a "phrase" in any(…)'),
        ("skill:any(a (b))", 12, "expected a comma or ')' in any(…)"),
        ('skill:any(a "b")', 12, "expected a comma or ')' in any(…)"),
        ('skill:any("a" b)', 14, "expected a comma or ')' in any(…)"),
        ("skill:any(a, b", 9, "this '(' is never closed, expected a ')' after the last of any(…)"),
        ('skill:any("a, b)', 10, "this quote is never closed, expected another at the end of the phrase"),
        ("years:", 6, "expected a value after years:, as in years:5..10"),
        ("years:10..5", 6, "expected the smaller number first, as in years:5..10"),
        ("years:..", 6, "expected years:5, years:5..10, years:5.. or years:..10, not '..'"),
        ("years:>5", 6, "expected years:5, years:5..10, years:5.. or years:..10, not '>5'"),
        ("years:5-10", 6, "expected years:5, years:5..10, years:5.. or years:..10, not '5-10'"),
        ("years:5100", 6, "expected years:5, years:5..10, years:5.. or years:..10, not '5100'"),
        ("years:٣", 6, "expected years:5, years:5..10, years:5.. or years:..10, not '٣'"),
        ("years:any(1, 2)", 6, "expected years:5, years:5..10, years:5.. or years:..10, not 'any'"),
        ("open:", 5, "expected a value after open:, as in open:true"),
        ("open:maybe", 5, "expected open:true or open:false, not 'maybe'"),
        ("active:", 7, "expected a value after active:, as in active:<30d"),
        ("active:<0d", 7, "expected a number of 1 or more, as in active:<1d"),
        ("active:>00y", 7, "expected a number of 1 or more, as in active:>1y"),
        ("active:30d", 7, "expected < or >, a number and h, d, w, m or y, as in active:<30d or active:>1y, not '30d'"),
        ("active:< 3d", 7, "expected < or >, a number and h, d, w, m or y, as in active:<30d or active:>1y, not '<'"),
        ("id: ", 4, "expected a value after id:, as in id:K000367"),
        ("id:é", 3, f"{AN_ID}, not 'é'"),
        (f"id:{'x' * 65}", 3, f"{AN_ID}, not '{'x' * 29}…'"),
    ],
)
def test_an_error_in_a_field_says_what_may_stand_there(text: str, position: int, message: str) -> None:
    check(text, position, message)


def check(text: str, position: int, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text, now_ms=NOW_MS)
    error = raised.value
    assert isinstance(error, Invalid)
    assert str(error) == f"query, position {position + 1}: {message}"
    assert (error.code, error.position, error.facts) == ("bad_query", position, {"position": position})


def test_an_unknown_field_names_those_there_are() -> None:
    assert ", ".join(FIELDS) == ALL_FIELDS


def test_a_query_has_a_thousand_characters_at_most() -> None:
    assert parse("a".ljust(CHARS_MAX), now_ms=NOW_MS) == parse("a", now_ms=NOW_MS)
    check("a".ljust(CHARS_MAX + 1), CHARS_MAX, "a query has at most 1,000 characters, this one has 1,001")


def test_brackets_and_negations_go_twenty_deep() -> None:
    deepest = "(" * NESTING_MAX + "a" + ")" * NESTING_MAX
    assert parse(f"{deepest} {deepest}", now_ms=NOW_MS) == And((parse("a", now_ms=NOW_MS),) * 2)
    check(f"({deepest})", NESTING_MAX, "brackets and 'not' go at most 20 deep")
    check("-" * 21 + "a", NESTING_MAX, "brackets and 'not' go at most 20 deep")
    check("not (" * 20 + "a", 50, "brackets and 'not' go at most 20 deep")


@pytest.mark.parametrize("term", ["a ", "years:5 ", "田", "title:a "])
def test_a_query_has_a_hundred_words_and_conditions_at_most(term: str) -> None:
    text = (term * TERMS_MAX).strip()
    parse(text, now_ms=NOW_MS)
    with pytest.raises(QueryError, match="at most 100 words and conditions"):
        parse(f"{text} a", now_ms=NOW_MS)


@pytest.mark.parametrize(
    "text",
    [
        "ab " * 100,
        "é" * 1000,
        "skill:any(Łódź, b) " * 50,
        f"{'(' * 20}{'x ' * 90}{')' * 20}",
        f"{'z' * 999}:",
        "\ufdfa" * 1000,
        '" ' * 500,
    ],
)
def test_the_longest_queries_are_read_within_milliseconds(text: str) -> None:
    took_s = []
    for _ in range(5):
        start = time.thread_time()
        with suppress(QueryError):
            parse(text[:CHARS_MAX], now_ms=NOW_MS)
        took_s.append(time.thread_time() - start)
    assert min(took_s) < 0.02  # some 2 ms on a quiet machine
