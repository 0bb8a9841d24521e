"""The auditor's look at the seats of an account: those the log added, their caps, and what each used in this month."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.audit_snapshot import Snapshot
from engine.credits import LogEntry
from engine.seats import used

_LABEL = re.compile(r"s[1-9][0-9]*\.[0-9]+")
_FIRST = "s1.0"


@dataclass(slots=True)
class Seats:
    """What the log comes to as far as seats are concerned. ``caps`` has every seat there is, '' = no cap; ``month`` is
    the label of the present one, None as long as no entry carries one."""

    month: str | None = None
    caps: dict[str, str] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    def take(self, entry: LogEntry) -> None:
        """Carry out one entry that moves no letters."""
        if entry.kind in ("seat_add", "seat_cap"):
            self.caps[entry.at] = "" if entry.note == "no cap" else str(entry.n)
        if entry.kind == "seat_add":
            self.since[entry.at] = str(entry.seq)
            self.used.pop(entry.at, None)
        elif entry.kind == "seat_remove":
            for known in (self.caps, self.since, self.used):
                known.pop(entry.at, None)
        elif _LABEL.fullmatch(entry.at):
            self._in_month(entry)

    def _in_month(self, entry: LogEntry) -> None:
        # An account that opens with a subscription is in its first month, though the entry does not say so.
        before = self.month or ("" if entry.kind == "subscribe" else _FIRST)
        if entry.at != before:
            self.used.clear()
        self.month = entry.at

    def debit(self, seat: str, n: int) -> None:
        """Credits were debited for a campaign of that seat ('' = nobody's)."""
        if seat in self.caps:
            self.used[seat] += n


def check_seats(snapshot: Snapshot, logged: Seats) -> Iterator[str]:
    """One line for each seat that is not as the log says."""
    fields: dict[str, dict[str, str]] = {"seat": {}, "cap": {}, "used": {}}
    for name, value in snapshot.account.items():
        what, _, seat = name.partition(":")
        if seat and what in fields:
            fields[what][seat] = value
    month = snapshot.account.get("month", "")
    same_month = logged.month in (None, month)
    for seat in sorted({*logged.caps, *snapshot.seats, *fields["seat"], *fields["cap"], *fields["used"]}):
        stands = (seat in snapshot.seats, fields["seat"].get(seat))
        if stands != (seat in logged.caps, logged.since.get(seat)):
            yield f"seat {seat}: it is not there as the log added or removed it"
        cap = fields["cap"].get(seat, "")
        if cap != logged.caps.get(seat, ""):
            yield f"seat {seat}: its cap is {cap or 'none'}, the log says {logged.caps.get(seat) or 'none'}"
        counted = used(fields["used"].get(seat, ""), month)
        debited = logged.used[seat] if same_month else 0
        if counted != debited:
            yield f"seat {seat}: {counted} credits are counted as used in this month, the log debited {debited}"
