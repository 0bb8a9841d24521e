"""An account's subscription reckoned a second time, in plain Python and from the rules R1-R12 alone.

The engine is not looked at, not even for its names: where the two come to different totals, one of them is wrong, or
the rules can be read in two ways. Payment by invoice only (no charging provider). Where the rules leave room, this
is how they are read here; the letters stand at the lines concerned:

A1  A month that waited (past_due, lapsed) is capped by the balance at its calendar start, like one processed late.
A2  A payment that makes it active again begins the waiting months in the same call, so their invoices are issued then.
A3  Missed periods are billed in full, one invoice each, also those that passed while lapsed.
A4  A pending change to annual taking effect at month k bills at k, k + 12, ...: R1's "0, 12, 24" counts from there.
A5  Cancelled, then past_due or lapsed: it still ends at ends_at, if the grace or the 30 days have not ended it before.
A6  Ended while past_due or lapsed: every open invoice is uncollectible. Ended while active: open ones stay open and can
    be paid; like those they keep the account from its next subscription (A20).
A7  At the end the credits available at its time expire, whenever it is processed; what comes after it stays available.
A8  A cancel leaves a pending change standing, and taking the cancel back restores it; at ends_at the end comes first.
A9  Several unpaid invoices: grace counts from the first that made it past_due, and is not moved by the others. It is
    active again when none is left that is failed or has reached its due time.
A10 What is paid for an uncollectible invoice goes to the balance as far as nothing was given for it: the days of its
    period after the last month that began, of all its days. Otherwise a payment or failure reported for an
    invoice that is not open changes nothing.
A11 Balance used by an invoice that becomes uncollectible is not given back; what is due on it is set off against what
    is left of the balance.
A12 sends_until: ends_at of a cancelled one, grace_until of a past_due one, the earlier of both; an overdue invoice that
    nobody has processed yet does not stop sending.
A13 Two things due at the same millisecond: the end first, then invoices' due times, then the month. What moved at the
    very millisecond a month begins counts as before it.
A14 next_at: active: the earliest of month's end and open invoices' due times; past_due: grace_until; lapsed: 30 days on
    (or ends_at, if earlier); ended: 0. An ended subscription keeps its last month label.
A15 Terms are frozen when ordered (pending ones too). "Same plan" in R8 is the slug; R9 names the version as well.
A16 A change without a cycle keeps the current one. A cancel of what is cancelled already changes nothing, also where
    it has ended since; one of what ended otherwise is refused. Subscribing while cancelled to another plan or cycle is
    refused (use_change).
A17 Both lines of an upgrade stand on its invoice, also those of 0; the balance of another currency is not considered.
A18 A month, end or change nobody has processed yet leaves everything as it was (plan, contacts, credits), but for A12.
A20 Who owes an invoice of a subscription that has ended begins no new one (refused unpaid) before it is paid.
A21 An upgrade that would give money back is refused while an invoice is open (refused unpaid).
A19 Subscribing to basic, paying an invoice that does not exist or another amount than is due: not asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.proofs.year_terms import DAY_MS, PLANS, Books, Plan, Wallet, days_and_left, fee, half_up, month_start_ms

Event = tuple[Any, ...]
LIVE = ("active", "past_due", "lapsed")


@dataclass
class Reckoning:
    """One account. ``apply`` takes events in order of time; ``totals`` tells what they came to.

    Events: ("subscribe", slug, annual), ("change", slug, annual or None), ("cancel",), ("pay", n), ("pay_failed", n)
    with n = 1 for the account's first invoice, ("send", n), ("settle", answered, unanswered), ("manual_grant", n),
    ("process",).
    """

    account: str = "acme"
    zone: str = "UTC"
    plans: Mapping[str, Plan] = field(default_factory=lambda: PLANS)
    tax_percent: str = "0"
    payment_due_ms: int = 14 * DAY_MS
    grace_ms: int = 7 * DAY_MS
    lapse_keeps_ms: int = 30 * DAY_MS

    state: str = "none"
    ended_reason: str = ""
    number: int = 0
    month: int = 0
    anchor_ms: int = 0
    plan: Plan = field(default_factory=dict)
    annual: bool = False
    period: tuple[int, int] = (0, 0)  # the billing period: its first month, and the next period's first
    pending: tuple[Plan, bool] | None = None
    ends_at_ms: int = 0
    grace_until_ms: int = 0
    lapsed_at_ms: int = 0
    wallet: Wallet = field(default_factory=Wallet)
    books: Books = field(default_factory=Books)
    now_ms: int = 0
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)  # an invoice's number: what it is for, from and to

    def apply(self, at_ms: int, event: Event) -> int | str:
        """One event. Returns the credits sent for a send; else "done", "nothing" or "refused", with a code if any."""
        assert at_ms >= self.now_ms, "events come in order of time"
        self.now_ms = at_ms
        kind, *rest = event
        if kind in ("send", "settle", "manual_grant"):
            return getattr(self, f"_{kind}")(*rest)
        self._process()
        if kind == "process":
            return "done"
        answer = getattr(self, f"_{kind}")(*rest)
        self._process()  # A2; after any other call nothing is due
        return answer

    @property
    def next_at_ms(self) -> int:
        return min((when for when, _, _ in self._coming()), default=0)

    @property
    def sends_until_ms(self) -> int:
        """When sending stops by itself; 0 = no end known (A12)."""
        return min((at for at in (self.ends_at_ms, self.grace_until_ms) if at), default=0)

    @property
    def label(self) -> str:
        return f"s{self.number}.{self.month}" if self.number else ""

    def totals(self) -> dict[str, Any]:
        """Everything to compare with the engine's own, in plain values."""
        columns = ("granted", "expired", "available", "held", "spent")
        names = ("state", "ended_reason", "annual", "label", "next_at_ms", "sends_until_ms")
        return (
            {column: getattr(self.wallet, column) for column in columns}
            | {name: getattr(self, name) for name in names}
            | {"plan": self.plan.get("slug", ""), "balance_minor": self.books.balance_minor}
            | {"invoices": [dict(vars(bill), number=f"{self.account}-{bill.n:04d}") for bill in self.books.invoices]}
        )

    # What happens by itself

    def _process(self) -> None:
        while coming := self._coming():
            when_ms, _, what = min(coming, key=lambda due: due[:2])
            if when_ms > self.now_ms:
                return
            what(when_ms)

    def _coming(self) -> list[tuple[int, int, Callable[[int], None]]]:
        """What is to come next, each with its time and its place among things of the same time (A13)."""
        if self.state not in LIVE:
            return []
        coming: list[tuple[int, int, Callable[[int], None]]] = []
        if self.ends_at_ms:
            coming.append((self.ends_at_ms, 0, lambda when: self._end("cancelled", when)))  # A5
        if self.state == "active":
            coming += [(bill.due_at_ms, 1, self._become_past_due) for bill in self.books.open()]
            coming.append((self._start_of(self.month + 1), 2, self._begin_month))
        elif self.state == "past_due":
            coming.append((self.grace_until_ms, 1, self._lapse))
        else:
            coming.append((self.lapsed_at_ms + self.lapse_keeps_ms, 1, lambda when: self._end("unpaid", when)))
        return coming

    def _begin_month(self, when_ms: int) -> None:
        self.month += 1
        if self.month == self.period[1]:
            if self.pending:
                (self.plan, self.annual), self.pending = self.pending, None
            self._bill_period()
        self.wallet.grant_month(when_ms, self.now_ms, self.plan)  # A1

    def _bill_period(self) -> None:
        self.period = (self.month, self.month + (12 if self.annual else 1))  # A4
        if fee(self.plan, self.annual):
            self._invoice(self._start_of(self.month), (self.plan["slug"], fee(self.plan, self.annual)))

    def _become_past_due(self, when_ms: int) -> None:
        self.state, self.grace_until_ms = "past_due", when_ms + self.grace_ms

    def _lapse(self, when_ms: int) -> None:
        self.state, self.lapsed_at_ms = "lapsed", when_ms

    def _end(self, reason: str, when_ms: int) -> None:
        for bill in self.books.open():
            bill.counts = False
            if self.state != "active":
                bill.state = "uncollectible"  # A6
                self.books.balance_minor = max(0, self.books.balance_minor - bill.due_minor)  # A11
        self.state, self.ended_reason, self.pending = "ended", reason, None
        self.ends_at_ms = self.grace_until_ms = self.lapsed_at_ms = 0
        if self.plan.get("credits_after_end", "expire") == "expire":
            n = min(self.wallet.available, self.wallet.balance_at(when_ms))  # A7
            self.wallet.move(self.now_ms, available=-n, expired=n)

    # Calls

    def _subscribe(self, slug: str, annual: bool) -> str:
        if self.state in ("past_due", "lapsed"):
            return "refused unpaid"
        if self.state == "active":
            if (slug, annual) != (self.plan["slug"], self.annual):
                return "refused use_change"
            was, self.ends_at_ms = self.ends_at_ms, 0
            return "done" if was else "nothing"
        if any(
            bill.state == "uncollectible" or (bill.state == "open" and not bill.counts) for bill in self.books.invoices
        ):
            return "refused unpaid"  # A20
        self._begin(self.plans[slug], annual)
        self._bill_period()
        self.wallet.grant_month(self.now_ms, self.now_ms, self.plan)
        return "done"

    def _begin(self, plan: Plan, annual: bool) -> None:
        """A subscription with a new anchor; what is billed and granted for its month 0 is the caller's affair."""
        self.state, self.ended_reason, self.pending = "active", "", None
        self.number, self.month, self.anchor_ms = self.number + 1, 0, self.now_ms
        self.plan, self.annual, self.period = plan, annual, (0, 12 if annual else 1)

    def _change(self, slug: str, annual: bool | None) -> str:
        if self.state != "active" or self.ends_at_ms:
            return "refused"
        if slug == "basic":
            return "refused"
        wanted = self.annual if annual is None else annual
        plan = self.plans[slug]
        if plan["currency"] != self.plan["currency"]:
            return "refused currency"
        if self._same_terms(plan, wanted, self.plan, self.annual):
            was, self.pending = self.pending, None
            return "done" if was else "nothing"
        dearer = plan["fee_monthly"] - self.plan["fee_monthly"]
        if dearer > 0 or (dearer == 0 and wanted and not self.annual):
            return self._upgrade(plan, wanted)
        again = self.pending and self._same_terms(plan, wanted, *self.pending)
        self.pending = (plan, wanted)
        return "nothing" if again else "done"

    @staticmethod
    def _same_terms(plan: Plan, annual: bool, other: Plan, other_annual: bool) -> bool:
        return all(plan.get(name) == other.get(name) for name in ("slug", "version")) and annual == other_annual

    def _upgrade(self, plan: Plan, annual: bool) -> str:
        old, before, after = self.plan, self.plan["credits_a_month"], plan["credits_a_month"]
        begins_ms, ends_ms = map(self._start_of, self.period)
        days, left = days_and_left(begins_ms, ends_ms, self.now_ms)
        mdays, mleft = days_and_left(self._start_of(self.month), self._start_of(self.month + 1), self.now_ms)
        back = (old["slug"], -half_up(fee(old, self.annual) * left, days))
        same_cycle = annual == self.annual
        price = half_up(fee(plan, annual) * left, days) if same_cycle else fee(plan, annual)
        n = half_up((after - before) * mleft, mdays) if same_cycle else after - half_up(before * mleft, mdays)
        if price + back[1] < 0 and self.books.open():
            return "refused unpaid"  # A21
        if same_cycle:
            self.plan, self.pending = plan, None
        else:
            self._begin(plan, annual)
        self._invoice(self.now_ms, (plan["slug"], price), back)
        if n > 0:
            self.wallet.grant(self.now_ms, n, plan, self.wallet.available)
        return "done"

    def _cancel(self) -> str:
        if self.state in ("past_due", "lapsed"):
            self._end("cancelled", self.now_ms)
            return "done"
        if (self.state, self.ended_reason) == ("ended", "cancelled"):
            return "nothing"  # A16
        if self.state != "active":
            return "refused"
        if self.ends_at_ms:
            return "nothing"
        self.ends_at_ms = self._start_of(self.period[1])  # A8
        return "done"

    # Invoices and payments

    def _invoice(self, from_ms: int, *lines: tuple[str, int]) -> None:
        self.spans[len(self.books.invoices) + 1] = (from_ms, self._start_of(self.period[1]))
        self.books.issue(lines, self.tax_percent, self.now_ms, self.now_ms + self.payment_due_ms)

    def _pay(self, n: int) -> str:
        bill = self.books.invoices[n - 1]
        if bill.state == "uncollectible":  # A10
            bill.state, bill.paid_at_ms = "paid", self.now_ms
            days, left = days_and_left(*self.spans[n], self._start_of(self.month + 1))
            self.books.balance_minor += half_up(bill.due_minor * left, days) if left > 0 else 0
            return "done"
        if bill.state != "open":
            return "nothing"
        bill.state, bill.paid_at_ms = "paid", self.now_ms
        unsettled = [other for other in self.books.open() if other.failed or other.due_at_ms <= self.now_ms]
        if self.state in ("past_due", "lapsed") and not unsettled:
            self.state, self.grace_until_ms, self.lapsed_at_ms = "active", 0, 0
        return "done"

    def _pay_failed(self, n: int) -> str:
        bill = self.books.invoices[n - 1]
        if bill.state != "open" or bill.failed:
            return "nothing"
        bill.failed = True
        if self.state == "active" and bill.counts:
            self._become_past_due(self.now_ms)
        return "done"

    # Credits

    def _send(self, n: int) -> int:
        until, limit = self.sends_until_ms, self.plan.get("simultaneous_contacts", 0)
        if self.state not in ("active", "past_due") or (until and self.now_ms >= until):
            return 0
        room = max(limit - self.wallet.held, 0) if limit else n
        sent = min(n, self.wallet.available, room)
        self.wallet.move(self.now_ms, available=-sent, held=sent)
        return sent

    def _settle(self, answered: int, unanswered: int) -> str:
        self.wallet.move(self.now_ms, held=-answered - unanswered, spent=answered, available=unanswered)
        return "done"

    def _manual_grant(self, n: int) -> str:
        self.wallet.move(self.now_ms, granted=n, available=n)
        return "done"

    def _start_of(self, month: int) -> int:
        return month_start_ms(self.anchor_ms, self.zone, month)
