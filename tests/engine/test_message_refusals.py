"""A template that is wrong, or that attacks, is refused at once with its line and column."""

from __future__ import annotations

import re
import time

import pytest

from engine.errors import Refused
from engine.message import parse_message

ATTACKS = [
    ("{{ ''.__class__ }}", 1, 6, "attributes (.__class__) is not allowed; use plain fields"),
    ("{{ self }}", 1, 4, "'self' is not a field"),
    ("{{ cycler.__init__ }}", 1, 10, "attributes (.__init__) is not allowed"),
    ("ok\n  {% for x in range(10**9) %}x{% endfor %}", 2, 3, "loops are not allowed"),
    ("{{ 'a' * 10**9 }}", 1, 4, "arithmetic is not allowed"),
    ("{{ lipsum() }}", 1, 4, "calls are not allowed"),
    ("{{ 9**9**9 }}", 1, 4, "arithmetic is not allowed"),
    ("{{ - a }}", 1, 4, "arithmetic is not allowed"),
    ("{{ first_name|attr('__class__') }}", 1, 15, "the filter 'attr' is not allowed"),
    ("{{ first_name.upper() }}", 1, 14, "attributes (.upper) is not allowed; write field|upper"),
    ("{{ a|center(10**9) }}", 1, 6, "the filter 'center' is not allowed"),
    ("{{ a|default(b|attr('c')) }}", 1, 16, "the filter 'attr' is not allowed"),
    ("{% set x=1 %}", 1, 1, "variables are not allowed"),
    ("{% macro m() %}{% endmacro %}", 1, 1, "macros are not allowed"),
    ("{% include 'x' %}", 1, 1, "cannot be included"),
    ("{% extends 'x' %}", 1, 1, "cannot be extended"),
    ("{% exec x %}", 1, 1, "unknown tag 'exec'; only if, elif, else"),
    ("{{ a['b'] }}", 1, 4, "indexing with [ ] is not allowed"),
    ("{{ a ~ b }}", 1, 4, "joining with ~ is not allowed"),
    ("{% if a in ('x', 'y') %}z{% endif %}", 1, 13, "lists are not allowed"),
    ("{{ {'a': 1} }}", 1, 5, "lists are not allowed"),
    ("{{ a is defined }}", 1, 4, "tests with 'is' are not allowed"),
    ("{{ " + "(" * 9000 + "a", 1, 14, "parentheses nested too deep"),
    ("{{ " + "not " * 4000 + "a }}", 1, 404, "too much in one tag"),
    ("{{ a" + "|upper" * 3000 + " }}", 1, 300, "too much in one tag"),
    ("{% if a %}" * 90 + "x" + "{% endif %}" * 90, 1, 101, "{% if %} nested too deep"),
    ("{{ a }}" * 201, 1, 1401, "too many tags"),
    ("{{ " + "1_" * 9000 + " }}", 1, 4, "the number is too long"),
    (f"{{{{ {'9' * 19_000} }}}}", 1, 4, "the number is too long"),
    (r"{{ '\x00' }}", 1, 4, "a backslash is not allowed"),
]
MISTAKES = [
    ("Hi {{ first_name, bye", 1, 4, "'{{' is never closed; write '}}'"),
    ("a\nHi {{ a }\n{{ b }}", 2, 4, "'{{' is never closed"),
    ("{{ a }%}", 1, 1, "'{{' is never closed"),
    ("{% if a", 1, 1, "'{%' is never closed; write '%}'"),
    ("a\n{% if a %}b", 2, 1, "{% if %} is never closed; add {% endif %}"),
    ("{# note", 1, 1, "'{#' is never closed; write '#}'"),
    ("a {% raw %}b", 1, 3, "{% raw %} is never closed"),
    ("a {% raw %}", 1, 3, "{% raw %} is never closed"),
    ("Hi first_name }}", 1, 15, "unexpected '}}'"),
    ("{{ a } }}", 1, 6, "unexpected '}'"),
    ("{{ 'a }}", 1, 4, "this quote is never closed"),
    ("{{ a ! }}", 1, 6, "unexpected '!'"),
    ("{{ first name }}", 1, 10, "'name' is not expected here"),
    ("{{ }}", 1, 4, "something is missing"),
    ("{% else %}", 1, 1, "{% else %} has no {% if %} before it"),
    ("{% if a %}{% else %}{% else %}{% endif %}", 1, 21, "comes after this if's {% else %}"),
    ("{% if a %}{% else if b %}{% endif %}", 1, 11, "write {% elif … %}"),
    ("{% if a < '3' %}b{% endif %}", 1, 7, "only ==, !=, in and not in compare"),
    ("{% if a == b == c %}b{% endif %}", 1, 7, "compare two things at a time"),
    ("{% if a == true %}b{% endif %}", 1, 12, "put it in quotes"),
    ("{{ a == b }}", 1, 4, "a comparison has no text"),
    ("{{ a|truncate }}", 1, 6, "truncate takes a number"),
    ("{{ a|truncate(0) }}", 1, 6, "truncate takes a number"),
    ("{{ a|upper('x') }}", 1, 6, "upper takes no arguments"),
    ("{{ a|default }}", 1, 6, "default takes one text"),
    ("{{ a|default(default_value='x') }}", 1, 6, "no named arguments"),
    ("a\r\nb\x00", 2, 2, "U+0000 cannot be sent"),
    ("a\ud800", 1, 2, "U+D800 cannot be sent"),
    ("é" * 20_001, 1, 20_001, "the template has 20,001 characters"),
    ("", 1, 1, "the body is empty"),
    (" \n ", 1, 1, "the body is empty"),
    ("{# only #}", 1, 1, "the body is empty"),
]


@pytest.mark.parametrize(("template", "line", "column", "why"), ATTACKS + MISTAKES)
def test_a_bad_body_is_refused_with_its_place(template: str, line: int, column: int, why: str) -> None:
    begun = time.thread_time()
    with pytest.raises(Refused, match=re.escape(why)) as caught:
        parse_message("subject", template)
    assert time.thread_time() - begun < 1
    assert str(caught.value).startswith(f"body line {line}, column {column}: ")
    assert caught.value.code == "bad_template"
    assert caught.value.details[0] == str(caught.value)
    assert all(detail.isprintable() for detail in caught.value.details)


@pytest.mark.parametrize(
    ("template", "column", "why"),
    [
        ("", 1, "the subject is empty"),
        ("a\nb", 2, "a subject is one line"),
        ("a\u2028b", 2, "a subject is one line"),
        ("a" * 2001, 2001, "the template has 2,001 characters; 2,000 is the most"),
    ],
)
def test_a_bad_subject_is_refused_with_its_place(template: str, column: int, why: str) -> None:
    with pytest.raises(Refused, match=f"^subject line 1, column {column}: {why}"):
        parse_message(template, "body")


@pytest.mark.parametrize(
    "template",
    [
        "{% if a %}" * 10 + "x" + "{% endif %}" * 10,
        "{% if a %}x" + "{% elif b %}y" * 198 + "{% endif %}",
        "{{ " + "(" * 10 + "a" + ")" * 10 + " }}",
        "{{ a" + "|upper" * 49 + " }}",
        "{{ 'x' if " + "not " * 96 + "a }}",
        "{{ a" + " or a" * 49 + " }}",
        "{{ " + "a if b else " * 24 + "a }}",
        "{% if " + " or ".join(["(a and (b or (c)))"] * 8) + " %}x{% endif %}",
    ],
    ids=lambda template: template[:20],
)
def test_the_largest_templates_allowed_compile_and_render(template: str) -> None:
    message = parse_message("s", template)
    message.render({"a": "x"})
