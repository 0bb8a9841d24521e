"""``inmail seat``: several people on one account's credits, each within a monthly cap of their own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.account import AccountId, Json
from cli.asking import DryRun, Sure, agreed, can_be_asked
from cli.output import plural, print_json, say, table, when
from cli.session import session
from engine import api_keys, seats
from engine.credits import GRANT_CREDITS_MAX
from engine.errors import Invalid
from engine.to_send import campaigns_to_send

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
        str | None, typer.Option(metavar="N|none", help="at most so many credits a month; without it, no cap")
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
    most = _number("N|none", cap)
    with session(changes=True) as s:
        changed = seats.set_cap(s.store, account, seat, most)
        found = seats.get(s.store, account, seat)
    if as_json:
        print_json({**_fields(found), "changed": changed})
    else:
        say(f"seat {seat} has {_cap(found)}")


@app.command("remove")
def remove(
    account: AccountId, seat: SeatId, dry_run: DryRun = False, sure: Sure = False, as_json: Json = False
) -> None:
    """Take a seat away, after showing what that means: its keys are out of force at once, its campaigns go on without a
    cap, new ones are refused."""
    can_be_asked(dry_run or sure, as_json)
    with session(changes=not dry_run) as s:
        going_on, keys = campaigns_to_send(s.store, account, seat=seat), 0
        if not sure:
            keys = sum(key.seat == seat and not key.revoked_at_ms for key in api_keys.of_account(s.store, account))
            if not keys:  # else it may be the rest of a removal that was interrupted
                seats.check(s.store, account, seat)
            if not as_json:
                go_on = _go_on(going_on) if going_on else "none of its campaigns goes on"
                say(f"{plural(keys, 'key', 'keys')} would be revoked; {go_on}")
        if not dry_run and not sure and not agreed(f"remove seat {seat}?"):
            return
        revoked = keys if dry_run else seats.remove(s.store, account, seat)
    if as_json:
        told = {"account": account, "seat": seat, "removed": not dry_run, "keys_revoked": revoked}
        print_json(told | {"campaigns_without_cap": going_on})
    elif not dry_run:
        freed = f"; {_go_on(going_on)}" if going_on else ""
        say(f"seat {seat} is removed, {plural(revoked, 'key', 'keys')} revoked{freed}")


def _go_on(n: int) -> str:
    return f"{plural(n, 'campaign of it goes', 'campaigns of it go')} on without a cap"


def _number(what: str, text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15 and int(text) <= GRANT_CREDITS_MAX):
        most = f"{GRANT_CREDITS_MAX:,}"
        raise Invalid(f"{what} {text[:40]!r}: give a whole number of credits from 0 to {most}, or none", code="bad_cap")
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
