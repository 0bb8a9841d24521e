"""What ``campaign submit`` shows before anything is spent: the progress of reading, and the dry run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.output import console, errors, pairs, say, span
from cli.session import Session
from engine import preflight, submitting
from engine.accounts import Account
from engine.intake.lists import CandidateList
from engine.intake.rejects import RejectsFile
from engine.message import Message


def by_reason(rejected: dict[str, int]) -> str:
    """The counts of rejected rows in words."""
    return ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in sorted(rejected.items()))


def examine(
    s: Session,
    owner: Account,
    listed: CandidateList,
    message: Message,
    order: submitting.Order,
    rejects: Path | None,
) -> dict[str, Any]:
    """Check the whole list and forecast what a submit would do; writes only the rejects file, if one is named."""
    with RejectsFile(rejects or Path(os.devnull), listed.source_columns) as file, reading(listed) as progress:
        return preflight.forecast(
            s.store,
            owner,
            listed,
            message,
            refund_after_ms=order.refund_after_ms,
            strict=order.strict,
            rejects=None if rejects is None else file,
            progress=progress,
        )


def show(found: dict[str, Any]) -> None:
    """The dry run as a person reads it."""
    waves, contacts = found["waves_if_nobody_answers"], found["simultaneous_contacts"]
    rejected = f"{found['rejected']:,}"
    if found["rejected"]:
        rejected += f" ({by_reason(found['rejected_by_reason'])})"
    pairs(
        {
            "accepted": f"{found['accepted']:,}",
            "rejected": rejected,
            "skipped": f"{found['suppressed']:,} suppressed, {found['pair_locked']:,} with an open InMail of yours",
            "credits needed": f"{found['credits_needed']:,}",
            "credits at hand": f"{found['credits_available']:,} available, {found['credits_held']:,} held",
            "open contacts": f"{found['credits_held']:,} of {contacts:,} in use" if contacts else "no limit",
            "waves": "none: there is no credit to begin with"
            if waves is None
            else f"{waves:,} if nobody answers, {span(found['refund_after_ms'])} each (an answer spends its credit)",
        }
    )
    for line in found["rejected_first"]:
        say(f"rejected, {line}")
    for message in found["messages"]:
        head = Text(f"to {message['to']}\n\n", style="bright_black")
        console.print(
            Panel(Text.assemble(head, message["body"]), title=Text(message["subject"], "bold"), title_align="left")
        )
    say("dry run: nothing was submitted, nothing spent")


@contextmanager
def reading(listed: CandidateList) -> Iterator[preflight.Progress | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("reading"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]:,} rows"))
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True) as shown:
        task = shown.add_task("reading", total=listed.bytes_total, rows=0)
        yield lambda read, rows: shown.update(task, completed=read, rows=rows)
