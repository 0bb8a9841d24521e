"""What a simulation tells of each day: the wallet at its end, and what happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

from engine.credits import LogEntry, Wallet

_COUNTED = {"claim": "sent", "reply": "answered", "refund": "fell due"}
_TOLD = ("end", "lapse", "past_due", "cancel", "change", "subscribe", "refused", "grant", "expire", "low", "paid")
"""Kinds of the log that are told of each by itself."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something of a day: its kind, as in the log or ``sent``, ``answered``, ``fell due``; how many; and more of it."""

    kind: str
    n: int = 0
    note: str = ""

    @property
    def text(self) -> str:
        """As a person reads it."""
        if self.kind in _COUNTED.values():
            return f"{self.n:,} {self.kind}"
        if self.kind == "grant":
            return f"+{self.n:,} {self.note}"
        if self.kind == "expire":
            return f"{self.n:,} expired, {self.note}"
        if self.kind == "low":
            return f"under {self.n} %" if self.n else "no credit left"
        return f"{self.kind.replace('_', ' ')}: {self.note}"


@dataclass(frozen=True, slots=True)
class Row:
    """The wallet at the end of a day, plan and balance cap (0 = none), the subscription's state, what happened in
    order, and the plan's name."""

    day: date
    wallet: Wallet
    plan: str
    cap: int
    state: str
    events: tuple[Event, ...]
    plan_name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As one JSON object; the date as YYYY-MM-DD."""
        events = [{"kind": event.kind, "n": event.n, "note": event.note} for event in self.events]
        about = {"plan": self.plan, "state": self.state, "events": events}
        return {"date": self.day.isoformat(), **self.wallet.as_dict(), **about}


def events_of(entries: Sequence[LogEntry]) -> list[Event]:
    """What the log's entries tell, in their order."""
    told = [entry for entry in entries if entry.kind in _TOLD or entry.kind in _COUNTED]
    return [
        Event(_COUNTED[entry.kind], entry.n) if entry.kind in _COUNTED else Event(entry.kind, entry.n, entry.note)
        for entry in told
    ]


def merged(rows: Sequence[Row]) -> Row:
    """Several days as one: as the last of them ended, with what happened on all."""
    return replace(rows[-1], events=tuple(summed([event for row in rows for event in row.events])))


def summed(events: Sequence[Event]) -> list[Event]:
    """The events as they happened; how many were sent, answered, fell due is told once, where the first was."""
    counts: defaultdict[str, int] = defaultdict(int)
    for event in events:
        if event.kind in _COUNTED.values():
            counts[event.kind] += event.n
    return [
        Event(event.kind, counts.pop(event.kind)) if event.kind in counts else event
        for event in events
        if event.kind in counts or event.kind in _TOLD
    ]


def grouped(rows: Sequence[Row], every: str) -> Iterator[Row]:
    """The rows as they are shown: each day, each seven days, or each calendar month, as its last day ended."""
    first = rows[0].day
    if every == "month":
        groups = groupby(rows, key=lambda row: (row.day.year, row.day.month))
    else:
        size = 7 if every == "week" else 1
        groups = groupby(rows, key=lambda row: ((row.day - first).days // size, 0))
    return (merged(list(group)) for _, group in groups)
