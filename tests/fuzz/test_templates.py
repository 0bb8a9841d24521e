"""Templates that attack: bombs and ways out of the sandbox, put together from pieces, next to ordinary ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2.runtime import Context

from engine.errors import Refused
from engine.message import Message, parse_message
from engine.template_rules import ENVIRONMENT
from tests.fuzz.profiles import fuzzed

COLUMNS = ["a", "b", "first_name", "email"]
PLACE = re.compile(r"(subject|body) line [1-9]\d*, column [1-9]\d*: .")

NAMES = [*COLUMNS, "a", "b", "gone", "self", "loop", "range", "lipsum", "cycler", "joiner", "namespace", "request"]
NAMES += ["config", "_", "__builtins__", "caller", "varargs", "None", "true", "\uff41", "ﬁ", "µ"]
DUNDERS = ["__class__", "__mro__", "__subclasses__", "__globals__", "__init__", "__import__", "format", "format_map"]
DUNDERS += ["upper", "gi_frame", "f_back", "mro", "_\\x5fclass__", "encode", "\uff3f_class__"]
LITERALS = [
    "1",
    "0",
    "10**9",
    "9**9**9",
    "999999999",
    "1e308",
    "''",
    "'x'",
    '"%s"',
    "'{0.__class__}'",
    "[]",
    "()",
    "{}",
]
LITERALS += ["[1,2]", "{'a': 1}", "true", "none", "0x7fffffff", "1_0", "'\\x5f'", "b''"]
FILTERS = ["attr('__class__')", "map('attr')", "format(a)", "center(10**9)", "join", "list", "tojson", "replace('', a)"]
FILTERS += [
    "upper",
    "default('x')",
    "truncate(9)",
    "truncate(2000)",
    "default(b|attr('c'))",
    "string",
    "safe",
    "pprint",
]
FILTERS += ["indent(10**9)", "wordwrap(1)", "urlize", "xmlattr", "batch(10**9)"]
names, dunders, literals, filters = map(st.sampled_from, (NAMES, DUNDERS, LITERALS, FILTERS))


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Every step out of plain text there is in Jinja, on top of what was built already."""
    return st.one_of(
        st.builds("{}.{}".format, inner, dunders),
        st.builds("{}['{}']".format, inner, dunders),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}[::{}]".format, inner, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds("{}(*{}, **{})".format, inner, inner, inner),
        st.builds("{}|{}".format, inner, filters),
        st.builds("({} {} {})".format, inner, st.sampled_from(["*", "~", "**", "%", "+", "//", "or", "if"]), inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("{} is {}".format, inner, st.sampled_from(["defined", "divisibleby(0)", "sameas a", "mapping"])),
        st.builds("({}, {})".format, inner, inner),
        st.builds("[{}]".format, inner),
        st.builds("{{'{}': {}}}".format, dunders, inner),
    )


values = st.recursive(names | literals, grown, max_leaves=8)
texts = st.text(st.characters(codec=None), max_size=10) | st.sampled_from(["x", "Hello ", " ", "\n", "y" * 500])


def around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Statements, right, wrong, and of extensions that are not there."""
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% elif {} %}}{}{{% endif %}}".format, values, inner, values, inner),
        st.builds("{{% for {} in {} recursive %}}{}{{% endfor %}}".format, names, values, inner),
        st.builds("{{% for i in range({}) %}}{}{{% endfor %}}".format, literals, inner),
        st.builds("{{% set {} = {} %}}{}".format, names, values, inner),
        st.builds("{{% set a %}}{}{{% endset %}}".format, inner),
        st.builds("{{% macro {}({}={}) %}}{}{{% endmacro %}}".format, names, names, values, inner),
        st.builds("{{% call {} %}}{}{{% endcall %}}".format, values, inner),
        st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, filters, inner),
        st.builds("{{% with a = {} %}}{}{{% endwith %}}".format, values, inner),
        st.builds(
            "{{% {} {} %}}{}".format, st.sampled_from(["include", "import", "extends", "do", "print"]), values, inner
        ),
        st.builds("{{% raw %}}{}{{% endraw %}}".format, inner),
        st.builds("{{% autoescape {} %}}{}{{% endautoescape %}}".format, values, inner),
        st.builds("{{# {} #}}".format, inner),
        st.builds(lambda text, times: text * times, inner, st.sampled_from([2, 15, 205])),
        st.builds("{{%- if a -%}}{}{{%+ endif +%}}".format, inner),
    )


safe_values = st.recursive(
    st.sampled_from(["a", "b", "'x'", "'{0.__class__}'"]),
    lambda inner: (
        st.builds("({})|{}".format, inner, st.sampled_from(["upper", "default('x')", "truncate(9)", "title"]))
        | st.builds("({} or {})".format, inner, inner)
    ),
    max_leaves=3,
)


def harmless(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """What a message may hold; without these nearly every template would be refused, and none rendered."""
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% elif {} %}}{}{{% endif %}}".format, safe_values, inner, safe_values, inner),
        st.builds("{{% raw %}}{}{{% endraw %}}".format, values),
        st.builds("{{# {} #}}".format, values),
        st.builds(lambda text, times: text * times, inner, st.sampled_from([2, 15])),
    )


safe_templates = st.recursive(texts | st.builds("{{{{ {} }}}}".format, safe_values), harmless, max_leaves=6)
templates = safe_templates | st.recursive(texts | st.builds("{{{{ {} }}}}".format, values), around, max_leaves=6)
cells = st.one_of(
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(
        ["", "\x00\x1b[2J\r\n", "x" * 100_000, "ΐ" * 10_000, "{{ a.__class__ }}", "{% for x in y %}", "\ud800", "%s"]
    ),
)


def parsed(subject: str, body: str) -> Message | None:
    """The message, or None where it is refused as a template should be: each line with its place."""
    try:
        return parse_message(subject, body, columns=COLUMNS)
    except Refused as caught:
        refused = caught
    assert refused.code == "bad_template"
    assert str(refused) == refused.details[0]
    assert all(PLACE.match(line) and line.isprintable() and len(line) <= 400 for line in refused.details)
    assert len(refused.details) <= 40
    return None


@pytest.fixture(scope="module")
def no_way_out() -> Iterator[None]:
    """Whatever leaves plain text at rendering goes through one of these; none of them may ever be asked."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a template asked for an attribute, an item or a call")

    with (
        patch.object(ENVIRONMENT, "getattr", asked),
        patch.object(ENVIRONMENT, "getitem", asked),
        patch.object(ENVIRONMENT, "call", asked),
        patch.object(ENVIRONMENT, "call_binop", asked, create=True),
        patch.object(Context, "call", asked),
    ):
        yield


@fuzzed
@given(templates, st.dictionaries(st.sampled_from(COLUMNS), cells))
@example("{{ a.__class__ }}", {"a": "x"})
@example("{{ a|default(b|truncate(2000)) }}" * 205, {"a": "x" * 100_000})
def test_no_template_leaves_plain_text(no_way_out: None, template: str, fields: dict[str, str]) -> None:
    for message in (parsed("s", template), parsed(template, "b")):
        if message is not None:
            rendered = message.render(fields)
            assert rendered == message.render(fields)
            assert len(rendered.subject.splitlines()) <= 1
            # Only text and repetitions of fields: so long at most, whatever the template.
            assert len(rendered.body) <= 20_000 + 600 * 3**2 * sum(map(len, fields.values()))


@pytest.mark.parametrize("template", ["{{ a.b }}", "{{ a['b'] }}", "{{ a() }}"])
def test_the_trap_of_the_test_above_would_spring(no_way_out: None, template: str) -> None:
    with pytest.raises(AssertionError, match="asked for"):
        ENVIRONMENT.from_string(template).render(a="x")


@fuzzed
@given(safe_values, values, cells)
def test_one_step_out_of_plain_text_spoils_the_whole_template(safe: str, attack: str, cell: str) -> None:
    """Hidden in an arm that is never taken, an attack is still refused: nothing waits until it renders."""
    message = parsed("s", f"{{{{ {safe} }}}}x{{% if '' %}}{{{{ {attack} }}}}{{% endif %}}")
    if message is None:
        return
    assert not re.search(r"[\[\]*~%+{]|\.\w|\bis\b|//", re.sub(r"'[^']*'|\"[^\"]*\"|\d", "", attack))
    assert message.render({"a": cell}).body.endswith("x")
