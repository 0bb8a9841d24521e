"""``inmail seat``: several people on one account's credits, each within a monthly cap of their own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.account import AccountId, Json
from cli.output import plural, print_json, say, table, when
from cli.session import session
from engine import seats
from engine.errors import Invalid

app = typer.Typer(help="Add people to an account, cap what each may use in a month.", no_args_is_help=True)

SeatId = Annotated[str, typer.Argument(metavar="SEAT", help="the seat's id, such as ben")]


# -5 is to be read as a number out of bounds, not as an option nobody knows.
@app.command("add", context_settings={"ignore_unknown_options": True})
def add(
    account: AccountId,
    seat: SeatId,
    name: Annotated[str, typer.Option(help="the person's name")],
    email: Annotated[str, typer.Option(help="the person's address")],
    cap: Annotated[
        str | None, typer.Option(metavar="N", help="at most so many credits a month; without it, no cap")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a seat to an account. Twice is once."""
    most = None if cap is None else _number("--cap", cap)
    with session(changes=True) as s:
        new = seats.add(s.store, account, seat, name=name, email=email, cap=most)
        made = seats.get(s.store, account, seat)
    if as_json:
        print_json({**_fields(made), "added": new})
        return
    done = "is added" if new else "was there already, as the same person"
    say(f"seat {seat} {done}: {_cap(made)}; make its key with: inmail key create {account} --seat {seat}")


@app.command("list")
def list_(account: AccountId, as_json: Json = False) -> None:
    """List an account's seats: cap, and what was debited for each in this month."""
    with session() as s:
        found = seats.of_account(s.store, account)
    if as_json:
        print_json({"items": [_fields(seat) for seat in found], "next": None})
        return
    if not found:
        say(f"account {account} has no seat; add one with: inmail seat add {account} SEAT --name N --email E")
        return
    table(
        ("seat", "name", "e-mail", "cap a month", "used", "added (UTC)"),
        [
            (
                seat.id,
                seat.name,
                seat.email,
                "no cap" if seat.cap_credits is None else f"{seat.cap_credits:,}",
                f"{seat.used_credits:,}",
                when(seat.created_at_ms),
            )
            for seat in found
        ],
        right=("cap a month", "used"),
    )


@app.command("cap", context_settings={"ignore_unknown_options": True})
def cap_(
    account: AccountId,
    seat: SeatId,
    cap: Annotated[str, typer.Argument(metavar="N|none", help="at most so many credits a month")],
    as_json: Json = False,
) -> None:
    """Set a seat's monthly cap; what it used in this month counts. Its campaigns go on at once where it is raised."""
    most = None if cap == "none" else _number("N|none", cap)
    with session(changes=True) as s:
        changed = seats.set_cap(s.store, account, seat, most)
        found = seats.get(s.store, account, seat)
    if as_json:
        print_json({**_fields(found), "changed": changed})
    else:
        say(f"seat {seat} has {_cap(found)}")


@app.command("remove")
def remove(account: AccountId, seat: SeatId, as_json: Json = False) -> None:
    """Take a seat away: its keys are out of force at once, its campaigns go on without a cap, new ones are refused."""
    with session(changes=True) as s:
        revoked = seats.remove(s.store, account, seat)
    if as_json:
        print_json({"account": account, "seat": seat, "removed": True, "keys_revoked": revoked})
    else:
        say(f"seat {seat} is removed, {plural(revoked, 'key', 'keys')} revoked")


def _number(what: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Invalid(f"{what} {text[:40]!r}: give a whole number of credits, 0 or more", code="bad_cap")
    return int(text)


def _cap(seat: seats.Seat) -> str:
    if seat.cap_credits is None:
        return "no cap"
    return f"a cap of {seat.cap_credits:,} credits a month, {seat.used_credits:,} used in this one"


def _fields(seat: seats.Seat) -> dict[str, Any]:
    return {
        "account": seat.account,
        "seat": seat.id,
        "name": seat.name,
        "email": seat.email,
        "cap_credits": seat.cap_credits,
        "used_credits": seat.used_credits,
        "month": seat.month,
        "created_at_ms": seat.created_at_ms,
    }
