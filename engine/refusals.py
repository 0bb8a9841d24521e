"""What is said to an account that asks for more than its plan allows: how much is used, the limit, when it lifts."""

from __future__ import annotations

from engine.accounts import Account
from engine.errors import Refused


def cannot_send(owner: Account) -> Refused:
    """What an account is told that may not send."""
    why = "its subscription is not paid or has ended" if owner.can_send or owner.month else "which cannot send InMail"
    return Refused(
        f"account {owner.id!r} is on plan {owner.plan}, {why}; it can answer what it receives. "
        f"Begin one with: inmail subscribe {owner.id} PLAN",
        code="cannot_send",
        facts={"used": 0, "limit": 0, "lifts_at_ms": None},
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
