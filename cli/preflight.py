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
from engine.forecast import Terms, forecast
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
    terms = Terms(order.refund_after_ms, order.start_at_ms, order.strict, order.seat, order.refund_when)
    with RejectsFile(rejects or Path(os.devnull), listed.source_columns) as file, reading(listed) as progress:
        kept = None if rejects is None else file
        return forecast(s.store, owner, listed, message, terms, kept, progress)


_FIRST_WAVE = {
    "contacts": "once an open InMail is answered or falls due",
    "credits": "once a credit comes home or is granted",
    "seat": "once a month begins or the seat's cap is raised",
    "audit": "once the account may send again (inmail audit says why it may not)",
}


def _waves(found: dict[str, Any]) -> str:
    waves = found["waves_if_nobody_answers"]
    if not found["credits_needed"]:
        return "none: nobody is left to write to"
    short = found["credits_needed"] + found["queued_before"] > found["credits_available"]
    pays_answers, any_credit = found["refund_when"] == "answered", found["credits_available"] + found["credits_held"]
    if waves is None and any_credit and pays_answers and short:
        return "not all can be written to if nobody answers: what falls due is spent, only an answer is paid back"
    if waves is None and any_credit:
        return "as many as months pass until the seat's cap has let all go, unless it is raised"
    if waves is None:
        return "none: there is no credit to begin with"
    what = "an answer gives its credit back" if pays_answers else "an answer spends its credit"
    told = f"{waves:,} if nobody answers, {span(found['refund_after_ms'])} each ({what})"
    return told if found["sent_at_once"] else f"{told}; the first {_FIRST_WAVE[found['waiting_for']]}"


def show(found: dict[str, Any]) -> None:
    """The dry run as a person reads it."""
    contacts, before = found["simultaneous_contacts"], found["queued_before"]
    rejected = f"{found['rejected']:,}"
    if found["rejected"]:
        rejected += f" ({by_reason(found['rejected_by_reason'])})"
    skipped = f"{found['suppressed']:,} suppressed, {found['pair_locked']:,} with an open InMail of yours"
    at_once = "sent at its start" if found["start_at_ms"] else "sent at once"
    rest = f"; the rest waits for {found['waiting_for']}" if found["waiting_for"] else ""
    pairs(
        {
            "accepted": f"{found['accepted']:,}",
            "of these skipped": skipped,
            "rejected": rejected,
            "credits needed": f"{found['credits_needed']:,}",
            "credits at hand": f"{found['credits_available']:,} available, {found['credits_held']:,} held",
            "open contacts": f"{found['credits_held']:,} of {contacts:,} in use" if contacts else "no limit",
            **({"queued before": f"{before:,} of your other campaigns, which may go first"} if before else {}),
            at_once: f"{found['sent_at_once']:,} of {found['credits_needed']:,}{rest}",
            "waves": _waves(found),
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
