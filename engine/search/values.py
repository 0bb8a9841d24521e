"""What may stand behind the fields that hold no text: years, open, active, id."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.search.lexing import QueryError, shown
from engine.search.tree import Active, Ident, Node, Open, Years

_HOUR_MS = 3_600_000
_UNITS_MS = {"h": _HOUR_MS} | {unit: days * 24 * _HOUR_MS for unit, days in zip("dwmy", (1, 7, 30, 365), strict=True)}

_years = re.compile(r"([0-9]{1,3})|([0-9]{0,3})\.\.([0-9]{0,3})").fullmatch
_active = re.compile(r"([<>])([0-9]{1,4})([hdwmy])", re.IGNORECASE).fullmatch
_ident = re.compile(r"[!-~]{1,64}").fullmatch


def years(value: str, position: int, now_ms: int) -> Years:
    """5, 5..10, 5.. or ..10, in years."""
    found = _years(value)
    exact, low, high = found.groups(default="") if found else ("", "", "")
    if exact:
        return Years(int(exact), int(exact))
    if not low and not high:
        raise QueryError(f"expected years:5, years:5..10, years:5.. or years:..10, not {shown(value)}", position)
    if low and high and int(low) > int(high):
        raise QueryError(f"expected the smaller number first, as in years:{int(high)}..{int(low)}", position)
    return Years(int(low) if low else None, int(high) if high else None)


def is_open(value: str, position: int, now_ms: int) -> Open:
    """true or yes, false or no."""
    meant = {"true": True, "yes": True, "false": False, "no": False}.get(value.lower())
    if meant is None:
        raise QueryError(f"expected open:true or open:false, not {shown(value)}", position)
    return Open(meant)


def active(value: str, position: int, now_ms: int) -> Active:
    """<30d: within the last 30 days; >90d: longer ago. Units h, d, w, m (30 days), y (365 days)."""
    found = _active(value)
    if not found:
        wanted = "expected < or >, a number and h, d, w, m or y, as in active:<30d or active:>1y"
        raise QueryError(f"{wanted}, not {shown(value)}", position)
    sign, number, unit = found.groups()
    if int(number) == 0:
        raise QueryError(f"expected a number of 1 or more, as in active:{sign}1{unit}", position)
    then_ms = now_ms - int(number) * _UNITS_MS[unit.lower()]
    return Active(then_ms, None) if sign == "<" else Active(None, then_ms)


def ident(value: str, position: int, now_ms: int) -> Ident:
    """A candidate's id."""
    if not _ident(value):
        wanted = "expected an id: 1 to 64 letters, digits and signs of ASCII without blanks"
        raise QueryError(f"{wanted}, not {shown(value)}", position)
    return Ident(value)


VALUES: dict[str, Callable[[str, int, int], Node]] = {"years": years, "open": is_open, "active": active, "id": ident}
"""By field: makes a node of the value, where it stands, and the time."""
EXAMPLES = {"years": "years:5..10", "open": "open:true", "active": "active:<30d", "id": "id:K000367"}
