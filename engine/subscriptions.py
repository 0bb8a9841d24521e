"""Subscriptions: begin one, change it, cancel it, let time pass over it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from engine import course
from engine.accounts import parse_account
from engine.amendment import NOW, Amendment
from engine.changing import apply_change
from engine.credits import available_at
from engine.errors import EngineError, Refused, Unavailable
from engine.invoices import Invoice, fee_of, get_invoice
from engine.offer import Offer, check_version, is_free
from engine.periods import check_timezone
from engine.plans import Plan
from engine.refusals import cancelled, no_subscription, not_sold_so, other_balance, owing, unpaid, use_change
from engine.store import RedisTrouble, Store
from engine.subscription import ACTIVE, CANCELLED, ENDED, INCOMPLETE, LAPSED, LIVE, PAST_DUE, Subscription, parse
from engine.wake import wake

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to: the subscription after it, whether it changed anything, the invoice it issued or paid,
    whether it took back that it was cancelled."""

    subscription: Subscription
    changed: bool
    invoice: Invoice | None = None
    taken_back: bool = False


def subscribe(store: Store, offer: Offer, account: str, plan: Plan, *, annual: bool = False) -> Outcome:
    """Begin a subscription now, or take back that the present one was cancelled; nothing where it stands so already.

    With a charging provider it is ``incomplete``, and gives nothing yet, until its first invoice is paid.
    Errors: NotFound; Refused free_plan, use_change, cancelled, unpaid, version_sold.
    """
    cycle = _cycle(annual)
    if is_free(plan):
        raise Refused(f"plan {plan.slug} is what an account has without a subscription", code="free_plan")
    check_version(store, plan, keep=False)
    return transition(store, offer, account, _sells(store, plan, lambda it: apply_subscribe(it, plan, cycle)))


def change(store: Store, offer: Offer, account: str, plan: Plan, *, annual: bool | None = None) -> Outcome:
    """Change to another plan or cycle (None: the present one): dearer at once, anything else at the period's end.

    Errors: NotFound; Refused no_subscription, cancelled, unpaid, currency, free_plan, version_sold.
    """
    if is_free(plan):
        raise Refused(f"to go back to plan {plan.slug}, cancel the subscription", code="free_plan")
    check_version(store, plan, keep=False)
    return transition(store, offer, account, _sells(store, plan, lambda it: apply_change(it, plan, annual)))


def cancel(store: Store, offer: Offer, account: str) -> Outcome:
    """Have the subscription end with the billing period that was invoiced; one that is not paid ends at once.

    Errors: NotFound; Refused no_subscription.
    """
    return transition(store, offer, account, apply_cancel)


def advance(store: Store, offer: Offer, account: str) -> Subscription | None:
    """Let everything happen that is due by now; returns the subscription, None where there never was one."""
    amendment = open_amendment(store, offer, account)
    if amendment.before is None:
        return None
    return transition(store, offer, account, _nothing, amendment).subscription


def begin(amendment: Amendment, plan: Plan, cycle: str, *, opening: bool = False) -> None:
    """A new subscription: benefits at once, unless a first payment has to come before them.

    ``opening``: the log says already that it begins, as the account does.
    """
    if not plan.sells(cycle):
        raise not_sold_so(plan, cycle)
    timezone = amendment.offer.timezone
    check_timezone(timezone)
    waits = amendment.offer.charges and fee_of(plan, cycle) > 0
    amendment.begin(plan, cycle, state=INCOMPLETE if waits else ACTIVE, timezone=timezone)
    if not waits and not opening:
        amendment.note("subscribe", f"{plan.slug} {cycle}")
    amendment.charge_fee()
    if waits and not amendment.it.unpaid:  # the account's balance paid for it
        course.recover(amendment)
    elif not waits:
        amendment.grant(plan.credits_a_month, balance=NOW)


def transition(
    store: Store,
    offer: Offer,
    account: str,
    act: Callable[[Amendment], None],
    opened: Amendment | None = None,
) -> Outcome:
    """Let due events happen, then ``act``, then what is due after it, all as one step; again where somebody came first.

    ``opened`` is an amendment that was just opened and not touched yet.

    Errors: NotFound; whatever ``act`` refuses with, and nothing is changed then; Unavailable after many tries.
    """
    operation = f"call:{secrets.token_hex(8)}"
    for _ in range(_TRIES):
        amendment, opened = opened or open_amendment(store, offer, account), None
        course.run(amendment)
        try:
            act(amendment)
        except EngineError:
            # What was due happens whether the call is refused or not.
            if amendment.before is not None and act is not _nothing:
                transition(store, offer, account, _nothing)
            raise
        course.run(amendment)
        if amendment.is_empty:
            return Outcome(amendment.it, changed=False, invoice=amendment.issued)
        if amendment.commit(store, operation):
            note_next(store, amendment.it)
            wake(store, account, now_ms=amendment.now_ms)
            return Outcome(amendment.it, changed=True, invoice=amendment.issued, taken_back=amendment.takes_back)
    raise Unavailable(f"the subscription of account {account!r} is being changed by others: try again")


def open_amendment(store: Store, offer: Offer, account: str) -> Amendment:
    """An amendment of the account's subscription as it stands; raises NotFound."""
    stored, subscription = store.hashes(store.keys.account(account), store.keys.subscription(account))
    owner = parse_account(account, stored)
    return Amendment(
        account,
        buyer=(owner.name, owner.email),
        weight=owner.weight,
        offer=offer,
        now_ms=store.now_ms(store.keys.account(account)),
        before=parse(subscription) if subscription else None,
        balance_at=lambda at_ms: available_at(store, account, at_ms),
        invoice_of=lambda number: get_invoice(store, account, number),
    )


def note_next(store: Store, sub: Subscription) -> None:
    """Have the scheduler look at the account when something is due; a hint, found again from the account if lost."""
    with suppress(RedisTrouble):
        if sub.next_at_ms:
            store.client.zadd(store.keys.renewals, {sub.account: sub.next_at_ms})
        else:
            store.client.zrem(store.keys.renewals, sub.account)


def _sells(store: Store, plan: Plan, act: Callable[[Amendment], None]) -> Callable[[Amendment], None]:
    """``act``, and then the terms of the plan are kept, before it is sold; a refusal sells none."""

    def acted(amendment: Amendment) -> None:
        act(amendment)
        if plan in (amendment.it.plan, amendment.it.next_plan):
            check_version(store, plan)

    return acted


def _nothing(_: Amendment) -> None:
    """Only what is due."""


def _cycle(annual: bool) -> str:
    return "annual" if annual else "monthly"


def apply_subscribe(amendment: Amendment, plan: Plan, cycle: str) -> None:
    """Begin a subscription in an amendment, or take back that the present one was cancelled."""
    sub = amendment.sub
    same = sub is not None and (sub.plan, sub.cycle) == (plan, cycle)
    if sub is not None and sub.state in (PAST_DUE, LAPSED):
        raise unpaid(sub)
    if sub is not None and sub.state == INCOMPLETE:
        if same:
            amendment.issued = amendment.invoice(sub.unpaid[0].number)
            return
        amendment.end("another plan was ordered")
    elif sub is not None and sub.state == ACTIVE:
        if not is_alike(sub, plan, cycle):
            raise cancelled(sub) if sub.ends_at_ms else use_change(sub, plan)
        if sub.ends_at_ms:
            amendment.set(ends_at_ms=0)
            amendment.note("subscribe", "the cancellation was taken back")
        return
    if sub is not None and sub.debts:
        raise owing(sub)
    if sub is not None and sub.balance_minor and sub.plan.currency != plan.currency:
        raise other_balance(sub, plan)
    begin(amendment, plan, cycle)


def is_alike(sub: Subscription, plan: Plan, cycle: str) -> bool:
    """Whether somebody who asks for this plan has it: by name, as what they bought may be an older version of it."""
    return (sub.plan.slug, sub.cycle) == (plan.slug, cycle)


def apply_cancel(amendment: Amendment) -> None:
    """Note in an amendment that the subscription ends with the period, or at once where it is not paid.

    One that was cancelled and has ended stays as it is: whoever got no answer may ask again.
    """
    sub = amendment.sub
    if sub is not None and (sub.state, sub.ended_reason) == (ENDED, CANCELLED):
        return
    if sub is None or sub.state not in (*LIVE, INCOMPLETE):
        raise no_subscription(amendment.account)
    if sub.state != ACTIVE:
        amendment.end(CANCELLED)
    elif not sub.ends_at_ms:
        amendment.set(ends_at_ms=sub.period_end_ms)
        amendment.note("cancel", "ends with the period")
