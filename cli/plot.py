"""The drawing of a simulation: one SVG file that needs nothing else, in a browser or a document.

Drawn by a template of our own: the chart libraries at hand put ticks on odd dates, cannot shade the days a
subscription was unpaid, or load a script from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from textwrap import wrap

from jinja2 import Environment, PackageLoader, StrictUndefined

from cli.simulated_days import Row

WIDTH, HEIGHT = 960, 590
_LEFT, _RIGHT = 70, 20
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS_A_TICK = (1, 2, 3, 4, 6, 12, 24, 60)
_CHAR_PX = 6.2
_LABEL_GAP_PX = 10
_LINE_CHARS = 128
_LINE_PX = 16
_ROW_PX = 14
_ROWS = 3
_STATES = {"past_due": "past due", "lapsed": "lapsed", "ended": "no subscription", "none": "no subscription"}
_MARKED = {"subscribe": "subscribed", "cancel": "cancelled", "past_due": "past due", "lapse": "lapsed", "end": "ended"}

_templates = Environment(
    loader=PackageLoader("cli", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel: its name, which is its class in the style as well, and its path."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the two graphs, one above the other: between two heights, its ticks as (value, y), its lines."""

    title: str
    top: int
    bottom: int
    ticks: list[tuple[str, float]]
    lines: list[Line]


def draw(rows: Sequence[Row], *, title: str, subtitle: str) -> str:
    """The SVG of a simulation's days."""
    x = _Scale(rows)
    levels = [("available", [row.wallet.available for row in rows]), ("held", [row.wallet.held for row in rows])]
    caps = [row.cap for row in rows]
    if any(caps):
        levels.append(("cap", caps))
    totals = [(name, [getattr(row.wallet, name) for row in rows]) for name in ("granted", "spent", "expired")]
    panels = [_panel("credits at hand", 132, 340, levels, x), _panel("credits so far", 392, 520, totals, x)]
    about = wrap(subtitle, _LINE_CHARS)
    more_px = _LINE_PX * (len(about) - 1)
    return _templates.get_template("credits.svg").render(
        width=WIDTH,
        height=HEIGHT + more_px,
        about=[(50 + _LINE_PX * n, line) for n, line in enumerate(about)],
        more_px=more_px,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        title=title,
        subtitle=subtitle,
        panels=panels,
        dates=_dates(rows, x),
        bands=_bands(rows, x),
        marks=_marks(rows, x),
    )


class _Scale:
    """Where on the page a day begins."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.first, self.days = rows[0].day, len(rows)

    def __call__(self, day: int) -> float:
        return round(_LEFT + (WIDTH - _RIGHT - _LEFT) * day / self.days, 1)


def _panel(title: str, top: int, bottom: int, series: Sequence[tuple[str, list[int]]], x: _Scale) -> Panel:
    highest = max(1, *(max(values) for _, values in series))
    step = nice_step(highest, (bottom - top) // 40)
    most = -(-highest // step) * step

    def y(value: int) -> float:
        return round(bottom - (bottom - top) * value / most, 1)

    ticks = [(f"{value:,}", y(value)) for value in range(0, most + 1, step)]
    return Panel(title, top, bottom, ticks, [Line(name, _path(values, x, y)) for name, values in series])


def nice_step(highest: int, ticks: int) -> int:
    """A whole step of 1, 2 or 5 times a power of ten by which about ``ticks`` reach ``highest``."""
    step, factors = 1, (2, 5, 10)
    power = 1
    while -(-highest // step) > max(1, ticks):
        step = next(factor * power for factor in factors if factor * power > step)
        power = power * 10 if step == power * 10 else power
    return step


def _path(values: Sequence[int], x: _Scale, y: Callable[[int], float]) -> str:
    parts = [f"M{x(0)} {y(values[0])}"]
    for day, (before, value) in enumerate(pairwise(values), start=1):
        if value != before:
            parts.append(f"H{x(day)}V{y(value)}")
    return "".join(parts) + f"H{x(len(values))}"


def _dates(rows: Sequence[Row], x: _Scale) -> list[tuple[float, str, str]]:
    """Ticks of the time axis, as many as there is room for: x, date, and the year where it begins."""
    days = [row.day for row in rows]
    room = (WIDTH - _LEFT - _RIGHT) // 62
    firsts = [day for day in days if day.day == 1]
    if len(firsts) > 3:
        every = next(n for n in _MONTHS_A_TICK if n * room >= len(firsts))
        chosen = [day for day in firsts if (day.year * 12 + day.month - 1) % every == 0]
    else:
        every = -(-len(days) // room)
        chosen = days[:: 7 * -(-every // 7) if every > 2 else every]
    told, year = [], 0
    for day in chosen:
        told.append(
            (x((day - days[0]).days), f"{day.day} {_MONTHS[day.month - 1]}", f"{day.year}" * (day.year != year))
        )
        year = day.year
    return told


def _bands(rows: Sequence[Row], x: _Scale) -> list[tuple[float, float, str, str]]:
    """Days on which the account had less than an active subscription: from x, wide, its class, its name."""
    found, day = [], 0
    for state, group in groupby(rows, key=lambda row: row.state):
        n = len(list(group))
        if state in _STATES:
            found.append((x(day), round(x(day + n) - x(day), 1), state, _STATES[state]))
        day += n
    return found


def _marks(rows: Sequence[Row], x: _Scale) -> list[tuple[float, int, str, str]]:
    """What befell the subscription: x, height of the label, what, and to which side the label goes.

    A label stands lower than those before it that still go on, so that its line, which runs down, crosses none.
    """
    taken = [0.0] * _ROWS
    marks = []
    for day, row in enumerate(rows):
        for what in _told(row, rows[day - 1] if day else None):
            at, wide = x(day), _LABEL_GAP_PX + _CHAR_PX * len(what)
            side = "end" if at > WIDTH - _RIGHT - wide else "start"
            first, last = (at - wide, at) if side == "end" else (at, at + wide)
            free = [i for i in range(_ROWS) if taken[i] <= first]
            if not free:
                continue  # a line without a word would say nothing
            below = [i for i in free if all(j in free for j in range(i, _ROWS))]
            level = min(below or free)
            taken[level] = last
            marks.append((at, 120 - (_ROWS - 1 - level) * _ROW_PX, what, side))
    return marks


def _told(row: Row, before: Row | None) -> dict[str, None]:
    """What the day's marks say: another plan since the day before, and what the log says of the subscription."""
    changed = [row.plan_name or row.plan] if before and row.plan != before.plan and row.state not in _STATES else []
    return dict.fromkeys(changed + [_MARKED[event.kind] for event in row.events if event.kind in _MARKED])


def span_of(rows: Sequence[Row]) -> str:
    """From the first to the last day, in words."""
    first, last = rows[0].day, rows[-1].day
    return f"{_in_words(first)} – {_in_words(last)}" if first < last else _in_words(first)


def _in_words(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
