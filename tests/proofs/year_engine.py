"""The engine through the year of tests/proofs/year_script.py: its accounts, its clock, one event after the other.

Everything goes the way it goes in earnest: the scheduler's own round carries subscriptions on, InMails are released,
claimed, delivered, settled, answered and refunded. What it comes to is told in the words of the reckoning.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from engine import credits, opening, payments, refunds, releasing, sending, subscriptions
from engine.accounts import get_account
from engine.errors import Refused
from engine.identity import digest
from engine.invoices import list_invoices, number_of
from engine.mailbox_entries import deliver
from engine.offer import Offer
from engine.plans import Plan
from engine.store import Store
from engine.subscription import read
from tests.factories import a_campaign
from tests.proofs.year_reckoning import Event, Reckoning
from tests.proofs.year_script import account_of, script, zone_of
from tests.proofs.year_terms import PLANS
from workers.renewing import Renewer

BASIC = Plan("basic", "Basic", can_send=False)
CATALOGUE = {"basic": BASIC} | {slug: Plan(name=slug, **terms) for slug, terms in PLANS.items()}
_LEASE_MS = 30_000
_RECIPIENTS, _PACK = 250, 125


@dataclass
class Sent:
    """One send of the script: which InMails went out, and how many of them were answered."""

    inmails: list[tuple[str, int, str]]
    answered: int = 0


@dataclass
class Year:
    """So many accounts of one seed on one store, all at their own dates of one simulated time."""

    store: Store
    seed: int
    indexes: range
    start_ms: int
    tax_percent: Any = 0
    offer: Offer = field(init=False)
    renewer: Renewer = field(init=False)
    reckonings: dict[str, Reckoning] = field(default_factory=dict)
    next_at_ms: dict[str, int] = field(default_factory=dict)
    campaigns: dict[str, list[str]] = field(default_factory=dict)
    sends: dict[str, Sent] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        self.offer = Offer(CATALOGUE, tax_percent=self.tax_percent)
        self.renewer = Renewer(self.store, self.offer, lambda *_: None)

    def run(self) -> None:
        """Live through all of it, the reckoning beside the engine."""
        renewed_ms = 0
        for at_ms, index, event in self._timeline():
            self.store.at_ms = at_ms
            self.events += 1
            account = account_of(index)
            if account not in self.reckonings:
                self._open(account, index)
            if event[0] == "process":  # everybody's at one moment, those whose own year is over included
                if renewed_ms != at_ms:
                    renewed_ms = at_ms
                    self._process()
                continue
            expected = self.reckonings[account].apply(at_ms, event)
            self.next_at_ms[account] = self.reckonings[account].next_at_ms
            found = getattr(self, f"_{event[0]}")(account, *event[1:])
            if found is not None and not _alike(found, expected):
                self.differences.append(f"{account} {event} at {at_ms}: reckoned {expected}, the engine says {found}")

    def _process(self) -> None:
        while self.renewer.turn(lambda *_, **__: nullcontext()):
            pass
        now = self.store.at_ms or 0
        for account, reckoning in self.reckonings.items():
            if 0 < self.next_at_ms[account] <= now:  # else nothing is due, and there is nothing to reckon
                reckoning.apply(now, ("process",))
                self.next_at_ms[account] = reckoning.next_at_ms

    def _timeline(self) -> Iterator[tuple[int, int, Event]]:
        def dated(index: int) -> Iterator[tuple[int, int, Event]]:
            return ((at_ms, index, event) for at_ms, event in script(self.seed, index, self.start_ms))

        return heapq.merge(*(dated(index) for index in self.indexes), key=lambda each: each[:2])

    def compare(self) -> list[str]:
        """Every total the engine comes to against the reckoning's; empty where all are the same."""
        for account, reckoning in self.reckonings.items():
            expected, found = reckoning.totals(), totals(self.store, account)
            for name, value in found.items():
                if expected[name] != value:
                    self.differences.append(f"{account} {name}: reckoned {expected[name]}, the engine says {value}")
        return self.differences

    # Events

    def _open(self, account: str, index: int) -> None:
        self.reckonings[account] = Reckoning(account, zone_of(self.seed, index), tax_percent=str(self.tax_percent))
        opening.open_account(self.store, account, email=f"{account}@example.org", name=account, plan=BASIC)

    def _terms(self, account: str) -> Offer:
        return replace(self.offer, timezone=self.reckonings[account].zone)

    def _asked(self, account: str, call: Callable[[], subscriptions.Outcome]) -> str:
        """What a call is answered. Every other one finds what is due done already; of the others what was due and what
        was asked for are one step, of which nobody can say whether the call alone changed anything."""
        first = self.events % 2 == 0
        if first:
            subscriptions.advance(self.store, self._terms(account), account)
        try:
            changed = call().changed
        except Refused as refused:
            named = ("unpaid", "use_change", "currency")
            return f"refused {refused.code}" if refused.code in named else "refused"
        return "done" if changed else "nothing"

    def _subscribe(self, account: str, slug: str, annual: bool) -> str:
        offer, plan = self._terms(account), CATALOGUE[slug]
        return self._asked(account, lambda: subscriptions.subscribe(self.store, offer, account, plan, annual=annual))

    def _change(self, account: str, slug: str, annual: bool | None) -> str:
        offer, plan = self._terms(account), CATALOGUE[slug]
        return self._asked(account, lambda: subscriptions.change(self.store, offer, account, plan, annual=annual))

    def _cancel(self, account: str) -> str:
        return self._asked(account, lambda: subscriptions.cancel(self.store, self._terms(account), account))

    def _pay(self, account: str, n: int) -> str:
        return self._asked(
            account, lambda: payments.record_paid(self.store, self._terms(account), account, number_of(account, n))
        )

    def _pay_failed(self, account: str, n: int) -> str:
        number = number_of(account, n)
        return self._asked(
            account,
            lambda: payments.record_failed(self.store, self._terms(account), account, number, reason="declined"),
        )

    def _manual_grant(self, account: str, n: int) -> None:
        credits.grant(self.store, account, n, reason="present")

    def _send(self, account: str, n: int) -> int:
        """Send up to so many InMails of the account's campaign, as far as it may; returns how many went out."""
        gone: list[tuple[str, int, str]] = []
        self.sends[account] = Sent(gone)
        if not get_account(self.store, account).may_send(self.store.now_ms()):
            return 0
        for campaign in self._to_send(account, n):
            while len(gone) < n and (went := self._send_some(campaign, n - len(gone))):
                gone += went
        return len(gone)

    def _send_some(self, campaign: str, most: int) -> list[tuple[str, int, str]]:
        """Send up to so many of what the scheduler would release of a campaign now."""
        gone: list[tuple[str, int, str]] = []
        for pack in releasing.release(self.store, campaign, releasing.Terms(_LEASE_MS, _RECIPIENTS)).packs:
            token, left = f"{self.store.at_ms}.{most}.{pack}", most - len(gone)
            if left == 0:
                break
            held = sending.claim(self.store, campaign, pack, token=token, lease_ms=_LEASE_MS, most=left)
            if held is not None and held.positions:
                deliver(self.store, campaign, pack, held.people)
                sending.settle(self.store, held, held.positions)
                places = [held.first + i for i in held.positions]
                gone += [(campaign, place, _address(campaign, place)) for place in places]
        return gone

    def _to_send(self, account: str, n: int) -> Iterator[str]:
        """Campaigns with something queued, the oldest first; a new one where they do not come to n."""
        mine = self.campaigns.setdefault(account, [])
        left = 0
        for campaign in mine[-2:]:
            left += int(self.store.client.hget(self.store.keys.campaign(campaign), "queued"))
            yield campaign
        if left < n:
            number = len(mine) + 1
            to = [_address(f"{account}.{number}", place) for place in range(_RECIPIENTS)]
            mine.append(a_campaign(self.store, account, to=to, pack_size=_PACK, body="Hello", subject="Hello"))
            yield mine[-1]

    def _settle(self, account: str, answered: int, unanswered: int) -> None:
        sent = self.sends[account]
        # What engine/answers.py does for each, all of one event in one round trip.
        keys, calls = self.store.keys, []
        for campaign, place, address in sent.inmails[sent.answered : sent.answered + answered]:
            calls.append(("reply", keys.of_conversation(campaign, place), (place, digest(address), "A", "", "", "")))
        assert all(reply[:2] == ["ok", "A"] for reply in self.store.run_many(calls))
        sent.answered += answered
        if unanswered:
            for campaign, pack in {(c, place // _PACK) for c, place, _ in sent.inmails}:
                refunds.refund(self.store, campaign, pack)


def _alike(found: int | str, expected: int | str) -> bool:
    if isinstance(found, int):
        return found == expected
    refused = str(expected).startswith("refused")
    # The reckoning names fewer kinds of refusals; and "done" may be what was due, done in the same step.
    return found.startswith("refused") == refused and (refused or found == "done" or found == expected)


def _address(campaign: str, place: int) -> str:
    return f"{campaign}-{place}@example.org"


def totals(store: Store, account: str) -> dict[str, Any]:
    """What an account came to, as ``Reckoning.totals`` tells it."""
    sub, owner = read(store, account), get_account(store, account)
    found: dict[str, Any] = credits.wallet(store, account).as_dict()
    if sub is not None:
        found |= {
            "state": sub.state,
            "ended_reason": sub.ended_reason,
            "annual": sub.cycle == "annual",
            "label": sub.label,
            "next_at_ms": sub.next_at_ms,
            **({} if sub.state == "lapsed" else {"sends_until_ms": owner.sends_until_ms}),
            "plan": sub.plan.slug,
            "balance_minor": sub.balance_minor,
        }
    return found


def invoices_differ(store: Store, account: str, reckoning: Reckoning) -> Iterator[str]:
    """Every invoice the engine issued against the reckoning's, amount by amount."""
    found, expected = list_invoices(store, account, most=1_000), reckoning.books.invoices
    if len(found) != len(expected):
        yield f"{account}: reckoned {len(expected)} invoices, the engine issued {len(found)}"
    names = ("subtotal_minor", "tax_minor", "total_minor", "balance_used_minor", "due_minor", "state", "issued_at_ms")
    for invoice, bill in zip(found, expected, strict=False):
        for name in (*names, "due_at_ms", "paid_at_ms"):
            if getattr(invoice, name) != getattr(bill, name):
                yield f"{invoice.number} {name}: reckoned {getattr(bill, name)}, engine {getattr(invoice, name)}"
        amounts = [line.amount_minor for line in invoice.lines if line.amount_minor]
        if amounts != [amount for _, amount in bill.lines if amount]:
            yield f"{invoice.number} lines: reckoned {bill.lines}, the engine has {amounts}"
