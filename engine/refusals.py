"""What is said to an account that asks for what its plan or its subscription does not allow, with facts to go by."""

from __future__ import annotations

from engine.accounts import Account
from engine.errors import Refused
from engine.money import money
from engine.plans import Plan
from engine.subscription import ENDED, Subscription


def cannot_send(owner: Account, sub: Subscription | None) -> Refused:
    """What an account is told that may not send, and what it can do about it."""
    facts = {"used": 0, "limit": 0, "lifts_at_ms": None}
    if sub is not None and sub.unpaid and sub.state != ENDED:
        number = sub.unpaid[0].number
        return Refused(
            f"account {owner.id!r} cannot send until invoice {number} is paid; it can answer what it receives. "
            f"Once it is paid: inmail invoice paid {number}",
            code="cannot_send",
            facts=facts | {"invoice": number},
        )
    why = "its subscription has ended" if owner.can_send or owner.month else "which cannot send InMail"
    return Refused(
        f"account {owner.id!r} is on plan {owner.plan}, {why}; it can answer what it receives. "
        f"Begin one with: inmail subscribe {owner.id} PLAN",
        code="cannot_send",
        facts=facts,
    )


def too_many_recipients(owner: Account, recipients: int) -> Refused:
    """What is said of a campaign with more recipients than the plan takes."""
    most = owner.recipients_per_campaign
    return Refused(
        f"{recipients:,} recipients are more than the {most:,} of one campaign under plan {owner.plan}: "
        "send fewer, or change to a plan that takes more",
        code="bulk",
        facts={"used": recipients, "limit": most, "lifts_at_ms": None},
    )


def not_sold_so(plan: Plan, cycle: str) -> Refused:
    """What is said where a plan has no fee for that cycle."""
    how, other = ("year", "month") if cycle == "annual" else ("month", "year")
    return Refused(f"plan {plan.slug} is not sold by the {how}: pay for it by the {other}", code="not_sold_so")


def no_subscription(account: str) -> Refused:
    """What is said of an account that has none."""
    return Refused(
        f"account {account!r} has no subscription; begin one with: inmail subscribe {account} PLAN",
        code="no_subscription",
    )


def unpaid(sub: Subscription) -> Refused:
    """What is said where an invoice has to be paid first."""
    number = sub.unpaid[0].number
    return Refused(
        f"invoice {number} of account {sub.account!r} is not paid; ask again once it is. "
        f"Once it is paid: inmail invoice paid {number}",
        code="unpaid",
        facts={"invoice": number},
    )


def owing(sub: Subscription) -> Refused:
    """What is said where an invoice of an earlier subscription was never paid."""
    number = sub.debts[0]
    return Refused(
        f"invoice {number} of account {sub.account!r} is not paid, from an earlier subscription: pay it first. "
        f"Once it is paid: inmail invoice paid {number}",
        code="unpaid",
        facts={"invoice": number},
    )


def use_change(sub: Subscription, plan: Plan) -> Refused:
    """What is said to somebody who subscribes to another plan than the one they have."""
    return Refused(
        f"account {sub.account!r} is on {sub.plan.slug}, {sub.cycle}: change it with: "
        f"inmail subscription change {sub.account} {plan.slug}",
        code="use_change",
    )


def cancelled(sub: Subscription) -> Refused:
    """What is said where a cancellation has to be taken back first."""
    return Refused(
        f"the subscription of account {sub.account!r} was cancelled; take that back first with: "
        f"inmail subscribe {sub.account} {sub.plan.slug}{' --annual' * (sub.cycle == 'annual')}",
        code="cancelled",
        facts={"ends_at_ms": sub.ends_at_ms},
    )


def other_balance(sub: Subscription, plan: Plan) -> Refused:
    """What is said where the account's balance is in another currency than the plan it asks for."""
    balance = money(sub.balance_minor, sub.plan.currency)
    return Refused(
        f"plan {plan.slug} is paid in {plan.currency}, and account {sub.account!r} has a balance of {balance}, which "
        f"cannot pay for it: take a plan paid in {sub.plan.currency}",
        code="currency",
    )
