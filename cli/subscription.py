"""``inmail subscribe`` and ``inmail subscription``: begin one, look at it, change it, cancel it, read its history."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from cli.account import AccountId, Json
from cli.asking import SEQ_MAX, DryRun, Sure, agreed, can_be_asked, utf8
from cli.output import listing, plural, print_json, say
from cli.session import Session, session
from cli.subscription_view import (
    entitlements_table,
    local,
    outcome_document,
    show_preview,
    show_standing,
    tell_outcome,
)
from engine import credits, entitlements, preview, standing, subscriptions
from engine.accounts import get_account
from engine.errors import Refused
from engine.invoice_search import timezone_of
from engine.offer import Offer
from engine.plans import find_plan
from engine.subscription import LIVE, read
from workers.payments.collecting import collector
from workers.runtime import the_offer

app = typer.Typer(help="Look at subscriptions, change them, cancel them.", no_args_is_help=True)

PlanName = Annotated[str, typer.Argument(metavar="PLAN", callback=utf8, help="a plan's name, as in: inmail plan list")]

HISTORY: Final = frozenset(
    {
        *("subscribe", "renew", "grant", "expire", "change", "cancel", "past_due", "paid", "lapse", "end", "low"),
    }
)
"""The kinds of log entries that tell a subscription's history."""


def subscribe(
    account: AccountId,
    plan: PlanName,
    annual: Annotated[bool, typer.Option("--annual", help="pay by the year; credits still come every month")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Begin a subscription, or take back that it was cancelled. Twice is once."""
    offer = the_offer()
    chosen = find_plan(offer.plans, plan)
    with session(changes=not dry_run) as s:
        if dry_run:
            found = preview.preview_subscribe(s.store, offer, account, chosen, annual=annual)
            if as_json:
                print_json(found.as_dict())
                return
            show_preview(found, _zone(s, offer, account))
            if offer.charges and found.due_minor:
                say("it begins when that is paid")
            return
        outcome = subscriptions.subscribe(s.store, offer, account, chosen, annual=annual)
        if as_json:
            print_json(outcome_document(s.store, offer, outcome))
        else:
            tell_outcome(outcome, credits.wallet(s.store, account))


@app.command("show")
def show(account: AccountId, as_json: Json = False) -> None:
    """Show the subscription: where it stands, what comes next, and how much of what it allows is used."""
    offer = the_offer()
    with session() as s:
        found = standing.standing(s.store, offer, account)
        allowed = entitlements.entitlements(s.store, account)
    if as_json:
        print_json({**found, "entitlements": [one.as_dict() for one in allowed]})
        return
    show_standing(found, offer.plans)
    say("")
    entitlements_table(allowed, found["timezone"])


@app.command("change")
def change(
    account: AccountId,
    plan: PlanName,
    annual: Annotated[
        bool | None, typer.Option("--annual/--monthly", help="how to pay from then on; without it, as before")
    ] = None,
    dry_run: DryRun = False,
    sure: Sure = False,
    as_json: Json = False,
) -> None:
    """Change to another plan or cycle, after showing what that is: a dearer one at once, else at the period's end."""
    can_be_asked(dry_run or sure, as_json)
    offer = the_offer()
    chosen = find_plan(offer.plans, plan)
    with session(changes=not dry_run) as s:
        if not sure:
            found = preview.preview(s.store, offer, account, chosen, annual=annual)
            if dry_run and as_json:
                print_json(found.as_dict())
                return
            show_preview(found, _zone(s, offer, account))
            if dry_run or found.kind == "nothing" or not agreed("change it?"):
                return
        outcome = subscriptions.change(s.store, offer, account, chosen, annual=annual)
        if as_json:
            print_json(outcome_document(s.store, offer, outcome))
        else:
            tell_outcome(outcome, credits.wallet(s.store, account))


@app.command("cancel")
def cancel(account: AccountId, dry_run: DryRun = False, sure: Sure = False, as_json: Json = False) -> None:
    """Have it end with the period that is billed, after showing what that means; one that is not paid ends at once."""
    can_be_asked(dry_run or sure, as_json)
    offer = the_offer()
    with session(changes=not dry_run) as s:
        if not sure:
            found = preview.preview_cancel(s.store, offer, account)
            if dry_run and as_json:
                print_json(found.as_dict())
                return
            _show_cancel(found, timezone_of(s.store, account))
            if dry_run or not found.changed or not agreed("cancel it?"):
                return
        outcome = subscriptions.cancel(s.store, offer, account)
        if as_json:
            print_json(outcome_document(s.store, offer, outcome))
        else:
            tell_outcome(outcome, credits.wallet(s.store, account))


def _show_cancel(found: preview.CancelPreview, timezone: str) -> None:
    ends = "ends at once: it is not paid" if found.at_once else f"ends {local(found.ends_at_ms, timezone)} {timezone}"
    if not found.changed and not found.ends_at_ms:
        say("cancelled already, and it has ended")
        return
    say(ends if found.changed else f"cancelled already: {ends}")
    kept = "the available credits are kept"
    lost = f"expiring then, as things stand: {plural(found.credits_expiring or 0, 'credit', 'credits')}"
    say(kept if found.credits_expiring is None else lost)
    waiting = plural(found.campaigns_that_will_wait, "campaign has", "campaigns have") + " something to send, and would"
    say(f"{waiting} wait" if found.campaigns_that_will_wait else "no campaign would wait")


@app.command("history")
def history(
    account: AccountId,
    after: Annotated[
        int, typer.Option(metavar="SEQ", min=0, max=SEQ_MAX, help="from the log entry after this one on")
    ] = 0,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="at most so many entries")] = 100,
    as_json: Json = False,
) -> None:
    """Read what happened to the subscription, oldest first: months, credits, changes, payments."""
    with session() as s:
        get_account(s.store, account)
        timezone, found = timezone_of(s.store, account), []
        for entry in credits.log(s.store, account, after_seq=after):
            if entry.kind in HISTORY:
                found.append(entry)
            if len(found) > most:
                break
    entries, following = found[:most], found[most - 1].seq if len(found) > most else None
    if as_json:
        print_json({"items": [_entry(entry) for entry in entries], "next": following})
        return
    if not entries:
        say("nothing has happened to a subscription of this account")
        return
    rows = [(str(e.seq), local(e.at_ms, timezone), e.kind, f"{e.n:,}" if e.n else "–", e.note) for e in entries]
    listing(("seq", "at", "kind", "n"), rows, right=("seq", "n"), below=True)
    say(f"times in {timezone}; n counts credits")
    if following is not None:
        say(f"more: --after {following}")


def _entry(entry: credits.LogEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at_ms": entry.at_ms,
        "kind": entry.kind,
        "month": entry.at or None,
        "n": entry.n,
        "wallet": entry.wallet.as_dict(),
        "note": entry.note,
    }


def _zone(s: Session, offer: Offer, account: str) -> str:
    """The time zone of what is previewed: the present subscription's, or that of a new one."""
    sub = read(s.store, account)
    return sub.timezone if sub and sub.state in LIVE else offer.timezone


@app.command("portal")
def portal(account: AccountId, as_json: Json = False) -> None:
    """Give the page where the account's person sees to cards and receipts, where payments are taken over one."""
    with session(changes=True) as s:
        url = collector(s.store, s.settings).portal(account)
        manual = s.settings.payments == "manual"
    if url is None and manual:
        raise Refused(
            f"account {account!r} has no such page: INMAIL_PAYMENTS is manual, the operator marks what is paid"
        )
    if url is None:
        raise Refused(f"account {account!r} has no such page: nothing was paid over one yet")
    if as_json:
        print_json({"account": account, "url": url})
    else:
        say(url)
