"""``inmail dead``: messages that failed for good, kept until an operator retries or drops them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.account import Json
from cli.output import console, listing, pairs, plural, print_json, say, when
from cli.queue import broker
from engine.errors import Invalid, NotFound, one_line
from workers import broker as queues
from workers.broker import DeadLetter, DurableRedisBroker
from workers.wiring import QUEUES

app = typer.Typer(help="Messages that failed for good: look, retry, drop.", no_args_is_help=True)

# An id may begin with '-': it is to be read as an id, not as an option nobody knows, nor as -h and further letters.
ANY_ID: dict[str, Any] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
Which = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="dead letters' ids, as listed, or message_ids, as logged")
]
Group = Annotated[str | None, typer.Option(metavar="GROUP", help="all of one group, as listed")]
Everything = Annotated[bool, typer.Option("--all", help="every dead letter there is")]
_NAMED_MAX = 20
"""So many ids that were not found are named."""


@app.command("list")
def list_(
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="only this queue's")] = None,
    group: Annotated[str | None, typer.Option(metavar="GROUP", help="every dead letter of this group, by id")] = None,
    after: Annotated[str | None, typer.Option(metavar="NEXT", help="with --group: as the page before says")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="with --group: so many a page")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters grouped by error, the largest group first; with --group, those of one group, oldest first."""
    if group is not None:
        _list_group(queue, group, after, most, as_json)
        return
    if after is not None:
        raise Invalid("--after goes with --group GROUP: groups are not paged")
    with broker() as b:
        groups = [] if _unused(b, queue) else queues.dead_list(b, queue)
    if as_json:
        print_json({"items": [{name: getattr(g, name) for name in g.__slots__} for g in groups], "next": None})
        return
    if not groups:
        say("no dead letters")
        return
    rows = [
        (
            g.group,
            f"{g.count:,}",
            when(g.last_ms),
            g.sample_id,
            f"{g.queue}, {g.actor}: {_line(g.error_type, g.error_message)}",
        )
        for g in groups
    ]
    listing(("group", "count", "last (UTC)", "sample"), rows, right=("count",), below=True)


def _unused(b: DurableRedisBroker, queue: str | None) -> bool:
    """Whether it is a queue of ours that was never used: no error, though the broker knows nothing of it."""
    return queue in QUEUES and all(q.queue != queue for q in queues.queue_list(b))


def _line(error_type: str, error_message: str) -> str:
    return one_line(f"{error_type}: {error_message}")


def _list_group(queue: str | None, group: str, after: str | None, most: int, as_json: bool) -> None:
    letters: list[DeadLetter] = []
    following: str | None = None
    with broker() as b:
        try:
            if not _unused(b, queue):
                letters, following = queues.dead_page(b, group, queue=queue, after=after or "", most=most)
        except ValueError:
            raise Invalid(f"--after {(after or '')[:60]!r}: give it as the page before says") from None
    if not letters and after is None:
        raise NotFound(f"no dead letters of group {group[:60]!r}; list them with: inmail dead list", code="no_group")
    if as_json:
        print_json({"items": [_document(letter) for letter in letters], "next": following})
        return
    rows = [
        (each.id, when(each.at_ms), f"({_arguments(each)}) {_line(each.error_type, each.error_message)}")
        for each in letters
    ]
    listing(("id", "died (UTC)"), rows)
    if following is not None:
        say(f"more: --after {following}")


@app.command("show", context_settings=ANY_ID)
def show(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="its id, as listed, or its message_id, as logged")],
    as_json: Json = False,
) -> None:
    """Show one dead letter: its error, where it came from, and the message."""
    with broker() as b:
        ids = queues.dead_resolve(b, [message_id])[message_id]
        letter = queues.dead_show(b, ids[0]) if ids else None
    if letter is None:
        raise NotFound(f"no dead letter {message_id[:60]!r}; list them with: inmail dead list", code="no_dead_letter")
    if as_json:
        print_json(_document(letter))
        return
    pairs(
        {
            "id": letter.id,
            "message_id": letter.message_id or "not readable",
            "queue": letter.queue,
            "actor": letter.actor,
            "arguments": _arguments(letter),
            "died": f"{when(letter.at_ms)} UTC",
            "error": _line(letter.error_type, letter.error_message),
            "group": letter.group,
        }
    )
    if letter.traceback:
        # Not wrapped at the terminal's edge: a traceback is copied from here. It may quote what steers a terminal.
        text = "".join(char if char.isprintable() or char in "\n\t" else "?" for char in letter.traceback)
        console.print(Text(text, style="bright_black"), soft_wrap=True)


def _arguments(letter: DeadLetter) -> str:
    message = letter.message()
    return "not readable" if message is None else ", ".join(map(repr, message.args))


def _document(letter: DeadLetter) -> dict[str, Any]:
    message = letter.message()
    fields = {name: getattr(letter, name) for name in letter.__slots__ if name != "body"}
    args = None if message is None else list(message.args)
    return {**fields, "message_id": letter.message_id or None, "args": args}


@app.command("retry", context_settings=ANY_ID)
def retry(ids: Which = None, group: Group = None, everything: Everything = False) -> None:
    """Run dead letters again, each from its first attempt."""
    _each(queues.dead_retry, ("is in its queue again", "are in their queues again"), ids, group, everything)


@app.command("drop", context_settings=ANY_ID)
def drop(ids: Which = None, group: Group = None, everything: Everything = False) -> None:
    """Throw dead letters away. What they were about is found by the scheduler's sweep, so nothing is lost by it."""
    _each(queues.dead_drop, ("is gone", "are gone"), ids, group, everything)


def _each(
    do: Callable[..., int], done: tuple[str, str], ids: list[str] | None, group: str | None, everything: bool
) -> None:
    """Do it with all that is there; raises NotFound for the ids that are not, once the others are done."""
    if sum((bool(ids), group is not None, everything)) != 1:
        raise Invalid("say which, in one of three ways: message ids, --group GROUP, or --all")
    with broker() as b:
        found = queues.dead_resolve(b, ids or ())
        n = do(b, [each for chosen in found.values() for each in chosen], group=group, everything=everything)
    missing = [given for given, chosen in found.items() if not chosen]
    if n or everything:
        say(plural(n, f"dead letter {done[0]}", f"dead letters {done[1]}"))
    if missing:
        named = ", ".join(repr(each[:60]) for each in missing[:_NAMED_MAX])
        more = f" and {len(missing) - _NAMED_MAX:,} more" if len(missing) > _NAMED_MAX else ""
        raise NotFound(f"no such dead letter: {named}{more}; list them with: inmail dead list", code="no_dead_letter")
    if n == 0 and not everything:
        raise NotFound("no such dead letter; list them with: inmail dead list", code="no_dead_letter")
