"""A message says what it will, for every row, before anything is spent."""

from __future__ import annotations

import time

import pytest

from engine.errors import Refused
from engine.message import BODY_CHARS_MAX, SUBJECT_CHARS_MAX, Rendered, parse_message

COLUMNS = ["email", "first_name", "last_name", "company"]
ROW = {"email": "ann@x.org", "first_name": "ann", "last_name": "O'NEIL", "company": "Acme"}


def body_of(template: str, **fields: str) -> str:
    return parse_message("subject", template).render(fields).body


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{ first_name }}!", "Hi ann!"),
        ("{{ first_name|upper }} {{ last_name|title }} {{ first_name|capitalize }}", "ANN O'neil Ann"),
        ("{{ nick|default('there') }}{{ nick|d(first_name) }}{{ first_name|default('x', true) }}", "thereannann"),
        ("{{ nick or first_name }}{{ first_name and company }}", "annAcme"),
        ("{{ 'Hi' if company == 'Acme' else 'Hello' }}{{ 'no' if nick }}", "Hi"),
        ("{% if nick %}a{% elif company != 'Acme' %}b{% else %}c{% endif %}", "c"),
        ("{% if 'cm' in company and 'x' not in company and not nick %}yes{% endif %}", "yes"),
        ("{% if years == 5 and nick == none %}five{% endif %}", "five"),
        ("[{{ company|truncate(3) }}|{{ long|truncate(11) }}|{{ long|truncate(99) }}]", "[Ac…|one two…|one two three]"),
        ("[{{ padded|trim }}]{# a note #}{% raw %}{{ kept }}{% endraw %}", "[in]{{ kept }}"),
        ("\n\n a \r\n b \r c \n", "a \n b \n c"),
        ("{{ email }}<b>&amp;", "ann@x.org<b>&amp;"),
    ],
)
def test_a_template_renders_its_fields(template: str, text: str) -> None:
    fields = ROW | {"years": "5", "long": "one two three", "padded": "  in "}
    assert body_of(template, **fields) == text


def test_a_missing_field_is_empty_text() -> None:
    assert body_of("[{{ a }}{{ a|upper }}{% if a == '' %}empty{% endif %}]") == "[empty]"


def test_fields_of_any_name_are_kept_apart() -> None:
    # Python's own names would fold the first two into one, and may not be words like the rest.
    fields = {"ﬁ": "1", "fi": "2", "class": "3", "range": "4", "context": "5", "environment": "6", "_": "7"}
    assert body_of("".join(f"{{{{ {name} }}}}" for name in fields), **fields) == "1234567"


def test_a_message_tells_its_fields_and_sources() -> None:
    message = parse_message("Hi {{ a }}", "{% if b %}\r\n{{ c|default(d) }}{% endif %}.")
    assert message.fields == {"a", "b", "c", "d"}
    assert (message.subject_source, message.body_source) == (
        "Hi {{ a }}",
        "{% if b %}\n{{ c|default(d) }}{% endif %}.",
    )


def test_a_subject_is_one_line_whatever_the_fields_hold() -> None:
    message = parse_message(" {{ a }} ", "x")
    assert message.render({"a": "x\r\nBcc: y\x85\u2028z\x00\t"}).subject == "x  Bcc: y  z"


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        parse_message("a", "b").subject_source = "c"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("subject", "body", "problem"),
    [
        ("a" * SUBJECT_CHARS_MAX, "b" * BODY_CHARS_MAX, None),
        ("a" * 201, "b", "subject has 201 characters, 1 over the limit of 200"),
        ("a", "b" * 2041, "body has 2,041 characters, 41 over the limit of 2,000"),
        ("", "b", "subject renders to nothing"),
        ("\n\x00", "b", "subject renders to nothing"),
        ("a", " \n", "body renders to nothing"),
        ("a", "  " + "😀" * 2000 + "  ", None),
    ],
)
def test_a_row_too_long_or_empty_is_a_problem(subject: str, body: str, problem: str | None) -> None:
    message = parse_message("{{ s }}", "{{ b }}")
    assert message.problem({"s": subject, "b": body}) == problem
    assert message.row_checker(["x", "b", "s"])(["", body, subject]) == problem


def test_a_letter_that_grows_in_capitals_is_counted_as_it_renders() -> None:
    check = parse_message("{{ a|upper }}.", "b").row_checker(["a"])
    assert check(["ß" * 99]) is None
    assert check(["ß" * 100]) == "subject has 201 characters, 1 over the limit of 200"


def test_a_message_of_thousands_of_fields_is_checked_by_rendering() -> None:
    columns = [f"f{n}" for n in range(2000)]
    tags = [" or ".join(columns[start : start + 50]) for start in range(0, len(columns), 50)]
    message = parse_message("s", "".join(f"{{{{{tag}}}}}" for tag in tags), columns=columns)
    check = message.row_checker(columns)
    assert check(["x"] * 2000) is None
    assert check([""] * 2000) == "body renders to nothing"


def test_the_last_of_two_columns_of_one_name_counts() -> None:
    message = parse_message("{{ a }}", "b")
    assert message.row_checker(["a", "a"])(["x", ""]) == "subject renders to nothing"


def test_the_row_checker_does_not_render_an_ordinary_row(monkeypatch: pytest.MonkeyPatch) -> None:
    message = parse_message("Hi {{ first_name|title }}", "At {{ company|default('work') }}?")
    check = message.row_checker(COLUMNS)
    calls: list[object] = []
    monkeypatch.setattr(type(message), "render", lambda *_: calls.append(1) or Rendered("a", "b"))
    assert all(check(["a@x.org", "ann", "lee", f"Acme {n}"]) is None for n in range(100))
    assert not calls
    check(["a@x.org", "ann" * 100, "lee", ""])
    assert calls


def test_the_row_checker_is_fast() -> None:
    """Far below what was measured, six million rows a second, so that a busy machine does not fail it."""
    check = parse_message("Hi {{ first_name }}", "At {{ company|default('work') }}?" * 20).row_checker(COLUMNS)
    row = ["a@x.org", "ann", "lee", "Acme"]
    begun = time.thread_time()
    assert all(check(row) is None for _ in range(100_000))
    assert time.thread_time() - begun < 0.5


def test_every_problem_of_both_parts_is_in_the_details() -> None:
    with pytest.raises(Refused) as caught:
        parse_message("Hi {{ fist_name }}", "{{ company }}\n {{ compny|upper }}{{ x.y }}", columns=COLUMNS)
    has = "The list has: email, first_name, last_name, company"
    assert caught.value.code == "bad_template"
    assert caught.value.details == (
        f"subject line 1, column 7: unknown field 'fist_name'; did you mean 'first_name'? {has}",
        f"body line 2, column 5: unknown field 'compny'; did you mean 'company'? {has}",
        "body line 2, column 24: calling methods or attributes (.y) is not allowed; use plain fields",
    )
    assert str(caught.value) == caught.value.details[0]


def test_fields_are_not_checked_where_the_list_is_not_known() -> None:
    assert parse_message("{{ anything }}", "b").fields == {"anything"}


def test_a_list_without_fields_is_said_to_have_none() -> None:
    with pytest.raises(Refused, match=r"unknown field 'a'\. The list has no fields"):
        parse_message("{{ a }}", "b", columns=[])


def test_a_flood_of_unknown_fields_is_told_quickly_and_in_short() -> None:
    columns = [f"column_{n}" for n in range(300)]
    begun = time.thread_time()
    with pytest.raises(Refused, match="and 280 more") as caught:
        parse_message("s", "".join(f"{{{{ colum_{n}{'x' * 60} }}}}" for n in range(190)), columns=columns)
    assert len(caught.value.details) == 20
    assert time.thread_time() - begun < 2
