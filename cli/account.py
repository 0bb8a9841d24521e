"""``inmail account``: open one, look at it, weigh it; ``inmail suppression``: addresses it must not write to."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.asking import utf8
from cli.output import pairs, print_json, say, span, when
from cli.session import session
from cli.subscription_view import invoice_line
from engine import accounts, credits, opening, suppressions
from engine.invoices import list_invoices
from engine.plans import WEIGHT_MAX, find_plan
from engine.subscription import INCOMPLETE, read
from workers.runtime import the_offer

app = typer.Typer(help="Open accounts, look at them, weigh them.", no_args_is_help=True)
suppression_app = typer.Typer(help="Addresses an account must not write to.", no_args_is_help=True)

AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="the account's id, such as acme")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="an e-mail address")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


@app.command("open")
def open_account(
    account: AccountId,
    email: Annotated[str, typer.Option(help="the sender's address")],
    name: Annotated[str, typer.Option(help="the sender's name, as recipients see it")],
    plan: Annotated[
        str, typer.Option(callback=utf8, help="basic, business, business_plus, executive, or your own")
    ] = "basic",
    annual: Annotated[bool, typer.Option("--annual", help="pay by the year; credits still come every month")] = False,
    as_json: Json = False,
) -> None:
    """Open an account on a plan; its first month's credits come at once. Twice is once."""
    offer = the_offer()
    chosen = find_plan(offer.plans, plan)
    with session(changes=True, begins=True) as s:
        new = opening.open_account(s.store, account, email=email, name=name, plan=chosen, annual=annual, offer=offer)
        wallet, subscription = credits.wallet(s.store, account), read(s.store, account) if new else None
        issued = list_invoices(s.store, account, most=1) if new else []
    if as_json:
        told = {"account": account, "plan": chosen.slug, "opened": new, "available": wallet.available}
        print_json(told | {"invoice": issued[0] if issued else None})
    else:
        done = "opened" if new else "was open already, with the same e-mail, name and plan"
        say(f"account {account} {done}: plan {chosen.name}, {wallet.available:,} credits available")
        for invoice in issued:
            say(invoice_line(invoice, offer.timezone))
        if subscription and subscription.state == INCOMPLETE:
            say("it begins when that is paid")


@app.command("show")
def show(account: AccountId, as_json: Json = False) -> None:
    """Show an account, its plan's limits and its wallet."""
    with session() as s:
        it = accounts.get_account(s.store, account)
        wallet, subscription = credits.wallet(s.store, account), read(s.store, account)
    state = subscription.state if subscription else None
    if as_json:
        fields = {name: getattr(it, name) for name in it.__slots__}
        print_json({**fields, "subscription": state, "wallet": wallet.as_dict()})
        return
    limit = f"{it.simultaneous_contacts:,}" if it.simultaneous_contacts else "no limit"
    pairs(
        {
            "account": it.id,
            "name": it.name,
            "e-mail": it.email,
            "plan": f"{it.plan}, paid {'annually' if it.cycle == 'annual' else 'monthly'}",
            "subscription": f"{state}; see: inmail subscription show {it.id}" if state else "–",
            "can send": "yes" if it.can_send else "no, but can answer anything it receives",
            "credits a month": f"{it.credits_a_month:,}",
            "open contacts": f"{wallet.held:,} of {limit}" if it.can_send else "–",
            "refund": f"{it.refund_when} after {span(it.refund_after_ms)}" if it.can_send else "–",
            "weight": f"{it.weight:,} in the send queue" if it.can_send else "–",
            "opened": when(it.opened_at_ms),
            "credits": ", ".join(f"{n:,} {name}" for name, n in wallet.as_dict().items()),
        }
    )


# -5 is to be read as a number out of bounds, not as an option nobody knows.
@app.command("weigh", context_settings={"ignore_unknown_options": True})
def weigh(
    account: AccountId,
    weight: Annotated[int, typer.Argument(metavar="N", min=1, max=WEIGHT_MAX, help="a whole number")],
    as_json: Json = False,
) -> None:
    """Set an account's weight: when several have something to send, each gets its part of the send queue by weight."""
    with session(changes=True) as s:
        accounts.weigh(s.store, account, weight)
    if as_json:
        print_json({"account": account, "weight": weight})
    else:
        say(f"account {account} has weight {weight} now")


@suppression_app.command("add")
def add(account: AccountId, address: Address) -> None:
    """Never write from this account to that address again; what is queued for it is skipped."""
    with session(changes=True) as s:
        new = suppressions.suppress(s.store, account, address)
    say(f"{address} {'is suppressed now' if new else 'was suppressed already'}")


@suppression_app.command("remove")
def remove(account: AccountId, address: Address) -> None:
    """Allow writing to an address again."""
    with session(changes=True) as s:
        gone = suppressions.unsuppress(s.store, account, address)
    say(f"{address} {'may be written to again' if gone else 'was not suppressed'}")


@suppression_app.command("list")
def list_(account: AccountId, as_json: Json = False) -> None:
    """List the addresses an account must not write to."""
    with session() as s:
        found = suppressions.suppressions(s.store, account)
    if as_json:
        print_json({"items": found, "next": None})
    else:
        say("\n".join(found) or "no address is suppressed")
