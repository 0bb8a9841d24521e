"""A simulation: one account's days to come, on the engine itself, in a store of its own with a clock of its own."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from cli import simulation_start
from cli.simulated_days import Event, Row, events_of, summed
from cli.simulation_start import Present, Sent
from engine import answers, credits, payments, refunds, subscriptions
from engine.accounts import get_account
from engine.audit import audit
from engine.errors import Refused
from engine.invoices import get_invoice
from engine.offer import Offer
from engine.outlook import DAY_MS
from engine.plans import Plan
from engine.subscription import INCOMPLETE, LIVE, read

ACCOUNT = "simulated"
_ANSWER_DAYS_MAX = 5
_CAMPAIGNS = 100
"""A day's InMails are a campaign of their own, unless there were more than so many: then one is of several days'."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be simulated. Days count from 0, the day it begins.

    ``plan`` None: as ``present`` stands. ``a_day`` InMails go out a day, of which ``answered_percent`` are answered.
    ``changes``: by day, plan and whether annual (None: the cycle stays). ``fail_day``: the first invoice from then on
    fails, and is paid ``pay_late_days`` later, or never. Else invoices are paid at once, those open at the beginning as
    well, or so many days after they were due.
    """

    offer: Offer
    days: int
    start_ms: int
    plan: Plan | None = None
    annual: bool = False
    a_day: Fraction = Fraction(0)
    answered_percent: int = 30
    changes: Mapping[int, tuple[Plan, bool | None]] = field(default_factory=dict)
    cancel_day: int | None = None
    fail_day: int | None = None
    pay_late_days: int | None = None
    present: Present | None = None

    @property
    def send_every_days(self) -> int:
        """How many days' InMails go out together."""
        return max(1, -(-self.days // _CAMPAIGNS))


class Simulation:
    """Runs a scenario; ``rows`` once. ``drift`` is then what the auditor has against the account: nothing."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.store = scenario, simulation_start.new_store(scenario.start_ms)
        self.account = scenario.present.owner.id if scenario.present else ACCOUNT
        self.drift: list[str] = []
        self._answers: defaultdict[int, list[Sent]] = defaultdict(list)
        self._due: list[tuple[int, str]] = []
        self._payments: list[tuple[int, str]] = []
        self._invoices_seen: set[str] = set()
        self._failed = False
        self._sent = self._people = self._seq = 0

    def rows(self) -> Iterator[Row]:
        """A row for each day, the first one's included. Raises what the engine refuses to begin with."""
        refused = self._begin()
        events = [*self._logged(), *refused]
        for day in range(self.scenario.days):
            self._pass_until(self.scenario.start_ms + day * DAY_MS)
            events += self._logged()
            refused = self._decide(day)
            events += [*self._logged(), *refused] if refused else []
            self._fall_due()
            self._answer(day)
            self._send(day)
            events += self._logged()
            yield self._row(summed(events))
            events = []
        self.drift = audit(self.store, self.account).drift

    def _logged(self) -> list[Event]:
        """What the log tells since it was last looked at."""
        entries = list(credits.log(self.store, self.account, after_seq=self._seq))
        self._seq = entries[-1].seq if entries else self._seq
        return events_of(entries)

    def _row(self, events: Sequence[Event]) -> Row:
        sub = read(self.store, self.account)
        day = datetime.fromtimestamp(self.store.now_ms() / 1000, UTC).date()
        live = sub if sub and sub.state in (*LIVE, INCOMPLETE) else None
        plan = live.plan if live else self.scenario.offer.basic
        state = live.state if live else "ended" if sub else "none"
        wallet = credits.wallet(self.store, self.account)
        return Row(day, wallet, plan.slug, plan.balance_cap, state, tuple(events), plan.name)

    def _begin(self) -> list[Event]:
        it = self.scenario
        if it.present is None:
            plan = it.plan or it.offer.basic
            simulation_start.open_new(self.store, it.offer, self.account, plan, annual=it.annual)
            return []
        self._note_sent(simulation_start.open_as(self.store, it.offer, it.present), 0)
        self._seq = credits.last_seq(self.store, self.account)
        self._pass_until(it.start_ms)
        if it.plan is None:
            return []
        if not it.present.subscribed:
            subscriptions.subscribe(self.store, it.offer, self.account, it.plan, annual=it.annual)
            return []
        return self._try_change(it.plan, it.annual or None)

    def _try_change(self, plan: Plan, annual: bool | None) -> list[Event]:
        sub = read(self.store, self.account)
        try:
            if sub is None or sub.state not in LIVE:
                subscriptions.subscribe(self.store, self.scenario.offer, self.account, plan, annual=bool(annual))
            else:
                subscriptions.change(self.store, self.scenario.offer, self.account, plan, annual=annual)
        except Refused as error:
            return [Event("refused", note=str(error))]
        return []

    def _pass_until(self, at_ms: int) -> None:
        """Let the subscription go on and invoices be paid, each at its own time."""
        while True:
            self._look_at_invoices()
            sub = read(self.store, self.account)
            times = [sub.next_at_ms] if sub and sub.next_at_ms else []
            soonest = min(times + [when for when, _ in self._payments[:1]], default=at_ms + 1)
            if soonest > at_ms:
                self.store.at_ms = at_ms
                return
            self.store.at_ms = max(self.store.now_ms(), soonest)
            subscriptions.advance(self.store, self.scenario.offer, self.account)
            while self._payments and self._payments[0][0] <= self.store.now_ms():
                self._pay(heapq.heappop(self._payments)[1])

    def _look_at_invoices(self) -> None:
        """Decide when what was issued since is paid, or that it fails."""
        it, sub, now_ms = self.scenario, read(self.store, self.account), self.store.now_ms()
        for one in sub.unpaid if sub else ():
            if one.number in self._invoices_seen:
                continue
            self._invoices_seen.add(one.number)
            late_ms = None if it.pay_late_days is None else it.pay_late_days * DAY_MS
            if it.fail_day is not None and not self._failed and now_ms >= it.start_ms + it.fail_day * DAY_MS:
                self._failed = True
                payments.record_failed(self.store, it.offer, self.account, one.number, reason="simulated")
                when_ms = None if late_ms is None else now_ms + late_ms
            else:
                when_ms = now_ms if late_ms is None or it.fail_day is not None else one.due_at_ms + late_ms
            if when_ms is not None:
                heapq.heappush(self._payments, (when_ms, one.number))

    def _pay(self, number: str) -> None:
        if get_invoice(self.store, self.account, number).state == "open":
            payments.record_paid(self.store, self.scenario.offer, self.account, number)

    def _decide(self, day: int) -> list[Event]:
        """What its owner does on that day; returns why not, where it is refused."""
        refused: list[Event] = []
        if day in self.scenario.changes:
            refused += self._try_change(*self.scenario.changes[day])
        if day == self.scenario.cancel_day:
            try:
                subscriptions.cancel(self.store, self.scenario.offer, self.account)
            except Refused as error:
                refused.append(Event("refused", note=str(error)))
        if day in self.scenario.changes or day == self.scenario.cancel_day:
            self._pass_until(self.store.now_ms())
        return refused

    def _fall_due(self) -> None:
        while self._due and self._due[0][0] <= self.store.now_ms():
            _, campaign = heapq.heappop(self._due)
            for packs in list(refunds.overdue(self.store, campaign)):
                for pack in packs:
                    refunds.refund(self.store, campaign, pack)

    def _answer(self, day: int) -> None:
        for one in self._answers.pop(day, ()):
            answers.answer(self.store, one.inmail, address=one.address, kind="accept")

    def _send(self, day: int) -> None:
        """Send what waits still and, where nothing does, the day's own."""
        every = self.scenario.send_every_days
        waiting = self.store.client.zcard(self.store.keys.sending(self.account))
        wanted = int(self.scenario.a_day * (day + every)) - int(self.scenario.a_day * day) if day % every == 0 else 0
        if not wanted and not (waiting and credits.wallet(self.store, self.account).available):
            return
        if not get_account(self.store, self.account).may_send(self.store.now_ms()):
            return
        people = [] if waiting else [f"p{self._people + n}@example.org" for n in range(wanted)]
        self._people += len(people)
        self._note_sent(simulation_start.send(self.store, self.account, people), day)
        if day in self._answers:  # the window is shorter than a day
            self._answer(day)

    def _note_sent(self, sent: Sequence[Sent], day: int) -> None:
        """Note when each falls due, and which are answered and when: spread evenly, the same ones every time."""
        percent = self.scenario.answered_percent
        for one in sent:
            self._sent += 1
            if self._sent * percent // 100 > (self._sent - 1) * percent // 100:
                window_days = max(0, (one.due_ms - self.store.now_ms() - 1) // DAY_MS)
                later = min(window_days, 1 + self._sent % _ANSWER_DAYS_MAX)
                self._answers[day + later].append(one)
        for due in {(one.due_ms, one.inmail.rpartition(".")[0]) for one in sent}:
            heapq.heappush(self._due, due)
