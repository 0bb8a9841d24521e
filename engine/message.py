"""A campaign's message: a subject and a body written as templates over the candidate list's fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, NamedTuple

from jinja2 import Template, nodes

from engine.errors import Refused
from engine.template_bounds import Bound, always_visible, bound_of_all
from engine.template_rules import ENVIRONMENT, Mention, Problem, short
from engine.template_syntax import Refusal, parse

SUBJECT_CHARS_MAX: Final = 200
BODY_CHARS_MAX: Final = 2000
_SOURCE_CHARS_MAX: Final = {"subject": 2000, "body": 20_000}
_RENDERED_CHARS_MAX: Final = {"subject": SUBJECT_CHARS_MAX, "body": BODY_CHARS_MAX}
_DETAILS_MAX: Final = 20
_COLUMNS_SHOWN: Final = 20
_TERMS_MAX: Final = 100  # Python's compiler goes one deeper for each term of a sum

_LINE_END = re.compile(r"\r\n?")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_SUBJECT = re.compile(r"[\n\u2028\u2029]")
_BREAKS_SUBJECT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # header injection, and what splits a line


class Rendered(NamedTuple):
    """What one recipient reads: a subject of one line and a body, both plain text, stripped at the ends."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class _Part:
    """One compiled template; ``visible``: some text of its own always shows; ``bare``: fields that always show."""

    name: str
    template: Template
    bound: Bound
    visible: bool
    bare: frozenset[str]

    def problem(self, rendered: str) -> str | None:
        chars, limit = len(rendered), _RENDERED_CHARS_MAX[self.name]
        if not chars:
            return f"{self.name} renders to nothing"
        if chars > limit:
            return f"{self.name} has {chars:,} characters, {chars - limit:,} over the limit of {limit:,}"
        return None

    def settled(self, position: Mapping[str, int]) -> str:
        """A Python condition on ``row`` under which this part is surely right; ``False`` where it must render."""
        # A field of blanks, or of what a subject turns into blanks, shows nothing: those rows render.
        shown = [
            f"row[{position[name]}].strip() and row[{position[name]}].isprintable()"
            for name in self.bare & position.keys()
        ]
        if len(self.bound.times) > _TERMS_MAX:
            return "False"
        visible = "True" if self.visible else " or ".join(shown) or "False"
        lengths = [
            f"{times}*len(row[{position[name]}])" for name, times in self.bound.times.items() if name in position
        ]
        return f"{'+'.join([str(self.bound.chars), *lengths])} <= {_RENDERED_CHARS_MAX[self.name]} and ({visible})"


@dataclass(frozen=True, slots=True)
class Message:
    """A message checked and compiled; immutable, safe to share between threads.

    ``fields`` are the names the two templates mention; a field a row lacks counts as empty text.
    """

    subject_source: str
    body_source: str
    fields: frozenset[str]
    _subject: _Part = field(repr=False, compare=False)
    _body: _Part = field(repr=False, compare=False)
    _aliases: Mapping[str, str] = field(repr=False, compare=False)

    def render(self, fields: Mapping[str, str]) -> Rendered:
        """Fill both templates in; never raises for fields that are text, whatever is in them."""
        values = {alias: fields.get(name, "") for name, alias in self._aliases.items()}
        context = self._subject.template.new_context(values, shared=True)  # serves both: they read values only
        subject = "".join(self._subject.template.root_render_func(context))
        body = "".join(self._body.template.root_render_func(context))
        if not subject.isprintable():
            subject = _BREAKS_SUBJECT.sub(" ", subject)
        return Rendered(subject.strip(), body.strip())

    def problem(self, fields: Mapping[str, str]) -> str | None:
        """One sentence where these fields render too long (in characters) or to nothing, else None."""
        subject, body = self.render(fields)
        return self._subject.problem(subject) or self._body.problem(body)

    def row_checker(self, columns: Sequence[str]) -> Callable[[Sequence[str]], str | None]:
        """``problem`` for rows as long as ``columns`` and in their order; of two columns of one name the last counts.

        Rows whose fields' lengths settle it, which is nearly all, are not rendered.
        """
        position = {name: index for index, name in enumerate(columns)}

        def rendered(row: Sequence[str]) -> str | None:
            return self.problem(dict(zip(columns, row, strict=False)))

        settled = f"{self._subject.settled(position)} and {self._body.settled(position)}"
        # Made of whole numbers of ours only: no name and no text of anybody's is in it.
        return eval(f"lambda row: None if {settled} else rendered(row)", {"rendered": rendered, "len": len})  # type: ignore[no-any-return]  # noqa: S307


def parse_message(subject: str, body: str, *, columns: Collection[str] | None = None) -> Message:
    """Check and compile a message; ``columns`` are the list's fields, None where they are not known yet.

    Raises Refused (``bad_template``): its line names part, line, column and what to do; ``details`` hold one such
    line for each problem found, the first 20 of a part.
    """
    sources = {"subject": _LINE_END.sub("\n", subject), "body": _LINE_END.sub("\n", body)}
    trees: dict[str, nodes.Template] = {}
    mentions: list[Mention] = []
    lines: list[str] = []
    for name, source in sources.items():
        try:
            _check_source(name, source)
            trees[name], found, problems = parse(source)
        except Refusal as refusal:
            found, problems = [], refusal.problems
        mentions += found
        if columns is not None:
            problems = [*problems, *_unknown(found, columns, room=_DETAILS_MAX)]
        lines += [_located(name, source, problem) for problem in sorted(problems)[:_DETAILS_MAX]]
    if lines:
        raise Refused(lines[0], code="bad_template", details=tuple(lines))

    aliases = {name: f"f{index}" for index, name in enumerate(sorted({mention.field for mention in mentions}))}
    parts = {name: _compile(name, tree, aliases) for name, tree in trees.items()}
    fields = frozenset(aliases)
    message = Message(sources["subject"], sources["body"], fields, parts["subject"], parts["body"], aliases)
    if not message.fields:
        for name, text in message.render({})._asdict().items():
            if not text:
                line = _located(name, sources[name], Problem(0, f"the {name} is empty; write some text"))
                raise Refused(line, code="bad_template", details=(line,))
    return message


def _check_source(part: str, source: str) -> None:
    """Refuse what no tag can mend before any of it is read."""
    chars_max = _SOURCE_CHARS_MAX[part]
    if len(source) > chars_max:
        why = f"the template has {len(source):,} characters; {chars_max:,} is the most"
        raise Refusal([Problem(chars_max, why)])
    if not source.strip():
        raise Refusal([Problem(0, f"the {part} is empty; write some text")])
    unsendable = _UNSENDABLE.search(source)
    if unsendable:
        why = f"the character U+{ord(unsendable[0]):04X} cannot be sent; delete it"
        raise Refusal([Problem(unsendable.start(), why)])
    line_end = _NOT_IN_SUBJECT.search(source) if part == "subject" else None
    if line_end:
        raise Refusal([Problem(line_end.start(), "a subject is one line; delete the line break")])


def _located(part: str, source: str, problem: Problem) -> str:
    """The problem in one line; lines and columns count from 1, columns in characters."""
    before = source[: problem.offset]
    return f"{part} line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}: {problem.text}"


def _unknown(mentions: Iterable[Mention], columns: Collection[str], *, room: int) -> list[Problem]:
    """The fields the list has not, the first time each is mentioned; at most ``room``, as guessing takes long."""
    known = set(columns)
    first: dict[str, int] = {}
    for offset, name in sorted(mentions):
        if name not in known and name != "self":
            first.setdefault(name, offset)
    shown = ", ".join(short(name) for name in list(columns)[:_COLUMNS_SHOWN])
    more = len(columns) - _COLUMNS_SHOWN
    has = f"The list has: {shown}{f' and {more} more' if more > 0 else ''}" if columns else "The list has no fields"
    folded = {name.lower().replace("_", "").replace(" ", ""): name for name in columns}
    problems = []
    for name, offset in list(first.items())[:room]:
        near = get_close_matches(name.lower().replace("_", ""), folded, n=1)
        guess = f"; did you mean {short(folded[near[0]])!r}?" if near else "."
        problems.append(Problem(offset, f"unknown field {short(name)!r}{guess} {has}"))
    return problems


def _compile(part: str, tree: nodes.Template, aliases: Mapping[str, str]) -> _Part:
    bound, visible = bound_of_all(tree.body), always_visible(tree.body)
    outputs = [node for each in tree.body if isinstance(each, nodes.Output) for node in each.nodes]
    bare = frozenset(node.name for node in outputs if isinstance(node, nodes.Name))
    # Jinja makes Python names of field names, and Python holds some different names for one (NFKC): ours cannot clash.
    for name in tree.find_all(nodes.Name):
        name.name = aliases[name.name]
    return _Part(part, ENVIRONMENT.from_string(tree), bound, visible, bare)
