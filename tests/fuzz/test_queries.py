"""Whatever is typed into the search: it is read, or one line says where it went wrong; never anything else."""

from __future__ import annotations

from itertools import islice

from hypothesis import example, given
from hypothesis import strategies as st

from engine.search.folding import SEPARATOR
from engine.search.query import CHARS_MAX, NESTING_MAX, TERMS_MAX, QueryError, parse
from engine.search.tree import And, Node, Not, Or, Term
from engine.search.why import REASONS_MAX, reasons, why
from tests.fuzz.profiles import fuzzed
from tests.search.people import NOW_MS, PEOPLE
from tests.search.queries import random_queries
from tests.search.reference import matches

VALID = list(islice(random_queries(PEOPLE, seed=88, now_ms=NOW_MS), 300))
PIECES = ["(", ")", '"', "“", ":", "\uff1a", ",", "、", "*", "-", "\u2013", "..", "<", ">", " ", "\u3000", "\n", "\0"]
PIECES += ["and", "or", "not", "any(", "all (", "none(", "title:", "skill:", "years:", "open:", "active:", "id:", "x:"]
PIECES += ["a", "ab", "5", "5..10", "true", "<30d", "田", "한", "é", "e\u0301", "ﷺ", "😀", "\ud800", "\u202e", "C++"]
PIECES += ["ß*", SEPARATOR]

soups = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
sentences = st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A query that was right, with pieces put in, left out, doubled and moved."""
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        piece = draw(st.sampled_from([*PIECES, "", text[start:end] * 2, text[:start]]) | st.text(max_size=3))
        text = text[:start] + piece + text[end:]
    return text


@fuzzed
@given(st.text() | soups | sentences | mutated())
@example("(" * 1000)
@example("-" * 1000)
@example("not " * 250)
@example('"' * 999)
@example("skill:any(" * 100)
@example("ﷺ" * 1000)
@example("-\u3000")
@example("years:9999999999999999999")
@example("active:<9999y")
@example("x" * 5000)
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    node = read(text)
    if isinstance(node, QueryError):
        assert 0 <= node.position <= len(text)
        message = str(node)
        assert message.startswith(f"query, position {node.position + 1}: ")
        assert message.isprintable()
        assert len(message) < 300
        assert "expected" in message or "at most" in message
        return
    assert len(text) <= CHARS_MAX
    assert check(node, len(text)) <= TERMS_MAX
    for person in PEOPLE:
        assert (reasons(node, person) is not None) == matches(node, person)
        assert len(why(node, person)) <= REASONS_MAX


def read(text: str) -> Node | QueryError:
    try:
        return parse(text, now_ms=NOW_MS)
    except QueryError as error:
        return error


def check(node: Node, length: int, depth: int = 0) -> int:
    """How many words and conditions there are; what the nodes promise holds."""
    assert depth <= 3 * (NESTING_MAX + 1)
    if isinstance(node, And | Or):
        assert len(node.children) > 1
        return sum(check(child, length, depth + 1) for child in node.children)
    if isinstance(node, Not):
        return check(node.child, length, depth + 1)
    if not isinstance(node, Term):
        return 1
    assert 0 <= node.position < length
    assert all(token and token.split() == [token] and token != SEPARATOR for token in node.tokens)
    assert not (node.typo and (node.prefix or len(node.tokens) > 1 or "name" not in node.fields))
    return len(node.tokens)
