"""What a message template may hold, node by node: an allow-list, and the few filters there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from jinja2 import nodes
from jinja2.filters import do_title
from jinja2.sandbox import ImmutableSandboxedEnvironment

TRUNCATE_MAX: Final = 2000


def _truncate(text: str, chars_max: int) -> str:
    """At most ``chars_max`` characters, cut between words where there is a space, and ending in an ellipsis."""
    return text if len(text) <= chars_max else text[: chars_max - 1].rsplit(" ", 1)[0] + "…"


def _default(text: str, fallback: str) -> str:
    return text or fallback


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "default": _default,
    "d": _default,
    "upper": str.upper,
    "lower": str.lower,
    "title": do_title,
    "capitalize": str.capitalize,
    "trim": str.strip,
    "truncate": _truncate,
}

ENVIRONMENT: Final = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=False)
ENVIRONMENT.globals.clear()  # range, cycler, lipsum … have no business in a message
ENVIRONMENT.tests.clear()
ENVIRONMENT.filters = dict(FILTERS)

_NODES_REFUSED: Final[Sequence[tuple[tuple[type[nodes.Node], ...], str]]] = (
    ((nodes.Call,), "calls are not allowed; use plain fields"),
    ((nodes.Getitem, nodes.Slice), "indexing with [ ] is not allowed; use plain fields"),
    ((nodes.Tuple, nodes.List, nodes.Dict), "lists are not allowed; compare with one text at a time, joined by 'or'"),
    ((nodes.Concat,), "joining with ~ is not allowed; write {{ a }}{{ b }}"),
    ((nodes.Test,), "tests with 'is' are not allowed; write {% if field %}"),
    ((nodes.Compare, nodes.Not), "a comparison has no text of its own; put it behind 'if'"),
    ((nodes.BinExpr, nodes.UnaryExpr), "arithmetic is not allowed; use plain fields"),
)


class Problem(NamedTuple):
    """One thing wrong: ``offset`` in characters from the start of the template, and one sentence."""

    offset: int
    text: str


class Mention(NamedTuple):
    """A field's name and the offset where it stands."""

    offset: int
    field: str


def short(text: str) -> str:
    """The text in one line of at most 40 characters, for showing inside a sentence."""
    line = "".join(char if char.isprintable() else "?" for char in text[:41])
    return line if len(line) <= 40 else line[:39] + "…"


class AllowList:
    """Walks a tree, narrows it in place, and collects the fields mentioned and every problem met."""

    def __init__(self) -> None:
        self.mentions: list[Mention] = []
        self.problems: list[Problem] = []

    def body(self, statements: Sequence[nodes.Node]) -> None:
        for statement in statements:
            if isinstance(statement, nodes.Output):
                for node in statement.nodes:
                    if not isinstance(node, nodes.TemplateData):
                        self._value(node)
            elif isinstance(statement, nodes.If):
                self._condition(statement.test)
                self.body([*statement.body, *statement.elif_, *statement.else_])
            else:
                self._refuse(statement)

    def _condition(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Not):
            self._condition(node.node)
        elif isinstance(node, nodes.And | nodes.Or):
            self._condition(node.left)
            self._condition(node.right)
        elif isinstance(node, nodes.Compare):
            self._value(node.expr, compared=True)
            self._value(node.ops[0].expr, compared=True)
            if len(node.ops) > 1:
                self._add(node, "compare two things at a time, joined by 'and'")
            elif node.ops[0].op not in ("eq", "ne", "in", "notin"):
                self._add(node, "only ==, !=, in and not in compare; fields are text, not numbers")
        else:
            self._value(node)

    def _value(self, node: nodes.Node, *, compared: bool = False) -> None:
        """Check what stands for a text; a number or none among ``compared`` becomes the text it means."""
        if isinstance(node, nodes.Name):
            if node.name == "self":  # Jinja's own word, which no assignment can shadow
                self._add(node, "'self' is not a field; rename that column to use it")
            self.mentions.append(Mention(node.lineno, node.name))
        elif isinstance(node, nodes.Const):
            if type(node.value) is int or (compared and node.value is None):
                node.value = "" if node.value is None else str(node.value)
            if not isinstance(node.value, str):
                self._add(node, f"{node.value} is no text; fields are text, so put it in quotes")
        elif isinstance(node, nodes.And | nodes.Or):
            self._value(node.left)
            self._value(node.right)
        elif isinstance(node, nodes.CondExpr):
            self._condition(node.test)
            self._value(node.expr1)
            if node.expr2 is None:
                node.expr2 = nodes.Const("", lineno=node.lineno)
            self._value(node.expr2)
        elif isinstance(node, nodes.Filter) and node.node is not None:
            self._value(node.node)
            self._filter(node)
        else:
            self._refuse(node)

    def _filter(self, node: nodes.Filter) -> None:
        if node.name not in FILTERS:
            allowed = ", ".join(sorted(set(FILTERS) - {"d"}))
            return self._add(node, f"the filter {short(node.name)!r} is not allowed; there are {allowed}", node.lineno)
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            return self._add(node, f"{node.name} takes no named arguments", node.lineno)
        if node.name in ("default", "d"):
            # Jinja's second argument asks for empty values to count as missing; here they always do.
            if len(node.args) == 2 and isinstance(node.args[1], nodes.Const) and node.args[1].value in (True, False):
                node.args.pop()
            if len(node.args) != 1:
                return self._add(node, "default takes one text; write {{ field|default('there') }}", node.lineno)
            return self._value(node.args[0], compared=True)
        if node.name == "truncate":
            value = node.args[0].value if len(node.args) == 1 and isinstance(node.args[0], nodes.Const) else None
            if type(value) is not int or not 1 <= value <= TRUNCATE_MAX:
                why = f"truncate takes a number from 1 to {TRUNCATE_MAX}; write {{{{ field|truncate(40) }}}}"
                self._add(node, why, node.lineno)
        elif node.args:
            self._add(node, f"{node.name} takes no arguments; write {{{{ field|{node.name} }}}}", node.lineno)
        return None

    def _refuse(self, node: nodes.Node) -> None:
        attribute = node.node if isinstance(node, nodes.Call) else node
        if isinstance(attribute, nodes.Getattr):
            name = short(attribute.attr)
            hint = f"write field|{name}" if name in FILTERS else "use plain fields"
            return self._add(node, f"calling methods or attributes (.{name}) is not allowed; {hint}", attribute.lineno)
        for kinds, text in _NODES_REFUSED:
            if isinstance(node, kinds):
                return self._add(node, text)
        return self._add(node, f"{type(node).__name__.lower()} is not allowed; use plain fields")

    def _add(self, node: nodes.Node, text: str, offset: int | None = None) -> None:
        """Note a problem where the node begins: Jinja's own position of a compound is that of a later part."""
        begin: nodes.Node | None = node
        while offset is None and begin is not None:
            node, begin = begin, None if isinstance(begin, nodes.UnaryExpr) else next(begin.iter_child_nodes(), None)
        self.problems.append(Problem(node.lineno if offset is None else offset, text))
