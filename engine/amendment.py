"""One transition of a subscription while it is worked out: from what stands to what shall stand, step by step.

Nothing is written before ``commit``, and then all of it in one script that holds only while the revision stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from engine import invoices
from engine.credits import GRANTED_CREDITS_MAX
from engine.errors import Corrupt, Refused
from engine.invoices import Invoice, Line
from engine.offer import Offer
from engine.periods import months_of, period_at
from engine.plans import Plan
from engine.store import Store
from engine.subscription import ACTIVE, ENDED, INCOMPLETE, LAPSED, LIVE, Subscription, Unpaid

NOW: Final = -1
"""In place of the balance when a month began: the balance as it is."""

FIRST_PAYMENT_WAITS_MS: Final = 86_400_000
"""An order that a charging provider is to be paid for first is dropped when it was not paid within so long."""


@dataclass(slots=True)
class Amendment:
    """What is to become of one account's subscription. ``balance_at`` gives the available credits at a time, ms;
    ``invoice_of`` a stored invoice; ``weight`` is the account's."""

    account: str
    buyer: tuple[str, ...]
    weight: int
    offer: Offer
    now_ms: int
    before: Subscription | None
    balance_at: Callable[[int], int]
    invoice_of: Callable[[str], Invoice]
    sub: Subscription | None = None
    steps: list[tuple[str, str, int, int, int, str]] = field(default_factory=list)
    changed_invoices: dict[str, Invoice] = field(default_factory=dict)
    issued: Invoice | None = None
    late_before: tuple[tuple[int, int, int], ...] = ()
    _came_now: int = 0

    def __post_init__(self) -> None:
        self.sub = self.before
        self.late_before = self.before.late if self.before else ()

    @property
    def it(self) -> Subscription:
        """The subscription as it is so far; there is one."""
        assert self.sub is not None
        return self.sub

    @property
    def takes_back(self) -> bool:
        """Whether what was cancelled goes on."""
        was, it = self.before, self.sub
        if was is None or it is None or not was.ends_at_ms:
            return False
        return (it.number, it.state, it.ends_at_ms) == (was.number, ACTIVE, 0)

    def set(self, **changes: Any) -> None:
        """Change fields of the subscription."""
        self.sub = replace(self.it, **changes)

    def note(self, kind: str, text: str, n: int = 0) -> None:
        """One entry of the log that moves no credit."""
        self.steps.append((kind, self.it.label, n, 0, NOW, text))

    def begin(self, plan: Plan, cycle: str, *, state: str, timezone: str) -> None:
        """A new subscription from now on: its anchor, month 0 and first billing period. What is owed stays."""
        first = period_at(self.now_ms, cycle, timezone, 0)
        period_end = period_at(self.now_ms, cycle, timezone, months_of(cycle)).start_ms
        was = self.sub
        self.sub = Subscription(
            account=self.account,
            revision=was.revision if was else 0,
            number=was.number + 1 if was else 1,
            state=state,
            plan=plan,
            cycle=cycle,
            timezone=timezone,
            provider=self.offer.provider,
            anchor_ms=self.now_ms,
            month=0,
            month_start_ms=self.now_ms,
            month_end_ms=first.end_ms,
            period_start_ms=self.now_ms,
            period_end_ms=period_end,
            balance_minor=was.balance_minor if was else 0,
            invoices=was.invoices if was else 0,
            debts=was.debts if was else (),
        )
        if was and was.state in LIVE:
            self.set(unpaid=was.unpaid, attempt=was.attempt, try_at_ms=was.try_at_ms)

    def begin_month(self) -> None:
        """The next month begins: where a billing period ended, a pending change takes effect and the fee is charged."""
        it = self.it
        month, billed = it.month + 1, it.month_end_ms == it.period_end_ms
        if billed and it.next_plan:
            self.set(plan=it.next_plan, cycle=it.next_cycle, next_plan=None, next_cycle="")
        it = self.it
        begins = period_at(it.anchor_ms, it.cycle, it.timezone, month)
        self.set(month=month, month_start_ms=begins.start_ms, month_end_ms=begins.end_ms)
        if billed:
            until = period_at(it.anchor_ms, it.cycle, it.timezone, month + months_of(it.cycle)).start_ms
            self.set(period_start_ms=begins.start_ms, period_end_ms=until)
        self.note("renew", f"{self.it.plan.slug} {self.it.cycle}")
        if billed:
            self.charge_fee()
        self.grant(self.it.plan.credits_a_month, balance=self._balance_then(begins.start_ms))

    def _balance_then(self, start_ms: int) -> int:
        """The balance when a month began, as if every month before it had been processed in time; and what of this
        month is kept, noted for later ones where it is processed so late that one of them has begun already."""
        came_late = sum(kept for began, processed, kept in self.late_before if began < start_ms < processed)
        balance, plan = self.balance_at(start_ms) + came_late, self.it.plan
        n, cap = plan.credits_a_month, plan.balance_cap
        # As the script reckons it: together with what came of earlier months in this same call.
        over = min(n, max(0, balance + self._came_now + n - cap)) if cap else 0
        self._came_now += n - over
        still_late = tuple(one for one in self.it.late if one[1] > start_ms)
        if self.now_ms > self.it.month_end_ms:
            still_late = (*still_late, (start_ms, self.now_ms, n - over))
        self.set(late=still_late)
        return balance

    def charge_fee(self) -> None:
        """Issue the invoice of the present billing period; a plan without a fee has none."""
        it = self.it
        fee = invoices.fee_line(it.plan, it.cycle, it.period_start_ms, it.period_end_ms)
        if fee.amount_minor:
            self.issue((fee,))

    def issue(self, lines: Sequence[Line]) -> None:
        """Issue an invoice; what the account's balance does not cover is unpaid from now on."""
        it, offer = self.it, self.offer
        made, balance = invoices.make(
            invoices.number_of(self.account, it.invoices + 1),
            self.account,
            lines,
            balance_minor=it.balance_minor,
            tax_percent=offer.tax_percent,
            currency=it.plan.currency,
            issued_at_ms=self.now_ms,
            due_at_ms=self.now_ms + (0 if offer.charges else offer.payment_due_ms),
            buyer=self.buyer,
            seller=offer.seller,
            provider=offer.provider,
        )
        self.changed_invoices[made.number] = self.issued = made
        unpaid = (*it.unpaid, Unpaid(made.number, made.due_at_ms)) if made.due_minor else it.unpaid
        asks = made.due_minor > 0 and offer.charges and it.state != INCOMPLETE
        try_at = it.try_at_ms or (self.now_ms if asks else 0)
        self.set(invoices=it.invoices + 1, balance_minor=balance, unpaid=unpaid, try_at_ms=try_at)

    def grant(self, n: int, *, balance: int, note: str = "") -> None:
        """Grant a month's credits, capped from that balance (NOW = as it is)."""
        if n:
            text = note or f"month {self.it.month + 1} of {self.it.plan.name}"
            self.steps.append(("grant", self.it.label, n, self.it.plan.balance_cap, balance, text))

    def give_up_unpaid(self) -> None:
        """Nobody will pay the open invoices any more, as far as the subscription is concerned.

        An order that never began has cost nothing: what the balance paid of it is the account's again. Anything else
        stays a debt, which what is owed to the account is set off against.
        """
        for one in self.it.unpaid:
            given_up = replace(self.invoice(one.number), state="uncollectible")
            self.put_invoice(given_up)
            if self.it.state == INCOMPLETE:
                self.set(balance_minor=self.it.balance_minor + given_up.balance_used_minor)
            else:
                self.set(
                    balance_minor=max(0, self.it.balance_minor - given_up.due_minor),
                    debts=(*self.it.debts, one.number),
                )

    def end(self, reason: str, at_ms: int | None = None) -> None:
        """The subscription ends, or has ended at a time that is past: the account is basic again, and the credits that
        were available then go as the plan says.

        Invoices that held it up are given up; one that is merely not paid yet stays to be paid. Both are debts.
        """
        if self.it.state == ACTIVE:
            self.set(debts=(*self.it.debts, *(one.number for one in self.it.unpaid)))
        else:
            self.give_up_unpaid()
        ordered = self.it.state == INCOMPLETE
        self.set(unpaid=(), try_at_ms=0, attempt=0)
        self.set(state=ENDED, ended_reason=reason, ends_at_ms=0, grace_until_ms=0, next_plan=None, next_cycle="")
        self.note("end", reason)
        if self.it.plan.credits_after_end == "expire" and not ordered:
            then = NOW if at_ms is None else self.balance_at(at_ms) + self._came_now
            self.steps.append(("expire", self.it.label, 0, 0, then, f"the subscription ended: {reason}"))

    def invoice(self, number: str) -> Invoice:
        """An invoice as it is so far."""
        return self.changed_invoices.get(number) or self.invoice_of(number)

    def put_invoice(self, invoice: Invoice) -> None:
        """Keep an invoice that changed."""
        self.changed_invoices[invoice.number] = invoice

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is to be done."""
        return self.sub == self.before and not self.steps and not self.changed_invoices

    def limits(self) -> dict[str, str | int]:
        """The account's fields that follow from its subscription."""
        sub = self.sub
        plan = sub.plan if sub and sub.state in LIVE else self.offer.basic
        return {
            "plan": plan.slug,
            "cycle": sub.cycle if sub else "monthly",
            "can_send": int(plan.can_send and (sub is None or sub.state != LAPSED)),
            "sends_until_ms": sub.sends_until_ms if sub else 0,
            "month": sub.label if sub else "",
            "credits_a_month": plan.credits_a_month,
            "profiles_per_search": plan.profiles_per_search,
            "simultaneous_contacts": plan.simultaneous_contacts,
            "recipients_per_campaign": plan.recipients_per_campaign,
            "refund_when": plan.refund_when,
            "refund_after_ms": plan.refund_after_ms,
            **self._weight(),
        }

    def _weight(self) -> dict[str, int]:
        """A new plan's weight, unless an operator gave the account one of its own."""
        was = self.before.plan.weight if self.before else None
        return {"weight": self.it.plan.weight} if self.sub and self.weight == was else {}

    def parts(self, fields: Mapping[str, str | int] = MappingProxyType({})) -> list[str | int]:
        """What the scripts take: account, subscription, invoices, each after its number of pairs, and the steps;
        ``fields`` of the account go over those that follow from its subscription."""
        account = [part for pair in {**self.limits(), **fields}.items() for part in pair]
        subscription = self.sub.pairs() if self.sub else []
        kept = [part for one in self.changed_invoices.values() for part in (one.number, invoices.to_json(one))]
        words: list[str | int] = [word for step in self.steps for word in step]
        parts = (account, subscription, kept)
        return [*(word for part in parts for word in (len(part) // 2, *part)), *words]

    def commit(self, store: Store, operation: str) -> bool:
        """Write all of it; False where somebody changed the subscription meanwhile, and nothing was written.

        Errors: Refused where the account would hold too many credits; Corrupt where it is gone.
        """
        granted = sum(n for kind, _, n, *_ in self.steps if kind == "grant")
        revision = self.before.revision if self.before else 0
        head = (operation, revision, GRANTED_CREDITS_MAX, granted)
        reply = store.run("amend", store.keys.of_subscription(self.account), *head, *self.parts())
        if reply[0] == "too_much":
            raise Refused(f"account {self.account!r} would hold more than 2^52 credits", code="too_much")
        if reply[0] == "unknown":
            raise Corrupt(f"account {self.account!r} went away while its subscription was changed")
        if reply[0] == "ok":
            self.set(revision=int(reply[1]))
        return bool(reply[0] == "ok")
