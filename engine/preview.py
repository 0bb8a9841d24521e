"""Previews: what beginning, changing or cancelling a subscription would come to. The same steps, not written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine import changing, course, invoices, subscriptions
from engine.amendment import Amendment
from engine.credits import Wallet, wallet
from engine.errors import Refused
from engine.invoices import Invoice, Line
from engine.offer import Offer, check_version, is_free
from engine.plans import Plan
from engine.store import Store
from engine.subscription import ACTIVE, ENDED, INCOMPLETE, Subscription
from engine.to_send import campaigns_to_send


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do. Money in minor units, times in ms; ``next_charge_…`` None where none is to come.

    ``nothing``: it stands so already, or was noted before. ``credits_expiring`` is what of the granted goes over the
    cap at once. ``contacts_over`` open contacts are more than the plan allows: nothing is taken from them, sending
    waits until they are fewer.
    """

    kind: Literal["at_once", "at_period_end", "nothing"]
    takes_effect_at_ms: int
    plan: str
    version: int
    cycle: str
    lines: tuple[Line, ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    balance_used_minor: int
    due_minor: int
    currency: str
    credits_granted: int
    credits_expiring: int
    credits_a_month: int
    balance_cap: int
    simultaneous_contacts: int
    contacts_open: int
    contacts_over: int
    next_charge_at_ms: int | None
    next_charge_minor: int | None
    takes_back_cancellation: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CancelPreview:
    """What cancelling would do: when the subscription ends, ms; the available credits that would expire as things
    stand, None where they are kept; campaigns that would wait then. Not ``changed``: it was cancelled before; it has
    ended already where no time is given (0)."""

    changed: bool
    at_once: bool
    ends_at_ms: int
    credits_expiring: int | None
    campaigns_that_will_wait: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def preview(store: Store, offer: Offer, account: str, plan: Plan, *, annual: bool | None = None) -> Preview:
    """What moving to a plan would do: a first subscription, or a change; None for ``annual`` keeps the cycle.

    Changes nothing. Errors: those of the call it stands for, ``subscribe`` or ``change``.
    """

    def act(amendment: Amendment) -> None:
        sub, cycle = amendment.sub, "annual" if annual else "monthly"
        begins = sub is None or sub.state in (ENDED, INCOMPLETE)
        if sub and sub.ends_at_ms and subscriptions.is_alike(sub, plan, sub.cycle if annual is None else cycle):
            begins, cycle = True, sub.cycle
        if begins:
            subscriptions.apply_subscribe(amendment, plan, cycle)
        else:
            changing.apply_change(amendment, plan, annual)

    return _preview(store, offer, account, plan, act)


def preview_subscribe(store: Store, offer: Offer, account: str, plan: Plan, *, annual: bool = False) -> Preview:
    """What ``subscribe`` would do. Changes nothing; errors: those of ``subscribe``."""
    cycle = "annual" if annual else "monthly"
    return _preview(store, offer, account, plan, lambda it: subscriptions.apply_subscribe(it, plan, cycle))


def preview_cancel(store: Store, offer: Offer, account: str) -> CancelPreview:
    """What ``cancel`` would do. Changes nothing; errors: those of ``cancel``."""
    amendment = subscriptions.open_amendment(store, offer, account)
    course.run(amendment)
    before, first = amendment.sub, len(amendment.steps)
    subscriptions.apply_cancel(amendment)
    sub = amendment.it
    if sub == before and sub.state == ENDED:
        return CancelPreview(False, False, 0, None, 0)
    at_once = sub.state == ENDED
    expire = sub.plan.credits_after_end == "expire" and (not at_once or _expires(amendment, first))
    _, available = _credits(amendment, first, wallet(store, account))
    return CancelPreview(
        changed=sub != before,
        at_once=at_once,
        ends_at_ms=amendment.now_ms if at_once else sub.ends_at_ms,
        credits_expiring=available if expire else None,
        campaigns_that_will_wait=campaigns_to_send(store, account),
    )


def next_charge(sub: Subscription, offer: Offer) -> tuple[int, int] | None:
    """When the next fee falls due by itself, ms, and what is to be paid then, minor units, tax and balance reckoned in;
    None where none is to come as things stand."""
    if sub.state != ACTIVE or sub.ends_at_ms:
        return None
    plan, cycle = sub.next_plan or sub.plan, sub.next_cycle or sub.cycle
    if not (fee := invoices.fee_of(plan, cycle)):
        return None
    line = Line("", fee, sub.period_end_ms, sub.period_end_ms)
    return sub.period_end_ms, _reckoned(sub, offer, (line,), sub.period_end_ms).due_minor


def _preview(store: Store, offer: Offer, account: str, plan: Plan, act: Callable[[Amendment], None]) -> Preview:
    if is_free(plan):
        raise Refused(f"to go back to plan {plan.slug}, cancel the subscription", code="free_plan")
    amendment = subscriptions.open_amendment(store, offer, account)
    check_version(store, plan, keep=False)
    course.run(amendment)
    before, first, issued = amendment.sub, len(amendment.steps), amendment.issued
    act(amendment)
    # An order that is not paid yet and is asked for again is told with the invoice it has.
    invoice = amendment.issued if amendment.issued is not issued else None
    course.run(amendment)
    reckoned = invoice or _reckoned(amendment.it, offer, (), amendment.now_ms)
    return _told(amendment, before, first, reckoned, wallet(store, account))


def _told(amendment: Amendment, before: Subscription | None, first: int, invoice: Invoice, purse: Wallet) -> Preview:
    sub, charge = amendment.it, next_charge(amendment.it, amendment.offer)
    plan, cycle = sub.next_plan or sub.plan, sub.next_cycle or sub.cycle
    kind: Literal["at_once", "at_period_end", "nothing"] = "at_period_end" if sub.next_plan else "at_once"
    (granted, expired), _ = _credits(amendment, first, purse)
    limit = plan.simultaneous_contacts
    return Preview(
        kind="nothing" if sub == before else kind,
        takes_effect_at_ms=sub.period_end_ms if sub.next_plan else amendment.now_ms,
        plan=plan.slug,
        version=plan.version,
        cycle=cycle,
        lines=invoice.lines,
        subtotal_minor=invoice.subtotal_minor,
        tax_minor=invoice.tax_minor,
        total_minor=invoice.total_minor,
        balance_used_minor=invoice.balance_used_minor,
        due_minor=invoice.due_minor,
        currency=plan.currency,
        credits_granted=granted,
        credits_expiring=expired,
        credits_a_month=plan.credits_a_month,
        balance_cap=plan.balance_cap,
        simultaneous_contacts=limit,
        contacts_open=purse.held,
        contacts_over=max(0, purse.held - limit) if limit else 0,
        next_charge_at_ms=charge[0] if charge else None,
        next_charge_minor=charge[1] if charge else None,
        takes_back_cancellation=amendment.takes_back,
    )


def _reckoned(sub: Subscription, offer: Offer, lines: Sequence[Line], at_ms: int) -> Invoice:
    """An invoice nobody is sent: what those lines come to for this subscription."""
    return invoices.make(
        "",
        sub.account,
        lines,
        balance_minor=sub.balance_minor,
        tax_percent=offer.tax_percent,
        currency=sub.plan.currency,
        issued_at_ms=at_ms,
        due_at_ms=at_ms,
        buyer=(),
        seller=(),
        provider=offer.provider,
    )[0]


def _expires(amendment: Amendment, first: int) -> bool:
    return any(kind == "expire" for kind, *_ in amendment.steps[first:])


def _credits(amendment: Amendment, first: int, purse: Wallet) -> tuple[tuple[int, int], int]:
    """What the steps from number ``first`` on grant, and what of that expires at once; and the credits available before
    step ``first``. Reckoned as the script does (engine/lua/_amends.lua), steps of what was due before included."""
    available, came_late, granted, expired = purse.available, 0, 0, 0
    at_first = available
    for i, (kind, _, n, cap, balance, _) in enumerate(amendment.steps):
        if i == first:
            at_first = available
        over = 0
        if kind == "grant":
            before = balance + came_late if balance >= 0 else available
            over = min(n, max(0, before + n - cap)) if cap else 0
            came_late += n - over
            available += n - over
        elif kind == "expire":
            available = 0
        if i >= first and kind == "grant":
            granted, expired = granted + n, expired + over
    return (granted, expired), at_first if first < len(amendment.steps) else available
