"""A plausible year of one account, as dated events for the reckoning and for the engine alike; one seed, one year.

Who pays which invoice depends on what was invoiced, so a reckoning runs along while the script is written. The script
only asks: where the engine comes to something else, the same events still say so. Whether `process` occurs depends on
the seed alone, not on the account: an outage is everybody's.
"""

from __future__ import annotations

import heapq
import random
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from tests.proofs.year_reckoning import Event, Reckoning
from tests.proofs.year_terms import DAY_MS, PLANS, month_start_ms

HOUR_MS = DAY_MS // 24
ZONES = ("UTC", "Europe/Berlin", "America/New_York")
YEAR_DAYS = 396  # a month past the year, so that annual plans are renewed too
HORIZON_DAYS = 365 + YEAR_DAYS + 100  # from start_ms; no event comes later
PROCESS_HOUR = 3  # UTC
ANSWER_MS = 7 * DAY_MS
TURNS = ("change", "manual_grant", "cancel", "stray")  # what happens now and then, beside sending and paying


def account_of(index: int) -> str:
    return f"year{index:05d}"


def zone_of(seed: int, index: int) -> str:
    """The account's time zone: what its subscriptions begin in."""
    return ZONES[random.Random(f"{seed}:{index}:zone").randrange(len(ZONES))]


def outages(seed: int, start_ms: int) -> list[tuple[int, int]]:
    """One or two windows of 5 to 95 days without `process`, from and to, where many accounts live; they may overlap."""
    rng = random.Random(f"{seed}:outages")
    windows = []
    for earliest, latest in ((60, 380), (300, 640))[: rng.choice((1, 2))]:
        begins = start_ms + rng.randrange(earliest, latest) * DAY_MS + rng.randrange(DAY_MS)
        windows.append((begins, begins + rng.randint(5, 95) * DAY_MS))
    return sorted(windows)


def script(seed: int, index: int, start_ms: int) -> list[tuple[int, Event]]:
    """Events in order of time, no two of them at the same millisecond; what they are stands at Reckoning."""
    return _Year(seed, index, start_ms).write()


class _Year:
    """Writes one account's script: intentions wait in a heap, and become events by the state they meet."""

    def __init__(self, seed: int, index: int, start_ms: int) -> None:
        self.rng = random.Random(f"{seed}:{index}")
        self.reckoning = Reckoning(account_of(index), zone_of(seed, index))
        self.events: list[tuple[int, Event]] = []
        self.waiting: list[tuple[int, int, str, tuple]] = []
        self.order = count()
        self.taken: set[int] = set()
        self.invoices_seen = 0
        self.ends_seen: set[int] = set()
        self.begins_ms = self._first_moment(start_ms)
        self.ends_ms = self.begins_ms + YEAR_DAYS * DAY_MS
        self._plan_process(outages(seed, start_ms))

    def write(self) -> list[tuple[int, Event]]:
        rng = self.rng
        self._at(self.begins_ms, "again")
        self._at(self.begins_ms + self._days(0.1, 9), "send")
        turns = [rng.randint(0, 4), rng.randint(0, 4), rng.choice((0, 0, 1, 1, 2)), rng.randint(0, 3)]
        for kind, times in zip(TURNS, turns, strict=True):
            for _ in range(times):
                self._at(self.begins_ms + self._days(2, YEAR_DAYS - 3), kind)
        while self.waiting:
            at_ms, _, kind, with_ = heapq.heappop(self.waiting)
            getattr(self, f"_{kind}")(at_ms, *with_)
            self._look_around(at_ms)
        return self.events

    def _days(self, least: float, most: float) -> int:
        return int(self.rng.uniform(least, most) * DAY_MS)

    def _at(self, at_ms: int, kind: str, *with_: object) -> None:
        """Intend that, unless the year is over; a millisecond that is taken moves it on."""
        while not {at_ms, at_ms + ANSWER_MS}.isdisjoint(self.taken):
            at_ms += 1
        if at_ms < self.ends_ms:
            self.taken.add(at_ms)
            if kind == "send":
                self.taken.add(at_ms + ANSWER_MS)
            heapq.heappush(self.waiting, (at_ms, next(self.order), kind, with_))

    def _event(self, at_ms: int, *event: object) -> int | str:
        self.events.append((at_ms, event))
        return self.reckoning.apply(at_ms, event)

    def _first_moment(self, start_ms: int) -> int:
        """Any moment of a year; a third begin on the 29th to 31st, some where the clock changes on a month's start."""
        zone, rng = self.reckoning.zone, self.rng
        first = datetime.fromtimestamp(start_ms // 1000, UTC).astimezone(ZoneInfo(zone)).date()
        days, how = [first + timedelta(day) for day in range(1, 365)], rng.random()
        minute = rng.randrange(24 * 60)
        if how < 1 / 3:
            days = [day for day in days if day.day >= 29]
        elif how < 1 / 2 and zone != "UTC":
            minute = rng.choice((60, 120)) + rng.randrange(60)
            changes = [day for day in days if _meets_a_clock_change(_moment(day, minute, zone), zone)]
            days = changes or days
        return _moment(rng.choice(days), minute, zone) + rng.randrange(60_000)

    def _plan_process(self, windows: list[tuple[int, int]]) -> None:
        """Daily, not in an outage, and at least once after the year's last event."""
        at_ms = self.begins_ms // DAY_MS * DAY_MS + PROCESS_HOUR * HOUR_MS
        while True:
            at_ms += DAY_MS
            if not any(begins <= at_ms < ends for begins, ends in windows):
                self.taken.add(at_ms)
                heapq.heappush(self.waiting, (at_ms, next(self.order), "process", ()))
                if at_ms > self.ends_ms:
                    return

    # What an intention becomes

    def _process(self, at_ms: int) -> None:
        self._event(at_ms, "process")

    def _send(self, at_ms: int) -> None:
        rng = self.rng
        self._at(at_ms + self._days(14, 40), "send")
        if at_ms + ANSWER_MS >= self.ends_ms:
            return
        sent = self._event(at_ms, "send", rng.randint(1, rng.choice((8, 8, 8, 60))))
        assert isinstance(sent, int)
        answered = round(sent * rng.uniform(0.2, 0.6))
        first = rng.randint(0, answered) if rng.random() < 0.3 else answered
        for n in (first, answered - first):
            if n:
                self._at(at_ms + self._days(0.05, 6.9), "settle", n, 0)
        if sent > answered:
            late = (at_ms + ANSWER_MS, next(self.order), "settle", (0, sent - answered))
            heapq.heappush(self.waiting, late)

    def _settle(self, at_ms: int, answered: int, unanswered: int) -> None:
        self._event(at_ms, "settle", answered, unanswered)

    def _manual_grant(self, at_ms: int) -> None:
        self._event(at_ms, "manual_grant", self.rng.randint(1, 60))

    def _change(self, at_ms: int) -> None:
        slug, annual = self.rng.choice(list(PLANS)), self.rng.choice((None, None, None, False, True))
        self._event(at_ms, "change", slug, annual)
        if self.reckoning.pending and self.rng.random() < 0.3:
            self._at(at_ms + self._days(0.5, 12), "stay")

    def _stay(self, at_ms: int) -> None:
        self._event(at_ms, "change", self.reckoning.plan["slug"], self.reckoning.annual)

    def _cancel(self, at_ms: int) -> None:
        rng, account = self.rng, self.reckoning
        self._event(at_ms, "cancel")
        if account.ends_at_ms and rng.random() < 0.35:
            self._at(at_ms + self._days(0.2, 10), "take_back")
        elif account.ends_at_ms and rng.random() < 0.5:
            self._at(account.ends_at_ms + self._days(0.1, 20), "again")

    def _take_back(self, at_ms: int) -> None:
        self._event(at_ms, "subscribe", self.reckoning.plan["slug"], self.reckoning.annual)

    def _again(self, at_ms: int) -> None:
        self._event(at_ms, "subscribe", self.rng.choice(list(PLANS)), self.rng.random() < 0.3)

    def _stray(self, at_ms: int) -> None:
        """A call that mostly comes at the wrong time: it must be refused or change nothing."""
        self.rng.choice((self._again, self._take_back, self._stay))(at_ms)

    def _pay(self, at_ms: int, n: int) -> None:
        self._event(at_ms, "pay", n)
        if self.rng.random() < 0.04:
            self._at(at_ms + self._days(0.01, 3), "pay", n)

    def _pay_failed(self, at_ms: int, n: int) -> None:
        if self.reckoning.books.invoices[n - 1].state == "open":
            self._event(at_ms, "pay_failed", n)

    # What follows of itself

    def _look_around(self, at_ms: int) -> None:
        account = self.reckoning
        for bill in account.books.invoices[self.invoices_seen :]:
            if bill.state == "open":
                self._plan_payment(bill.n, at_ms, bill.due_at_ms)
        self.invoices_seen = len(account.books.invoices)
        if account.state == "ended" and account.number not in self.ends_seen:
            self.ends_seen.add(account.number)
            if self.rng.random() < 0.6:
                self._at(at_ms + self._days(0.1, 45), "again")

    def _plan_payment(self, n: int, at_ms: int, due_ms: int) -> None:
        """Mostly in time; else late within the grace, after the lapse, or never, with or without a failure before."""
        grace_ms = self.reckoning.grace_ms
        how = self.rng.random()
        if how < 0.78:
            self._at(at_ms + self._days(0.01, 13), "pay", n)
            return
        trouble_ms = due_ms
        if self.rng.random() < 0.5:
            trouble_ms = at_ms + self._days(0.01, 10)
            self._at(trouble_ms, "pay_failed", n)
        if how < 0.9:
            self._at(trouble_ms + self._days(0.05, 6.9), "pay", n)
        elif how < 0.97:
            self._at(trouble_ms + grace_ms + self._days(0.05, 29), "pay", n)
        elif how < 0.99:  # long after it was given up
            self._at(trouble_ms + grace_ms + self._days(31, 90), "pay", n)


def _moment(day: date, minute: int, zone: str) -> int:
    hours, minutes = divmod(minute, 60)
    return round(datetime(day.year, day.month, day.day, hours, minutes, tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def _meets_a_clock_change(anchor_ms: int, zone: str) -> bool:
    """Whether one of the first twelve months begins at a wall-clock time that does not exist, or exists twice."""
    for month in range(1, 13):
        local = datetime.fromtimestamp(month_start_ms(anchor_ms, zone, month) // 1000, ZoneInfo(zone))
        wanted = datetime.fromtimestamp(anchor_ms // 1000, ZoneInfo(zone))
        if local.hour != wanted.hour or local.utcoffset() != local.replace(fold=1).utcoffset():
            return True
    return False
