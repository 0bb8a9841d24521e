"""``inmail dead``: messages that failed for good, kept until an operator retries or drops them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from cli.account import Json
from cli.output import console, pairs, print_json, say, table, when
from cli.queue import broker
from engine.errors import Invalid, NotFound
from workers import broker as queues
from workers.broker import DeadLetter
from workers.wiring import QUEUES

app = typer.Typer(help="Messages that failed for good: look, retry, drop.", no_args_is_help=True)

Which = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="message ids, as listed")]
Group = Annotated[str | None, typer.Option(metavar="GROUP", help="all of one group, as listed")]
Everything = Annotated[bool, typer.Option("--all", help="every dead letter there is")]


@app.command("list")
def list_(
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="only this queue's")] = None, as_json: Json = False
) -> None:
    """List dead letters grouped by error, the largest group first."""
    with broker() as b:
        unused = queue in QUEUES and all(q.queue != queue for q in queues.queue_list(b))
        groups = [] if unused else queues.dead_list(b, queue)
    if as_json:
        print_json({"items": [{name: getattr(g, name) for name in g.__slots__} for g in groups], "next": None})
        return
    if not groups:
        say("no dead letters")
        return
    rows = [
        (
            g.group,
            g.queue,
            g.actor,
            f"{g.count:,}",
            f"{g.error_type}: {g.error_message}"[:80],
            when(g.last_ms),
            g.sample_id,
        )
        for g in groups
    ]
    table(("group", "queue", "actor", "count", "error", "last (UTC)", "sample"), rows, right=("count",))


@app.command("show")
def show(message_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one dead letter: its error, where it came from, and the message."""
    with broker() as b:
        letter = queues.dead_show(b, message_id)
    if letter is None:
        raise NotFound(f"no dead letter {message_id[:60]!r}; list them with: inmail dead list", code="no_dead_letter")
    if as_json:
        print_json(_document(letter))
        return
    message = letter.message()
    pairs(
        {
            "message": letter.id,
            "queue": letter.queue,
            "actor": letter.actor,
            "arguments": "not readable" if message is None else ", ".join(map(repr, message.args)),
            "died": f"{when(letter.at_ms)} UTC",
            "error": f"{letter.error_type}: {letter.error_message}",
            "group": letter.group,
        }
    )
    if letter.traceback:
        console.print(Text(letter.traceback, style="bright_black"))


def _document(letter: DeadLetter) -> dict[str, Any]:
    message = letter.message()
    fields = {name: getattr(letter, name) for name in letter.__slots__ if name != "body"}
    return {**fields, "args": None if message is None else list(message.args)}


def _chosen(ids: list[str] | None, group: str | None, everything: bool) -> dict[str, Any]:
    if sum((bool(ids), group is not None, everything)) != 1:
        raise Invalid("say which: message ids, or --group GROUP, or --all")
    return {"ids": ids or (), "group": group, "everything": everything}


def _none(n: int, everything: bool) -> None:
    if n == 0 and not everything:
        raise NotFound("no such dead letter; list them with: inmail dead list", code="no_dead_letter")


@app.command("retry")
def retry(ids: Which = None, group: Group = None, everything: Everything = False) -> None:
    """Run dead letters again, each from its first attempt."""
    chosen = _chosen(ids, group, everything)
    with broker() as b:
        n = queues.dead_retry(b, **chosen)
        _none(n, everything)
    say(f"{n:,} dead letters are in their queues again")


@app.command("drop")
def drop(ids: Which = None, group: Group = None, everything: Everything = False) -> None:
    """Throw dead letters away. What they were about is found by the scheduler's sweep, so nothing is lost by it."""
    chosen = _chosen(ids, group, everything)
    with broker() as b:
        n = queues.dead_drop(b, **chosen)
        _none(n, everything)
    say(f"{n:,} dead letters are gone")
