"""``inmail demo``: the main job on a time-lapse clock, with real processes and a Redis of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from cli import demo_search, up, watch
from cli.audience import ACCEPT, DECLINE, LATE, audience
from cli.output import bar, console, counts_line, counts_told, in_a_line, pairs, say, table
from config.settings import Settings, get_settings
from engine import campaigns, credits, opening, submitting
from engine.audit import audit
from engine.errors import Invalid, Unavailable
from engine.intake.lists import CandidateList, open_list
from engine.message import Message, parse_message
from engine.plans import Plan, find_plan
from engine.store import Store
from workers.embedded_redis import EmbeddedRedis
from workers.runtime import open_store, plan_catalogue

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WINDOW_S = 10.0
"""What seven days take here."""
DAYS = 7
TIME_MAX_S = 600.0
ACCOUNT = "demo"


def demo(
    candidates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="a real list; without it, made-up people")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="worker processes")] = 1,
) -> int:
    """Run the main job on a time-lapse clock: a search, a list, fewer credits than people, answers, refunds, waves."""
    settings = get_settings()
    if str(candidates) == "-":
        raise Invalid("--candidates reads a file, twice: it cannot read stdin")
    source = candidates or EXAMPLES / "candidates.csv"
    people = _count(source)
    with tempfile.TemporaryDirectory(prefix="inmail-demo-") as folder, open_list(source) as listed:
        message = _message(listed)
        redis = EmbeddedRedis(Path(folder), prefer=settings.embedded)
        info = redis.attach()
        store = open_store(info.url, settings)
        try:
            _introduce(source, info.kind, workers)
            searched = _search(store, settings, Path(folder) / "index", source)
            campaign = _submit(store, settings, listed, message, people)
            with ExitStack() as running:
                running.enter_context(_processes(info.url, workers))
                for each in filter(None, (campaign, searched)):
                    running.enter_context(audience(store, each, WINDOW_S))
                if not _show_until_over(store, campaign, searched):
                    raise Unavailable(f"the demo did not end within {TIME_MAX_S:g} s: see the messages above")
            return _report(store, campaign, searched)
        finally:
            store.client.close()
            redis.detach()


def _introduce(source: Path, kind: str, workers: int) -> None:
    console.print(Rule("InMail: a campaign from a list to its day-7 refunds", style="bright_black"))
    say(f"list      {source.name}")
    say(f"clock     time-lapse: the {DAYS}-day window takes {WINDOW_S:g} s, a day {WINDOW_S / DAYS:.1f} s")
    say(f"answers   simulated: {ACCEPT:.0%} say yes, {DECLINE:.0%} no, {LATE:.0%} too late; the rest stay silent")
    say(f"running   a private Redis ({kind}), a scheduler, {workers} worker process{'es' if workers > 1 else ''}")


def _message(listed: CandidateList) -> Message:
    body = (EXAMPLES / "body.txt").read_text("utf-8")
    if not {"first_name", "company"} <= set(listed.columns):
        greeting = next((name for name in ("first_name", "full_name") if name in listed.columns), None)
        hello = f'Hello {{{{ {greeting} | default("there") }}}},' if greeting else "Hello,"
        body = f"{hello}\n\nwould you be open to a short call next week? A plain yes or no is welcome."
    return parse_message("A role that may suit you", body, columns=listed.columns)


def _count(source: Path) -> int:
    with open_list(source) as listed:
        return sum(len(batch.accepted) for batch in listed.batches())


def _search(store: Store, settings: Settings, index: Path, source: Path) -> str | None:
    plan = find_plan(plan_catalogue(settings), "business")
    order = submitting.Order("Found", settings.pack_size, refund_after_ms=int(WINDOW_S * 1000))
    return demo_search.find_and_write(store, index, source, plan, order, _message)


def _submit(store: Store, settings: Settings, listed: CandidateList, message: Message, people: int) -> str:
    plan = find_plan(plan_catalogue(settings), "executive")
    if people > 2 * plan.simultaneous_contacts:
        # On the real plan a list so long would take more waves than one cares to watch.
        plan = Plan("demo", "Demo (no limit of contacts)", credits_a_month=plan.credits_a_month)
    opening.open_account(store, ACCOUNT, email="alma@example.org", name="Alma, Harbour Talent", plan=plan)
    if people > 2 * plan.credits_a_month:
        credits.grant(store, ACCOUNT, people // 2 - plan.credits_a_month, reason="half as many as people")
    wallet = credits.wallet(store, ACCOUNT)
    order = submitting.Order("Demo", settings.pack_size, refund_after_ms=int(WINDOW_S * 1000))
    done = submitting.submit(store, ACCOUNT, listed, message, order)
    rejected = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in done.tally.rejected.items())
    say(f"account   plan {plan.name}: {wallet.available:,} credits for {done.tally.accepted:,} people")
    if rejected:
        say(f"rejected  {rejected}")
    console.print()
    return done.campaign


@contextmanager
def _processes(url: str, workers: int) -> Iterator[None]:
    env = up.child_env(url, url) | {"INMAIL_LOG_LEVEL": "error"}
    family = up.children(workers, env)
    done = threading.Event()

    def tend() -> None:
        while not done.wait(0.5):
            for child in family:
                child.tend()

    for child in family:
        child.tend()
    tender = threading.Thread(target=tend, daemon=True)
    tender.start()
    try:
        yield
    finally:
        done.set()
        tender.join()
        up.stop_all(family)


def _show_until_over(store: Store, campaign: str, searched: str | None) -> bool:
    """The live view; without a terminal, a line a day. False when it took too long."""
    started, last, shown_day = time.monotonic(), "", -1
    live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
    with live or open(os.devnull):  # noqa: PTH123 - a context that does nothing
        while time.monotonic() - started < TIME_MAX_S:
            found = campaigns.describe(store, campaign)
            wallet = credits.wallet(store, ACCOUNT)
            day = (time.monotonic() - started) / WINDOW_S * DAYS
            if live is not None:
                live.update(_panel(store, found, wallet, day))
            elif (line := f"{counts_line(found['counts'])}") != last and int(day) != shown_day:
                last, shown_day = line, int(day)
                say(f"day {shown_day:2}  {line}  credits: {wallet.available} available, {wallet.held} held")
            if watch.over(found) and (searched is None or watch.over(campaigns.describe(store, searched))):
                return True
            time.sleep(0.125 if live is not None else 0.5)
    return False


def _panel(store: Store, found: dict[str, Any], wallet: credits.Wallet, day: float) -> Any:
    group = watch.panel(found, wallet, store.now_ms())
    group.renderables[0] = Text.assemble(
        (f"day {day:4.1f}  ", "bold"), (f"wave {len(_waves(store, found['campaign']))}  ", "bold"), _state(found)
    )
    return group


def _state(found: dict[str, Any]) -> Text:
    if found["waiting_for"]:
        return Text(f"waiting for {found['waiting_for']}: {found['counts']['queued']} people left", style="yellow")
    return Text({"sent": "all sent, the last answers are awaited"}.get(found["state"], found["state"]), style="green")


def _waves(store: Store, campaign: str) -> list[dict[str, int]]:
    """Claims that came close together are one wave: when it began, and how many were claimed."""
    waves: list[dict[str, int]] = []
    for entry in credits.log(store, ACCOUNT):
        if entry.kind != "claim" or entry.campaign != campaign or not entry.n:
            continue
        if waves and entry.at_ms - waves[-1]["last_ms"] < WINDOW_S * 1000 / 3:
            waves[-1]["n"] += entry.n
            waves[-1]["last_ms"] = entry.at_ms
        else:
            waves.append({"at_ms": entry.at_ms, "last_ms": entry.at_ms, "n": entry.n})
    return waves


def _report(store: Store, campaign: str, searched: str | None) -> int:
    waves = _waves(store, campaign)
    outcome: list[dict[str, int]] = [{} for _ in waves]
    for recipient in campaigns.recipients(store, campaign):
        if not recipient.sent_at_ms:
            continue
        at = max(i for i, wave in enumerate(waves) if i == 0 or wave["at_ms"] <= recipient.sent_at_ms)
        outcome[at][recipient.state] = outcome[at].get(recipient.state, 0) + 1
    console.print()
    console.print(Rule("report", style="bright_black"))
    _waves_table(waves, outcome)
    found = campaigns.describe(store, campaign)
    wallet = credits.wallet(store, ACCOUNT)
    written = found["recipients"] - found["counts"]["queued"]
    console.print()
    console.print(bar(found["counts"], max(20, min(console.width - 2, 100))))
    console.print(in_a_line(*counts_told(found["counts"])))
    drift = [line for account in (ACCOUNT, demo_search.ACCOUNT) for line in audit(store, account).drift]
    by_search = {"search": counts_line(campaigns.describe(store, searched)["counts"])} if searched else {}
    equation = f"{wallet.granted} granted = {wallet.available} available + {wallet.held} held"
    pairs(
        {
            "reach": f"{written} people written to with {wallet.granted} credits, each exactly once",
            "credits": f"{equation} + {wallet.spent} spent + {wallet.expired} expired",
            **by_search,
            "audit": "clean" if not drift else "; ".join(drift),
        }
    )
    return 4 if drift else 0


def _waves_table(waves: list[dict[str, int]], outcome: list[dict[str, int]]) -> None:
    """A row for each wave: when it went out, what became of it, which credits it cost and which came back."""
    rows = []
    for i, (wave, counts) in enumerate(zip(waves, outcome, strict=True)):
        day = (wave["at_ms"] - waves[0]["at_ms"]) / 1000 / WINDOW_S * DAYS
        spent = counts.get("answered", 0) + counts.get("declined", 0)
        home = counts.get("refunded", 0) + counts.get("late", 0)
        rows.append((i + 1, f"{day:.1f}", wave["n"], *(counts.get(w, 0) for w in _WORDS), spent, home))
    heads = ("wave", "day", "sent", *_WORDS, "credits\nspent", "credits\nback")
    table(heads, rows, right=heads)


_WORDS = ("answered", "declined", "refunded", "late")

if __name__ == "__main__":
    sys.exit(demo())
