"""``inmail inbox`` and ``inmail reply``: what a candidate received, and the answer."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from cli.account import Json
from cli.output import console, print_json, say, when
from cli.session import session
from engine import mailbox
from engine.errors import Invalid


def register(app: typer.Typer) -> None:
    """Add the two commands to the root."""
    app.command("inbox")(inbox)
    app.command("reply")(reply)


def inbox(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="whose mailbox, an e-mail address")],
    most: Annotated[int, typer.Option(min=1, max=500, help="at most so many InMails")] = 20,
    after: Annotated[str | None, typer.Option(metavar="INMAIL", help="older than this one")] = None,
    as_json: Json = False,
) -> None:
    """Show what an address received, rendered, newest first."""
    with session() as s:
        page, following = mailbox.inbox(s.store, address, most=most, after=after)
    if as_json:
        print_json({"items": [item.as_dict() for item in page], "next": following})
        return
    if not page:
        say(f"no InMail in the mailbox of {address}")
    for item in page:
        title = Text.assemble((item.subject, "bold"))
        foot = f"{item.inmail} · {item.state} · {when(item.sent_at_ms)} UTC"
        head = Text(f"from {item.sender_name} <{item.sender_email}>\n\n", style="bright_black")
        console.print(
            Panel(Text.assemble(head, item.body), title=title, subtitle=foot, title_align="left", subtitle_align="left")
        )
    if following:
        say(f"older: --after {following}")


def reply(
    inmail: Annotated[str, typer.Argument(metavar="INMAIL", help="the InMail's id, such as acme.7.123")],
    address: Annotated[str, typer.Option("--as", metavar="ADDRESS", help="the recipient who answers")],
    accept: Annotated[bool, typer.Option("--accept", help="interested")] = False,
    decline: Annotated[bool, typer.Option("--decline", help="not interested")] = False,
    text: Annotated[str, typer.Option(help="a few words, up to 2,000 characters")] = "",
    as_json: Json = False,
) -> None:
    """Answer an InMail as its recipient. Before the refund it spends the credit; after it, that stays refunded."""
    if accept == decline:
        raise Invalid("say either --accept or --decline")
    with session(changes=True) as s:
        letter = mailbox.reply(s.store, inmail, address=address, accept=accept, text=text)
    outcome = {"A": "answered", "D": "declined", "L": "late"}[letter]
    if as_json:
        print_json({"inmail": inmail, "state": outcome})
    elif letter == "L":
        say(f"{inmail}: the answer is noted as late; the credit had been refunded and stays so")
    else:
        say(f"{inmail}: {outcome}")
