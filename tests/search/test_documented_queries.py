"""What docs/search.md shows is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.search.query import QueryError, parse
from tests.search.people import NOW_MS

PAGE = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
LANGUAGE, _, ERRORS = PAGE.partition("## The query language")[2].partition("## Errors")
ROWS = re.findall(r"^\| (.*?) \| (.*) \|$", LANGUAGE, re.MULTILINE)[1:]


@pytest.mark.parametrize("text", [text for row, _ in ROWS for text in re.findall("`(.*?)`", row)])
def test_a_documented_query_can_be_read(text: str) -> None:
    parse(text, now_ms=NOW_MS)


@pytest.mark.parametrize(("text", "message"), re.findall(r"^\| `(.*?)` \| `(.*)` \|$", ERRORS, re.MULTILINE))
def test_a_documented_error_is_the_one_given(text: str, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text, now_ms=NOW_MS)
    shown, _, rest = message.partition("title, …")
    assert rest == ""
    assert str(raised.value).startswith(shown)
    assert shown != message or str(raised.value) == message


def test_the_examples_are_found_on_the_page() -> None:
    assert len(ROWS) > 12
    assert ERRORS.count("| `query, position") == 10
