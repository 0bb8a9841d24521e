"""``inmail simulate``: an account's credits over the time to come, as a table and a plot, on the engine itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.account import Json
from cli.asking import utf8
from cli.output import listing, narrow, pairs, print_json, say
from cli.output_file import STDOUT, Force, shown, written
from cli.plot import draw, span_of
from cli.session import session
from cli.simulate_asked import A_DAY_MAX, a_months, check_plot, parse_a_day, parse_changes, start_ms, within
from cli.simulated_days import Row, grouped
from cli.simulation import Scenario, Simulation
from cli.simulation_start import Present, read_present
from config import logging
from config.settings import get_settings
from engine.errors import Invalid
from engine.plans import find_plan
from workers.runtime import the_offer

DAYS_MAX = 3_660
DRIFT = 4
_COLUMNS = ("date", "available", "held", "spent", "granted", "expired", "state")
_STATES = {"past_due": "past due", "none": "–"}


Days = Annotated[int, typer.Option(metavar="N", min=1, max=DAYS_MAX, help="so many days")]
Account = Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="a real one, as it stands now")]
PlanName = Annotated[
    str | None,
    typer.Option("--plan", metavar="PLAN", callback=utf8, help="a new account's plan, or another for ACCOUNT"),
]
Annual = Annotated[bool, typer.Option("--annual", help="that plan paid by the year")]
ADay = Annotated[
    str | None,
    typer.Option(metavar="X", help="InMails a day, such as 2.5; else as ACCOUNT sent of late, or a month's credits"),
]
Answered = Annotated[int, typer.Option(metavar="PERCENT", min=0, max=100, help="of these are answered")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--change", metavar="DAY:PLAN[:annual|:monthly]", help="change the plan; again for more"),
]
Cancel = Annotated[int | None, typer.Option(metavar="DAY", min=0, max=DAYS_MAX, help="cancel on that day")]
Fail = Annotated[
    int | None, typer.Option(metavar="DAY", min=0, max=DAYS_MAX, help="the first payment from that day on fails")
]
PayLate = Annotated[
    int | None,
    typer.Option(metavar="DAYS", min=0, max=DAYS_MAX, help="pay so long after it was due, or after it failed"),
]
Start = Annotated[str | None, typer.Option(metavar="DATE", help="the first day, YYYY-MM-DD; else today")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE.svg", help="draw it; '-' draws on stdout, without the table")]
Every = Annotated[
    Literal["day", "week", "month"] | None, typer.Option(help="a row for each; else as many as fit a page")
]


def simulate(
    days: Days,
    account: Account = None,
    plan: PlanName = None,
    annual: Annual = False,
    a_day: ADay = None,
    answered: Answered = 30,
    change: Changes = None,
    cancel: Cancel = None,
    fail: Fail = None,
    pay_late: PayLate = None,
    start: Start = None,
    plot: Plot = None,
    force: Force = False,
    every: Every = None,
    as_json: Json = False,
) -> int:
    """Simulate an account's credits over time: on the engine itself, in memory, without touching anything.

    Of ACCOUNT its plan, wallet, subscription and pace are read. Days count from 0, the first.
    """
    logging.configure("error", get_settings().log_format)
    offer = the_offer()
    if plot is not None:
        check_plot(plot, force=force, as_json=as_json)
    chosen = find_plan(offer.plans, plan) if plan is not None else None
    if chosen is None and (account is None or annual):
        raise Invalid("say which plan: --plan business" if annual else "say which ACCOUNT, or which plan: --plan P")
    if start is not None and account is not None:
        raise Invalid("--start is for a new account; a real one is simulated from now on")
    asked_pace, begins_ms = parse_a_day(a_day) if a_day is not None else None, start_ms(start)
    changes = parse_changes(change or [], offer.plans, days)
    cancel, fail = within(cancel, "--cancel", days), within(fail, "--fail", days)
    present = _present(account) if account is not None else None
    pace = asked_pace if asked_pace is not None else present.a_day if present else a_months(chosen)
    scenario = Scenario(
        replace(offer, provider="manual"),
        days,
        present.now_ms if present else begins_ms,
        plan=chosen,
        annual=annual,
        a_day=min(pace, Fraction(A_DAY_MAX)),
        answered_percent=answered,
        changes=changes,
        cancel_day=cancel,
        fail_day=fail,
        pay_late_days=pay_late,
        present=present,
    )
    simulation = Simulation(scenario)
    rows = list(simulation.rows())
    shown = list(grouped(rows, every or _every(days)))
    if plot is not None:
        title = f"Credits of {account}" if account else f"Credits on {chosen.name if chosen else ''}"
        with written(plot, force=force, option="--plot") as target:
            target.write(draw(rows, title=f"{title}, {span_of(rows)}", subtitle=_about(scenario)))
    if plot == STDOUT:
        pass
    elif as_json:
        items = [row.as_dict() for row in shown]
        print_json({"about": _about(scenario), "items": items, "next": None, "audit": simulation.drift})
    else:
        _show(shown, _about(scenario), simulation.drift, plot)
    return DRIFT if simulation.drift else 0


def _present(account: str) -> Present:
    with session() as s:
        return read_present(s.store, account)


def _every(days: int) -> str:
    return "day" if days <= 31 else "week" if days <= 183 else "month"


def _about(it: Scenario) -> str:
    """What was simulated, in a line."""
    sub = it.present.sub if it.present and it.present.subscribed else None
    plan, annual = it.plan or (sub.plan if sub else None), it.annual if it.plan or not sub else sub.cycle == "annual"
    parts = [f"{plan.name}, paid {'annually' if annual else 'monthly'}" if plan else "no subscription"]
    a_day = float(round(it.a_day, 2))
    parts.append(f"{a_day:,g} InMail{'s' * (a_day != 1)} a day, {it.answered_percent} % answered")
    parts += [f"day {day}: {changed.name}" for day, (changed, _) in sorted(it.changes.items())]
    parts += [f"cancelled on day {it.cancel_day}"] if it.cancel_day is not None else []
    parts += [f"a payment fails from day {it.fail_day}"] if it.fail_day is not None else []
    parts += [f"paid {it.pay_late_days} days late"] if it.pay_late_days is not None else []
    return "; ".join(parts)


def _show(rows: Sequence[Row], about: str, drift: Sequence[str], plot: Path | None) -> None:
    say(about)
    cells = [
        (
            row.day.isoformat(),
            *(f"{getattr(row.wallet, name):,}" for name in _COLUMNS[1:6]),
            _STATES.get(row.state, row.state),
            "; ".join(event.text for event in row.events),
        )
        for row in rows
    ]
    listing(_COLUMNS, cells, right=_COLUMNS[1:6], below=narrow())
    last = rows[-1].wallet
    equation = f"{last.granted:,} granted = {last.available:,} available + {last.held:,} held"
    pairs(
        {
            "in the end": f"{equation} + {last.spent:,} spent + {last.expired:,} expired",
            "audit": "clean" if not drift else "; ".join(drift),
            **({"plot": shown(plot)} if plot else {}),
        }
    )
