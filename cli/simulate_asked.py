"""What is asked of ``inmail simulate``, read and checked before anything is simulated."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

from cli.output_file import STDOUT, check_output, shown
from engine.errors import Invalid
from engine.plans import Plan, find_plan

A_DAY_MAX = 1_000
_YEARS = range(2000, 2101)


def check_plot(path: Path, *, force: bool, as_json: bool) -> None:
    """Raises Invalid or Refused where the plot could not be written, before anything is simulated."""
    if path == STDOUT:
        if as_json:
            raise Invalid("--plot - and --json both write on stdout: name a file for the plot")
        return
    if path.suffix.lower() != ".svg":
        raise Invalid(
            f"--plot {shown(path)[:80]}: only SVG is drawn, to a file named ….svg (rsvg-convert, or any browser, makes "
            "a PNG of it)"
        )
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise Invalid(f"--plot {shown(path)[:80]} cannot be written: give a file in a folder you may write to")
    check_output(path, force=force, option="--plot")


def start_ms(text: str | None) -> int:
    """The first day's beginning in UTC, today's without a date; raises Invalid."""
    try:
        day = date.fromisoformat(text) if text and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        day = None
    if text is None:
        day = datetime.now(UTC).date()
    if day is None or day.year not in _YEARS:
        raise Invalid(f"--start {str(text)[:40]!r}: give a day of {_YEARS[0]} to {_YEARS[-1]} as YYYY-MM-DD")
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def parse_a_day(text: str) -> Fraction:
    """How many a day; raises Invalid."""
    try:
        number = Decimal(text) if re.fullmatch(r"[0-9.]{1,12}", text) else Decimal(-1)
    except InvalidOperation:
        number = Decimal(-1)
    if not 0 <= number <= A_DAY_MAX:
        raise Invalid(f"--a-day {text[:40]!r}: give a number from 0 to {A_DAY_MAX:,}, such as 2.5")
    return Fraction(number)


def parse_changes(texts: Sequence[str], plans: Mapping[str, Plan], days: int) -> dict[int, tuple[Plan, bool | None]]:
    """By day, the plan to change to and whether it is paid annually (None: as before); raises Invalid."""
    found: dict[int, tuple[Plan, bool | None]] = {}
    for text in texts:
        match = re.fullmatch(r"([0-9]{1,6}):([^:]+)(?::(annual|monthly))?", text)
        if match is None:
            raise Invalid(f"--change {text[:60]!r}: give DAY:PLAN, or DAY:PLAN:annual, such as 90:executive")
        day = int(match[1])
        within(day, "--change", days)
        if day in found:
            raise Invalid(f"--change: two changes on day {day}; give one for a day")
        found[day] = find_plan(plans, match[2]), {None: None, "annual": True, "monthly": False}[match[3]]
    return found


def within(day: int | None, option: str, days: int) -> int | None:
    """A day that is simulated; raises Invalid."""
    if day is not None and day >= days:
        raise Invalid(f"{option}: day {day:,} is after the last one simulated, {days - 1:,}")
    return day


def a_months(plan: Plan | None) -> Fraction:
    """A month's credits a month, spread over its days."""
    return min(Fraction(A_DAY_MAX), Fraction(plan.credits_a_month if plan else 0, 30))
