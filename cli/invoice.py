"""``inmail invoice``: list them, look at one, note what was paid, take them home as CSV or a page to print."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from cli.account import Json
from cli.asking import utf8
from cli.output import listing, narrow, pairs, plural, print_json, say, warn
from cli.output_file import STDOUT, Force, Output, shown, tell_written, write_csv, written
from cli.session import session
from cli.subscription_view import lines_table, local
from engine import invoice_page, invoice_search, payments
from engine.accounts import get_account
from engine.errors import Refused
from engine.invoices import CSV_COLUMNS, Invoice, csv_rows
from engine.money import money
from engine.subscriptions import Outcome
from workers.payments.collecting import collector
from workers.runtime import the_offer

app = typer.Typer(help="List invoices, look at one, note what was paid, export them.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="NUMBER", callback=utf8, help="the invoice's number, such as acme-0001")]
Whose = Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="whose; without it, everybody's")]
Since = Annotated[str | None, typer.Option(metavar="DAY", help="issued on that day or later, as in 2026-12-31")]
Until = Annotated[str | None, typer.Option(metavar="DAY", help="issued on that day or before, as in 2026-12-31")]


@app.command("list")
def list_(
    account: Whose = None,
    state: Annotated[
        str | None, typer.Option(callback=utf8, help=f"only those {', '.join(invoice_search.STATES)}")
    ] = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[str, typer.Option(metavar="NUMBER", callback=utf8, help="from the one after this number on")] = "",
    most: Annotated[int, typer.Option(min=1, max=10_000, help="at most so many invoices")] = 100,
    as_json: Json = False,
) -> None:
    """List invoices in order of number. Days are those of the subscription's time zone."""
    invoice_search.check_state(state)
    days = invoice_search.parse_days(since, until)
    with session() as s:
        if account is None:
            every = invoice_search.search_all(s.store, days=days, state=state, after=after)
        else:
            get_account(s.store, account)
            every = invoice_search.search(s.store, account, days=days, state=state, after=after)
        found = list(islice(every, most + 1))
        zones = {name: invoice_search.timezone_of(s.store, name) for name in {it.account for it in found}}
    page, following = found[:most], found[most - 1].number if len(found) > most else None
    if as_json:
        print_json({"items": page, "next": following})
        return
    if not page:
        say("no invoice")
        return
    columns = ("invoice", "state", "issued", "due", "total", "to pay")
    listing(columns, [_row(it, zones[it.account]) for it in page], right=("total", "to pay"), below=narrow())
    if following is not None:
        say(f"more: --after {following}")


def _row(it: Invoice, timezone: str) -> tuple[str, ...]:
    days = [local(at_ms, timezone)[:10] for at_ms in (it.issued_at_ms, it.due_at_ms)]
    return (it.number, it.state, *days, money(it.total_minor, it.currency), _to_pay(it), it.reference)


def _to_pay(it: Invoice) -> str:
    return money(it.due_minor, it.currency) if it.state == "open" else "–"


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """Show an invoice: its lines, the tax, what the balance paid, what is left to pay."""
    with session() as s:
        it = invoice_search.invoice_of_number(s.store, number)
        zone = invoice_search.timezone_of(s.store, it.account)
    if as_json:
        print_json(asdict(it))
        return
    pairs(
        {
            "invoice": it.number,
            "state": it.state + (f", {it.reference}" if it.reference else ""),
            "buyer": ", ".join(it.buyer),
            "seller": ", ".join(it.seller) or "–",
            "issued": local(it.issued_at_ms, zone),
            "due": local(it.due_at_ms, zone),
            "paid": local(it.paid_at_ms, zone),
            "times in": zone,
        }
    )
    say("")
    lines_table(it.lines, it.currency, zone)
    say("")
    sums = {
        "subtotal": it.subtotal_minor,
        f"tax {it.tax_percent} %": it.tax_minor,
        "total": it.total_minor,
        "from balance": -it.balance_used_minor,
        "to pay": it.to_pay_minor,
    }
    pairs({name: money(amount, it.currency) for name, amount in sums.items() if amount or name in ("total", "to pay")})


@app.command("paid")
def paid(
    number: Number,
    reference: Annotated[
        str, typer.Option(callback=utf8, help="what the payment is known by; it stands on the invoice")
    ] = "",
    as_json: Json = False,
) -> None:
    """Note that an invoice was paid; where nothing is overdue any more, the subscription goes on. Twice is once."""
    with session(changes=True) as s:
        account = invoice_search.invoice_of_number(s.store, number).account
        outcome = payments.record_paid(s.store, the_offer(), account, number, reference=reference)
    if reference and outcome.invoice and not outcome.invoice.reference:
        warn("it was paid before, without a reference: this one was not noted")
    _tell(outcome, number, as_json)


@app.command("failed")
def failed(
    number: Number,
    reason: Annotated[str, typer.Option(callback=utf8, help="why; it stands in the history")],
    as_json: Json = False,
) -> None:
    """Note that the payment of an invoice failed: the grace period begins, at its end the subscription lapses."""
    with session(changes=True) as s:
        account = invoice_search.invoice_of_number(s.store, number).account
        outcome = payments.record_failed(s.store, the_offer(), account, number, reason=reason)
    if outcome.invoice and outcome.invoice.state == "paid":
        raise Refused(f"invoice {number} is paid: nothing was noted; where the money went back, settle it by hand")
    _tell(outcome, number, as_json)


def _tell(outcome: Outcome, number: str, as_json: bool) -> None:
    sub, state = outcome.subscription, outcome.invoice.state if outcome.invoice else "open"
    if as_json:
        document = {
            "changed": outcome.changed,
            "subscription_state": sub.state,
            "grace_until_ms": sub.grace_until_ms or None,
        }
        print_json({"invoice": number, "state": state, **document})
        return
    grace = f", in grace until {local(sub.grace_until_ms, sub.timezone)} {sub.timezone}" if sub.grace_until_ms else ""
    was = "is" if outcome.changed else "was, and stays,"
    say(f"invoice {number} {was} {state}; the subscription of {sub.account} is {sub.state.replace('_', ' ')}{grace}")


@app.command("export")
def export(
    account: Whose = None,
    since: Since = None,
    until: Until = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Write invoices as CSV, one a row, amounts in major units; what a spreadsheet would run as a formula is inert."""
    days = invoice_search.parse_days(since, until)
    with session() as s:
        if account is not None:
            get_account(s.store, account)
            found = invoice_search.search(s.store, account, days=days)
        else:
            found = invoice_search.search_all(s.store, days=days)
        with written(output, force=force) as target:
            n = write_csv(target, CSV_COLUMNS, csv_rows(found))
    tell_written(plural(n, "invoice", "invoices"), output)


@app.command("print")
def print_(
    number: Number,
    output: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="the HTML file to write; '-' is stdout")],
    force: Force = False,
) -> None:
    """Write an invoice as a page to read and to print: one HTML file that needs nothing else."""
    with session() as s:
        it = invoice_search.invoice_of_number(s.store, number)
        page = invoice_page.render(it, timezone=invoice_search.timezone_of(s.store, it.account))
    with written(output, force=force) as target:
        target.write(page)
    if output != STDOUT:
        say(f"invoice {number} is written to {shown(output)}")


@app.command("checkout")
def checkout(number: Number, as_json: Json = False) -> None:
    """Give the page where a person pays an invoice and leaves a card, where payments are taken over one."""
    with session(changes=True) as s:
        account = invoice_search.invoice_of_number(s.store, number).account
        page = collector(s.store, s.settings).checkout(account, number)
        manual = s.settings.payments == "manual"
    if page is None and manual:
        raise Refused(
            f"invoice {number} has no page: INMAIL_PAYMENTS is manual, so the operator marks what is paid, with: "
            f"inmail invoice paid {number}"
        )
    if page is None:
        raise Refused(f"invoice {number} has no page: it is paid, is about to be, or is not paid over a page")
    if as_json:
        print_json({"invoice": number, "url": page.url, "expires_at_ms": page.expires_at_ms or None})
    else:
        say(page.url)
