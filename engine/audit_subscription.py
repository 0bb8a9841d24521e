"""The auditor's look at a subscription: its months in the log, its invoices, what the account may do because of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.audit_snapshot import Snapshot
from engine.credits import LogEntry
from engine.errors import EngineError
from engine.invoices import Invoice, from_json, make, number_of
from engine.subscription import INCOMPLETE, LAPSED, LIVE, Subscription, parse

_LABEL = re.compile(r"s([1-9][0-9]*)\.([0-9]+)")
_MONTHLY = "month "


@dataclass(slots=True)
class Months:
    """What the log comes to as far as months are concerned: the present one, and how often each was granted.

    ``at`` is (number of the subscription, month); ``broken`` names the first entry that does not follow.
    """

    at: tuple[int, int] = (0, 0)
    granted: Counter[str] = field(default_factory=Counter)
    broken: str = ""

    def take(self, entry: LogEntry) -> None:
        """Carry out one entry."""
        match = _LABEL.fullmatch(entry.at)
        if match is None or self.broken:
            return
        at = (int(match[1]), int(match[2]))
        number, month = self.at
        if entry.kind == "adopt":  # taken over as it stood somewhere else
            number, month = self.at = at
        following = {(number, month), (number, month + 1) if entry.kind == "renew" else self.at, (number + 1, 0)}
        if at not in following:
            self.broken = f"log entry {entry.seq} ({entry.kind}) is of month {entry.at}, after s{number}.{month}"
        self.at = at
        if entry.kind == "grant" and entry.note.startswith(_MONTHLY):
            self.granted[entry.at] += 1


def check_subscription(snapshot: Snapshot, months: Months) -> Iterator[str]:
    """One line for whatever of the subscription is not as the log and its own terms say."""
    if months.broken:
        yield months.broken
    twice = [label for label, n in months.granted.items() if n > 1]
    if twice:
        yield f"month {twice[0]} was granted {months.granted[twice[0]]} times"
    if not snapshot.subscription:
        if snapshot.invoices:
            yield f"{len(snapshot.invoices)} invoices without a subscription"
        return
    try:
        sub = parse(snapshot.subscription)
        invoices = {number: from_json(text) for number, text in snapshot.invoices.items()}
    except (KeyError, TypeError, ValueError, EngineError) as error:
        yield f"the subscription cannot be read: {type(error).__name__} {error}"
        return
    if sub.state != INCOMPLETE and months.at != (sub.number, sub.month):
        yield f"the subscription is in month {sub.label}, the log in s{months.at[0]}.{months.at[1]}"
    yield from _invoices(sub, invoices)
    yield from _limits(sub, snapshot.account)


def _invoices(sub: Subscription, invoices: Mapping[str, Invoice]) -> Iterator[str]:
    expected = {number_of(sub.account, n) for n in range(1, sub.invoices + 1)}
    if expected != set(invoices):
        yield f"{sub.invoices} invoices were issued, {len(invoices)} are kept, or their numbers have a gap"
    for number, it in sorted(invoices.items()):
        again, _ = make(
            number,
            it.account,
            it.lines,
            balance_minor=it.balance_used_minor,
            tax_percent=it.tax_rate,
            currency=it.currency,
            issued_at_ms=it.issued_at_ms,
            due_at_ms=it.due_at_ms,
            buyer=it.buyer,
            seller=it.seller,
            provider=it.provider,
        )
        amounts = ("subtotal_minor", "tax_minor", "total_minor", "balance_used_minor", "due_minor")
        if any(getattr(it, name) != getattr(again, name) for name in amounts):
            yield f"invoice {number}: its amounts do not follow from its lines"
    unpaid = {one.number for one in sub.unpaid}
    settled = sorted(number for number in unpaid if number not in invoices or invoices[number].state != "open")
    if settled:
        yield f"invoice {settled[0]} is not open, and the subscription waits for it"


def _limits(sub: Subscription, account: Mapping[str, str]) -> Iterator[str]:
    """What the scripts go by is what the subscription's terms say."""
    if sub.state not in LIVE:
        if account.get("can_send") == "1" and account.get("plan") == sub.plan.slug and not sub.plan.can_send:
            yield f"the subscription is {sub.state}, and the account may send"
        return
    plan = sub.plan
    expected = {
        "plan": plan.slug,
        "can_send": str(int(plan.can_send and sub.state != LAPSED)),
        "sends_until_ms": str(sub.sends_until_ms),
        "month": sub.label,
        "credits_a_month": str(plan.credits_a_month),
        "simultaneous_contacts": str(plan.simultaneous_contacts),
        "recipients_per_campaign": str(plan.recipients_per_campaign),
        "profiles_per_search": str(plan.profiles_per_search),
        "refund_when": plan.refund_when,
        "refund_after_ms": str(plan.refund_after_ms),
    }
    for name, value in expected.items():
        if account.get(name, "0") != value:
            yield f"the account's {name} is {account.get(name)}, its subscription says {value}"
