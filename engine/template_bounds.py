"""How long a template can render at most, and whether it can render to nothing: told without rendering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from jinja2 import nodes

_GROWTH_MAX: Final = 3  # characters one character can become in another case: 'ΐ' in capitals is three


class Bound(NamedTuple):
    """No rendering is longer than ``chars`` plus, for each field, its length times ``times``."""

    chars: int
    times: Mapping[str, int]


def bound_of_all(parts: Iterable[nodes.Node]) -> Bound:
    """The bound of these one after the other."""
    chars, times = 0, dict[str, int]()
    for part in parts:
        more = _bound_of_one(part)
        chars += more.chars
        for name, count in more.times.items():
            times[name] = times.get(name, 0) + count
    return Bound(chars, times)


def _bound_of_one(node: nodes.Node) -> Bound:
    match node:
        case nodes.TemplateData(data=text) | nodes.Const(value=text):
            return Bound(len(text), {})
        case nodes.Name(name=name):
            return Bound(0, {name: 1})
        case nodes.Output(nodes=parts):
            return bound_of_all(parts)
        case nodes.If(body=body, elif_=elifs, else_=other):
            return _worst(bound_of_all(body), *(_bound_of_one(each) for each in elifs), bound_of_all(other))
        case (
            nodes.CondExpr(expr1=left, expr2=nodes.Expr() as right)
            | nodes.BinExpr(left=left, right=nodes.Expr() as right)
        ):
            return _worst(_bound_of_one(left), _bound_of_one(right))
        case nodes.Filter(name="truncate", args=[nodes.Const(value=chars_max)]):
            return Bound(chars_max, {})
        case nodes.Filter(name="default" | "d", node=nodes.Expr() as value, args=[fallback]):
            return _worst(_bound_of_one(value), _bound_of_one(fallback))
        case nodes.Filter(name=name, node=nodes.Expr() as value):
            bound, growth = _bound_of_one(value), 1 if name == "trim" else _GROWTH_MAX
            return Bound(growth * bound.chars, {each: growth * count for each, count in bound.times.items()})
    raise AssertionError(f"the allow-list let {type(node).__name__} through")


def _worst(*bounds: Bound) -> Bound:
    """A bound for whichever of these is shown."""
    times: dict[str, int] = {}
    for bound in bounds:
        for name, count in bound.times.items():
            times[name] = max(count, times.get(name, 0))
    return Bound(max(bound.chars for bound in bounds), times)


def always_visible(statements: Iterable[nodes.Node]) -> bool:
    """Whether some text other than blanks is shown whatever the fields hold."""
    for statement in statements:
        if isinstance(statement, nodes.If):
            shown = all(map(always_visible, [statement.body, *(arm.body for arm in statement.elif_), statement.else_]))
        else:
            data = statement.find_all(nodes.TemplateData)
            shown = any(text.data.strip() for text in data)
        if shown:
            return True
    return False
