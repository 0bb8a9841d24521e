"""``inmail queue``: what stands in each queue, and the switch that stops one in every process at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from dramatiq.errors import BrokerConnectionError, QueueNotFound

from cli.account import Json
from cli.output import print_json, say, span, table
from cli.session import queues_of, unreached_session
from engine.errors import NotFound
from workers import broker as queues
from workers.broker import DurableRedisBroker
from workers.wiring import QUEUES, SEND

app = typer.Typer(help="See what is queued; pause and resume a queue.", no_args_is_help=True)

QueueName = Annotated[str, typer.Argument(metavar="QUEUE", help="send or refund")]


@contextmanager
def broker() -> Iterator[DurableRedisBroker]:
    """The broker, to look at and to steer; an unknown queue becomes NotFound."""
    with unreached_session() as s, queues_of(s.settings, s.redises) as made:
        try:
            yield made
        except QueueNotFound as error:
            # Not str(error), which for an empty name is its quotation.
            text = f"no queue {str(error.message)[:60]!r}; there are: {', '.join(QUEUES)}"
            raise NotFound(text, code="no_queue") from None


def stands_still(b: DurableRedisBroker, queue: str) -> bool:
    """Whether a queue is paused; False as well where its Redis does not answer, for those who say it by the way."""
    try:
        return any(q.queue == queue and q.paused for q in queues.queue_list(b))
    except BrokerConnectionError:
        return False


def still_line(found: Mapping[str, Any], b: DurableRedisBroker) -> str:
    """What to tell of a campaign that has something to send while the send queue is paused; '' where all is well."""
    counts = found["counts"]
    if found["state"] == "cancelled" or not (counts["queued"] or counts["claimed"]) or not stands_still(b, SEND):
        return ""
    return f"the {SEND} queue is paused: nothing goes out; resume: inmail queue resume {SEND}"


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the queues: messages ready, delayed, running and dead, and whether it is paused."""
    with broker() as b:
        found = queues.queue_list(b)
    if as_json:
        print_json({"items": [{name: getattr(q, name) for name in q.__slots__} for q in found], "next": None})
        return
    if not found:
        say("no queue was ever used")
        return
    numbers = ("ready", "delayed", "running", "dead")
    rows = [
        (
            q.queue,
            *(f"{getattr(q, n):,}" for n in numbers),
            "paused" if q.paused else "open",
            span(q.oldest_ms) if q.oldest_ms is not None else "–",
        )
        for q in found
    ]
    table(("queue", *numbers, "state", "oldest ready"), rows, right=numbers)


@app.command("pause")
def pause(queue: QueueName) -> None:
    """Let no process begin another message of a queue, within a second; what is running runs to its end."""
    with broker() as b:
        changed = queues.pause(b, queue, expected=queue in QUEUES)
    say(f"queue {queue} {'is paused now' if changed else 'was paused already'}")


@app.command("resume")
def resume(queue: QueueName) -> None:
    """Hand out a paused queue's messages again."""
    with broker() as b:
        # One of ours that was never used is not paused: no error, as it is none for one that was.
        used = queue not in QUEUES or any(q.queue == queue for q in queues.queue_list(b))
        changed = used and queues.resume(b, queue)
    say(f"queue {queue} {'goes on' if changed else 'was not paused'}")
