"""``inmail drill``: real processes under load, one killed at random each round, and what that cost."""

from __future__ import annotations

import random
import secrets
import signal
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from cli.account import Json
from cli.drill_round import PEOPLE, Round, play
from cli.drill_stage import VICTIMS, stage
from cli.drill_tally import Tally
from cli.output import print_json, say, table, warn
from config import logging
from config.settings import get_settings

DRIFT = 4


def drill(
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="how often somebody is killed")] = 20,
    seed: Annotated[int | None, typer.Option(help="for the same victims at the same moments again")] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="worker processes")] = 2,
    as_json: Json = False,
) -> int:
    """Kill workers, schedulers and Redis at random under load, and count what was lost, doubled or adrift.

    Runs on a private Redis in a temporary folder; the one INMAIL_REDIS_URL names is not touched.
    """
    logging.configure("error", get_settings().log_format)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to stop either way, it stops in good order
    seed = secrets.randbelow(10**6) if seed is None else seed
    tell = warn if as_json else say
    played: list[Round] = []
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="inmail-drill-", ignore_cleanup_errors=True) as folder:
        try:
            tell(f"seed {seed}: {rounds} rounds, {workers} worker processes, two schedulers, a private Redis")
            with stage(Path(folder), workers) as running:
                rng = random.Random(seed)
                for number in range(1, rounds + 1):
                    played.append(play(running, number, random.Random(rng.random())))
                    tell(_line(played[-1]))
                    if not played[-1].over:
                        break
        except KeyboardInterrupt:
            interrupted = True
    total = Tally()
    for each in played:
        total.add(each.tally)
    if as_json:
        print_json(
            {"seed": seed, "items": [each.as_dict() for each in played], "next": None, **_summary(played, total)}
        )
    else:
        _report(played, total)
    if interrupted:
        return 130
    if not total.clean:
        return DRIFT
    return 0 if len(played) == rounds and all(each.over for each in played) else 1


def _line(done: Round) -> str:
    verdict = "ok" if done.over and done.tally.clean else "NOT OVER" if not done.over else "BROKEN"
    back = "never back" if done.recovered_s is None else f"back in {done.recovered_s:5.2f} s"
    forgot = f"  ({done.forgot} deleted)" if done.forgot else ""
    killed = f"{done.victim:17} killed at {done.killed_at_s:4.2f} s"
    return f"{done.number:4}  {killed}  {back}  over in {done.took_s:4.1f} s  {verdict}{forgot}"


def _summary(played: list[Round], total: Tally) -> dict[str, Any]:
    back = [each.recovered_s for each in played if each.recovered_s is not None]
    took = [each.took_s for each in played]
    return {
        "rounds": len(played),
        "inmails": len(played) * PEOPLE,
        "not_over": sum(not each.over for each in played),
        "recovered_median_s": round(median(back), 2) if back else None,
        "recovered_max_s": round(max(back), 2) if back else None,
        "took_median_s": round(median(took), 2) if took else None,
        "took_max_s": round(max(took), 2) if took else None,
        **total.as_dict(),
    }


def _report(played: list[Round], total: Tally) -> None:
    if not played:
        say("no round was played to its end")
        return
    rows = []
    for victim in VICTIMS:
        back = [each.recovered_s for each in played if each.victim == victim and each.recovered_s is not None]
        if back:
            rows.append((victim, str(len(back)), f"{median(back):.2f} s", f"{max(back):.2f} s"))
    say("")
    table(("victim", "rounds", "back: median", "longest"), rows, right=("rounds", "back: median", "longest"))
    for line in total.drift:
        say(f"  {line}")
    found = _summary(played, total)
    say(
        f"{found['rounds']} rounds, {found['inmails']:,} InMails: {total.doubled} doubled, {total.lost} lost, "
        f"{total.answers_lost} answers lost, {len(total.drift)} drifts, {found['not_over']} not over"
    )
    say(
        f"back in {found['recovered_median_s']} s (median), {found['recovered_max_s']} s (longest); "
        f"a round took {found['took_median_s']} s (median), {found['took_max_s']} s (longest)"
    )
