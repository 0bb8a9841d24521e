"""Whatever is written as a template or stands in a row, a message either refuses or keeps its word."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Refused
from engine.message import Message, parse_message

PIECES = ["{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-}}", "if", "elif", "else", "endif", "raw", "endraw", "for", "in"]
PIECES += ["a", "b", "self", "not", "and", "or", "is", "==", "!=", "<", "|", "upper", "default", "truncate", "(", ")"]
PIECES += ["[", "]", "{", "}", ".", ",", "~", "-", "**", "=", "'x'", '"', "'", "1", "1.5", "none", "true", " ", "\n"]
PIECES += ["\r\n", "\\", "\x00", "é", "\u2028", "ß", "text"]

names = st.sampled_from(["a", "b", "c", "gone"])
constants = st.sampled_from(["''", "' '", "'x'", "'ßx'", '"İ\'"'])
operands = st.one_of(names, constants)
filters = st.sampled_from(["upper", "lower", "title", "capitalize", "trim", "default('ß')", "d(b)", "truncate(3)"])
values = st.recursive(
    operands,
    lambda inner: st.one_of(
        st.builds("({})|{}".format, inner, filters),
        st.builds("({} {} {})".format, inner, st.sampled_from(["or", "and"]), inner),
        st.builds("({} if {} else {})".format, inner, operands, inner),
        st.builds("({} if {} == {})".format, inner, names, constants),
    ),
    max_leaves=4,
)
static = st.sampled_from(["", " ", "x", "Hello ", "y" * 150, "z" * 1990])
pieces = st.recursive(
    st.one_of(static, st.builds("{{{{ {} }}}}".format, values)),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, values, inner, inner),
        st.builds("{{% if {} in {} %}}{}{{% endif %}}".format, constants, names, inner),
    ),
    max_leaves=5,
)
blanks = st.sampled_from(["", " ", "\x00", "\u2028", "ß" * 70, "ΐ" * 67, "x" * 1995, "a b c d"])
texts = st.one_of(blanks, st.text(st.characters(codec=None), max_size=40))


def parsed(subject: str, body: str) -> Message | None:
    try:
        return parse_message(subject, body, columns=["a", "b", "c", "gone"])
    except Refused as caught:
        refused = caught
    assert refused.code == "bad_template"
    assert refused.details
    assert all(line.isprintable() for line in refused.details)
    return None


@settings(deadline=1000)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)))
def test_any_text_is_a_message_or_refused(source: str) -> None:
    message = parsed("s", source)
    if message is not None:
        message.render({"a": "x"})
    parsed(source, "b")


@settings(deadline=1000)
@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from(["{{ a%s }}", "{%% if %s %%}x", "%s"])
)
def test_any_text_within_a_tag_is_a_message_or_refused(source: str, around: str) -> None:
    message = parsed("s", around % source)
    if message is not None:
        message.render({"b": "x"})


@settings(deadline=1000, max_examples=200)
@given(pieces, pieces, st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=6))
def test_the_row_checker_says_what_the_rendering_says(
    subject: str, body: str, rows: list[tuple[str, str, str]]
) -> None:
    message = parsed(subject, body)
    if message is None:
        return
    check = message.row_checker(["c", "a", "b"])
    for row in rows:
        fields = dict(zip(["c", "a", "b"], row, strict=True))
        rendered = message.render(fields)
        problem = message.problem(fields)
        assert check(row) == problem
        right = 0 < len(rendered.subject) <= 200 and 0 < len(rendered.body) <= 2000
        assert (problem is None) == right
        assert len(rendered.subject.splitlines()) <= 1
        assert not any(unicodedata.category(char) == "Cc" for char in rendered.subject)


def test_no_character_grows_more_than_threefold_in_another_case() -> None:
    """The bound of the row checker rests on this; it is Unicode's, so every character is asked."""
    for char in map(chr, range(0x110000)):
        assert max(map(len, (char.upper(), char.lower(), char.title(), char.capitalize()))) <= 3
