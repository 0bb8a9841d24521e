"""Following a campaign live: progress per letter, the wallet, what it waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.output import bar, console, counts_told, in_a_line, say, span
from cli.queue import still_line
from cli.session import Session, queues_of
from engine import campaigns, credits


def follow(s: Session, campaign: str) -> None:
    """Show a campaign until it is closed or cancelled with nothing open; Ctrl-C stops watching, nothing else."""
    try:
        with queues_of(s.settings, s.redises) as queues, _live() as live:
            while True:
                found = campaigns.describe(s.store, campaign)
                wallet = credits.wallet(s.store, found["account"])
                live.update(panel(found, wallet, s.store.now_ms(), still_line(found, queues)))
                if over(found):
                    return
                time.sleep(0.5)
    except KeyboardInterrupt:
        say(f"no longer watching; the campaign goes on (inmail campaign show {campaign})")


@contextmanager
def _live() -> Iterator[Live]:
    """A view that ends with a newline off a terminal as well, where rich leaves it out."""
    try:
        with Live(console=console, refresh_per_second=4, transient=False) as live:
            yield live
    finally:
        if not console.is_terminal:
            console.line()


def over(found: dict[str, Any]) -> bool:
    """Whether nothing will change any more but late answers."""
    counts = found["counts"]
    return not (counts["queued"] or counts["claimed"] or counts["sent"])


def panel(found: dict[str, Any], wallet: credits.Wallet, now_ms: int, still: str = "") -> Group:
    """The live view of one campaign; ``still`` says that the queue it goes through is paused."""
    state = f"waiting for {found['waiting_for']}" if found["waiting_for"] else found["state"]
    head = [Text(found["campaign"], "bold"), Text(found["name"]), Text(state, "bold yellow")]
    due = found["next_refund_due_ms"]
    if due:
        head.append(Text(f"next refund in {span(due - now_ms)}", "bright_black"))
    return Group(
        in_a_line(*head),
        *([Text(still, style="bold yellow")] if still else []),
        bar(found["counts"], max(20, min(console.width - 2, 100))),
        in_a_line(*counts_told(found["counts"])),
        Text("credits  ").append(
            ", ".join(f"{n:,} {name}" for name, n in wallet.as_dict().items() if name != "expired")
        ),
    )
