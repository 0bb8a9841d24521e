"""Mailboxes and conversations: what a candidate received and answers, and the sender's folders of it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.panel import Panel
from rich.text import Text

from cli.account import Json
from cli.link import keys_of
from cli.output import console, listing, print_json, say, when
from cli.session import Session, session
from engine import answers, conversations, folders, mailbox
from engine.accounts import get_account
from engine.errors import Invalid
from engine.identity import account_of, parse_inmail
from engine.links import PURPOSE_OF, link_in


def inbox(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="whose mailbox, an e-mail address")],
    most: Annotated[int, typer.Option(min=1, max=500, help="at most so many InMails")] = 20,
    after: Annotated[str | None, typer.Option(metavar="INMAIL", help="older than this one")] = None,
    as_json: Json = False,
) -> None:
    """Show what an address received, rendered, newest first."""
    with session() as s:
        page, following = mailbox.inbox(s.store, address, most=most, after=after)
        linked = _links(s, [(item.inmail, item.state) for item in page])
    if as_json:
        items = [item.as_dict() | {"link": link} for item, link in zip(page, linked, strict=True)]
        print_json({"items": items, "next": following})
        return
    if not page:
        say(f"no InMail in the mailbox of {address}")
    for item, link in zip(page, linked, strict=True):
        title = Text.assemble((item.subject, "bold"))
        foot = f"{item.inmail} · {item.state} · {when(item.sent_at_ms)} UTC"
        head = Text(f"from {item.sender_name} <{item.sender_email}>\n\n", style="bright_black")
        console.print(
            Panel(Text.assemble(head, item.body), title=title, subtitle=foot, title_align="left", subtitle_align="left")
        )
        if link is not None:  # on a line of its own, so that it can be copied whole
            say(f"{PURPOSE_OF[item.state]}: {link}")
    if following:
        say(f"older: --after {following}")


def _links(s: Session, inmails: list[tuple[str, str]]) -> list[str | None]:
    """The reply link of each InMail in its state."""
    if not inmails:
        return []
    keys, now_ms = keys_of(s), s.store.now_ms()
    url, lifetime_ms = s.settings.public_url, s.settings.link_lifetime_ms
    return [link_in(keys, it, state, now_ms=now_ms, base_url=url, lifetime_ms=lifetime_ms) for it, state in inmails]


def reply(
    inmail: Annotated[str, typer.Argument(metavar="INMAIL", help="the InMail's id, such as acme.7.123")],
    address: Annotated[str, typer.Option("--as", metavar="ADDRESS", help="the recipient who answers")],
    accept: Annotated[bool, typer.Option("--accept", help="interested")] = False,
    decline: Annotated[bool, typer.Option("--decline", help="not interested")] = False,
    not_now: Annotated[
        str | None, typer.Option("--not-now", metavar="DATE", help="not now, but again after that day (YYYY-MM-DD)")
    ] = None,
    reason: Annotated[str, typer.Option(help=f"why not: {', '.join(answers.REASONS)}")] = "",
    text: Annotated[str, typer.Option(help="a few words, up to 2,000 characters")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="take the answer back, within ten minutes")] = False,
    as_json: Json = False,
) -> None:
    """Answer an InMail as its recipient. Before it falls due it decides the credit; after that, nothing."""
    if accept + decline + (not_now is not None) + undo != 1:
        raise Invalid("say one of --accept, --decline, --not-now DATE and --undo")
    if undo and (reason or text):
        raise Invalid("--undo takes the answer back: it has no --reason and no --text")
    kind: answers.Kind = "accept" if accept else "decline" if decline else "not_now"
    with session(changes=True) as s:
        if undo:
            state, until_ms = answers.undo(s.store, inmail, address=address), 0
        else:
            said = {"reason": reason, "until": not_now or "", "text": text}
            done = answers.answer(s.store, inmail, address=address, kind=kind, **said)
            state, until_ms = done.state, done.undo_until_ms
    if as_json:
        print_json({"inmail": inmail, "state": state, "undo_until_ms": until_ms or None})
    elif undo:
        say(f"{inmail}: the answer is taken back; it is {state} again")
    elif state == "late":
        say(f"{inmail}: the answer is noted as late; it had fallen due, and its credit stays where it went")
    else:
        say(f"{inmail}: {'not now' if kind == 'not_now' else state}; it can be taken back for ten minutes: --undo")


def conversation(
    inmail: Annotated[str, typer.Argument(metavar="INMAIL", help="the InMail's id, such as acme.7.123")],
    address: Annotated[
        str | None, typer.Option("--as", metavar="ADDRESS", help="as its recipient; without it, as its sender")
    ] = None,
    text: Annotated[str, typer.Option("--say", metavar="TEXT", help="write one more message first")] = "",
    as_json: Json = False,
) -> None:
    """Show an InMail with its answer and all that was written since; with --say, write to it."""
    with session(changes=bool(text)) as s:
        account = None if address is not None else account_of(parse_inmail(inmail).campaign)
        if text:
            conversations.say(s.store, inmail, text=text, account=account, address=address)
        if account is None:
            found = conversations.read(s.store, inmail, address=address or "")
        else:
            found = conversations.read_sent(s.store, inmail, account=account)
            conversations.seen(s.store, inmail, account=account)
    if as_json:
        print_json(found.as_dict("sender" if account else "candidate"))
        return
    say(f"{found.inmail} · {found.state} · {found.sender_name} to {found.recipient}")
    console.print(Panel(Text(found.body), title=Text(found.subject, "bold"), title_align="left"))
    if found.answer is not None:
        detail = f" ({found.answer.reason or found.answer.until})" if found.answer.reason or found.answer.until else ""
        _line(found.answer.at_ms, "candidate", f"{found.answer.kind.replace('_', ' ')}{detail} {found.answer.text}")
    for message in found.messages:
        _line(message.at_ms, message.side, message.text)


def _line(at_ms: int, side: str, text: str) -> None:
    console.print(Text.assemble((f"{when(at_ms)} {side}: ", "bright_black"), text.rstrip()))


def folder(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    name: Annotated[str, typer.Argument(metavar="FOLDER", help=", ".join(folders.FOLDERS))] = "accepted",
    campaign: Annotated[str | None, typer.Option(metavar="CAMPAIGN", help="of this campaign only")] = None,
    most: Annotated[int, typer.Option(min=1, max=500, help="at most so many")] = 20,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="the next page")] = None,
    as_json: Json = False,
) -> None:
    """List what became of an account's InMails, a folder at a time, and what in it is unread."""
    with session() as s:
        get_account(s.store, account)
        page, following = folders.folder(s.store, account, name, campaign=campaign, most=most, after=after)
        fresh = folders.unread(s.store, account)
    if as_json:
        print_json({"items": [each.as_dict("sender") for each in page], "next": following, "unread": fresh})
        return
    rows = [
        (each.inmail, each.recipient, each.answer.kind if each.answer else each.state, str(each.unread or ""), "")
        for each in page
    ]
    listing(("inmail", "address", "answer", "unread"), rows)
    say(f"unread: {fresh['total']} ({', '.join(f'{key} {n}' for key, n in fresh.items() if key != 'total')})")
    if following:
        say(f"more: --after {following}")
