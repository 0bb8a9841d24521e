"""The calendar of a subscription: when its months begin and which of them are billed. Pure; Redis knows nothing of it.

A subscription is anchored at the moment it began, as wall-clock time in its time zone. Month k begins k calendar
months later: on the same day, clipped to the month's length, at the same time of day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from engine.errors import Invalid

CYCLES: Final = {"monthly": 1, "annual": 12}
"""How often a fee is paid → the months of one billing period."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """One month of a subscription, up to but without ``end_ms``; ``bills``: a billing period begins with it."""

    month: int
    start_ms: int
    end_ms: int
    bills: bool


def periods(start_ms: int, cycle: str, timezone: str) -> Iterator[Period]:
    """Every month from the first on, without an end; raises Invalid at once as ``period_at`` does."""
    zone, months = check_timezone(timezone), months_of(cycle)
    return (_period(start_ms, zone, months, month) for month in count())


def period_at(start_ms: int, cycle: str, timezone: str, month: int) -> Period:
    """Month number ``month``, from 0, of what began at ``start_ms``.

    Errors: Invalid bad_cycle, bad_timezone, bad_month for a negative number.
    """
    return _period(start_ms, check_timezone(timezone), months_of(cycle), month)


def months_of(cycle: str) -> int:
    """How many months one billing period has; raises Invalid bad_cycle."""
    if cycle not in CYCLES:
        raise Invalid(f"no cycle {cycle[:40]!r}; there are: {', '.join(CYCLES)}", code="bad_cycle")
    return CYCLES[cycle]


def check_timezone(name: str) -> ZoneInfo:
    """The time zone of that name; raises Invalid bad_timezone.

    Looked up in the list of those there are first: ZoneInfo itself opens files by whatever name it is given.
    """
    if name not in _timezones():
        raise Invalid(f"no time zone {name[:60]!r}; one is named as in Europe/Berlin or UTC", code="bad_timezone")
    return ZoneInfo(name)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _period(start_ms: int, zone: ZoneInfo, months: int, month: int) -> Period:
    return Period(month, _start_ms(start_ms, zone, month), _start_ms(start_ms, zone, month + 1), month % months == 0)


def _start_ms(start_ms: int, zone: ZoneInfo, month: int) -> int:
    """When month number ``month`` begins, ms."""
    if month < 0:
        raise Invalid(f"there is no month {month}: a subscription's first month is 0", code="bad_month")
    if month == 0:
        return start_ms  # exactly, also when the clocks show that time of day twice and this was the second
    anchor = (_EPOCH + start_ms * _MS).astimezone(zone)
    year, of_year = divmod(anchor.year * 12 + anchor.month - 1 + month, 12)
    day = min(anchor.day, _days_in(year, of_year + 1))
    # fold=0: the first of two equal times of day; one that the clocks skip is counted on from where they skipped.
    begins = anchor.replace(year=year, month=of_year + 1, day=day, fold=0)
    return (begins - _EPOCH) // _MS


def _days_in(year: int, month: int) -> int:
    """The length of a calendar month; not monthrange, which the year 9999 is too much for."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
