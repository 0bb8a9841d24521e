"""``inmail mailbox``: what the owner of an address decides of it, asked for on their behalf."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.account import Json
from cli.output import plural, print_json, say, table, when
from cli.session import session
from engine import choices
from engine.errors import Invalid

app = typer.Typer(
    help="What the owner of an address decides: who may write to it, what is known of it.", no_args_is_help=True
)

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
BySender = Annotated[str | None, typer.Option("--sender", metavar="ACCOUNT", help="this account only; else everybody")]


@app.command("senders")
def senders(address: Address, as_json: Json = False) -> None:
    """List who wrote to an address, the latest first."""
    with session() as s:
        found, all_stopped = choices.senders(s.store, address), choices.stopped_all(s.store, address)
    if as_json:
        items = [each.as_dict() | {"account": each.account} for each in found]
        print_json({"items": items, "next": None, "all_stopped": all_stopped})
        return
    table(
        ("account", "name", "InMails", "last (UTC)", "may write"),
        [
            (
                each.account,
                each.name,
                each.inmails,
                when(each.last_at_ms),
                "no" if each.stopped or all_stopped else "yes",
            )
            for each in found
        ],
        right=("InMails",),
    )
    if all_stopped:
        say(f"nobody may write to {address}")


@app.command("stop")
def stop(address: Address, sender: BySender = None) -> None:
    """Let nobody write to an address again, or not one account; takes effect at once."""
    with session(changes=True) as s:
        new = choices.stop_sender(s.store, address, sender) if sender else choices.stop_all(s.store, address)
    say(f"{sender or 'nobody'} may {'not write' if sender else 'write'} to {address}" + ("" if new else ", as before"))


@app.command("allow")
def allow(address: Address, sender: BySender = None) -> None:
    """Let people write to an address again, or one account."""
    with session(changes=True) as s:
        new = choices.allow_sender(s.store, address, sender) if sender else choices.allow_all(s.store, address)
    say(f"{sender or 'everybody not stopped by name'} may write to {address}" + ("" if new else ", as before"))


@app.command("export")
def export(address: Address) -> None:
    """Print all that is known of an address, as JSON."""
    with session() as s:
        print_json(choices.export(s.store, address))


@app.command("erase")
def erase(
    address: Address,
    sure: Annotated[bool, typer.Option("--yes", help="it cannot be taken back")] = False,
) -> None:
    """Forget an address: rows, mailbox, words, profiles. Letters, credits and the log stay; nobody may write to it."""
    if not sure:
        raise Invalid(f"erasing {address} cannot be taken back: say so with --yes")
    with session(changes=True) as s:
        erased = choices.erase(s.store, address)
    say(f"{address} is forgotten: it stood in {plural(erased, 'InMail', 'InMails')}")
