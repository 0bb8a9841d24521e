"""``inmail plan``: what this network sells."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.account import Json
from cli.output import listing, print_json, say, span
from cli.session import session
from engine.money import money
from engine.offer import versions_sold
from engine.plans import Plan
from workers.runtime import plan_catalogue

app = typer.Typer(help="What this network sells.", no_args_is_help=True)


@app.command("list")
def list_(
    sold: Annotated[
        bool, typer.Option("--sold", help="every version that was ever sold, with the terms it had")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the plans: fees, credits, limits. An account keeps the version it bought."""
    if sold:
        with session() as s:
            found = versions_sold(s.store)
    else:
        found = list(plan_catalogue().values())
    if as_json:
        print_json({"items": [plan.as_dict() for plan in found], "next": None})
    elif not found:
        say("no plan was sold yet")
    else:
        listing(
            ("plan", "v", "monthly", "annual", "saves", "credits", "cap"),
            [_row(plan) for plan in found],
            right=("v", "monthly", "annual", "saves", "credits", "cap"),
            below=True,
        )


def _row(plan: Plan) -> tuple[str, ...]:
    saving = plan.annual_saving_percent
    return (
        plan.slug,
        str(plan.version),
        fee(plan.fee_monthly, plan.currency) if plan.sells("monthly") else "–",
        fee(plan.fee_annual, plan.currency) if plan.sells("annual") else "–",
        f"{saving} %" if saving is not None else "–",
        f"{plan.credits_a_month:,}",
        f"{plan.balance_cap:,}" if plan.balance_cap else "–",
        f"{plan.name}: {_limits(plan)}",
    )


def fee(amount_minor: int, currency: str) -> str:
    """A fee as people read it."""
    return money(amount_minor, currency) if amount_minor else "free"


def _limits(plan: Plan) -> str:
    profiles = f"{plan.profiles_per_search:,} profiles" if plan.profiles_per_search else "all profiles"
    if not plan.can_send:
        return f"cannot send, {profiles}"
    contacts = f"{plan.simultaneous_contacts:,} contacts" if plan.simultaneous_contacts else "any contacts"
    bulk = f", {plan.recipients_per_campaign:,} a campaign" if plan.recipients_per_campaign else ""
    return f"{contacts}{bulk}, {profiles}, refunds {plan.refund_when} after {span(plan.refund_after_ms)}"
