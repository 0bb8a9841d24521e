"""``inmail up | scheduler | audit | repair | doctor``: what an operator runs."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from cli import doctor as checks
from cli import up as everything
from cli.account import Json
from cli.output import plural, print_json, say, warn
from cli.session import queues_answering, session
from cli.web import Port
from config.settings import get_settings
from engine import acceptance, agenda
from engine import audit as auditor
from engine.store import Store
from workers.runtime import the_offer

DRIFT = 4


def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="worker processes")] = 2,
    port: Port = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="no HTTP API")] = False,
) -> None:
    """Run all of it in one terminal: Redis where none is named, scheduler, workers, HTTP API. Ctrl-C stops it."""
    everything.run(workers, None if no_web else port or get_settings().web_port)


def scheduler() -> None:
    """Run the scheduler process; end it with Ctrl-C or SIGTERM."""
    from workers.main import actors, store
    from workers.middleware import Heartbeat
    from workers.scheduler import Scheduler

    settings = get_settings()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    heartbeat = Heartbeat(store, "scheduler")
    heartbeat.start()
    try:
        Scheduler(
            store, actors, settings.lease_ms, settings.in_flight, who=heartbeat.who, offer=the_offer(settings)
        ).run(stop)
    finally:
        heartbeat.stop()


def audit(
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="one account; without it, all")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="let accounts send again whose log went back, from the log as it is now")
    ] = False,
    as_json: Json = False,
) -> int:
    """Replay the log against wallet and letters; exit code 4 when anything drifts."""
    with session(changes=accept) as s:
        ids = [account] if account else auditor.audited_accounts(s.store)
        reports = [auditor.audit(s.store, each) for each in ids]
        accepted = [_accept(s.store, report) for report in reports] if accept else [False] * len(reports)
    drift = any(report.drift for report in reports)
    if as_json:
        items = [report.as_dict() | {"accepted": yes} for report, yes in zip(reports, accepted, strict=True)]
        print_json({"items": items, "next": None, "clean": not drift})
    else:
        for report, yes in zip(reports, accepted, strict=True):
            _tell(report, yes, accept)
        if not reports:
            say("no account to audit")
    return DRIFT if drift else 0


def _accept(store: Store, report: auditor.Report) -> bool:
    # What drifts was not merely set back to an earlier moment: going on would make it worse.
    return not report.drift and report.stopped is not None and acceptance.accept(store, report.account) is not None


def _tell(report: auditor.Report, accepted: bool, asked: bool) -> None:
    verdict = "clean" if not report.drift else "DRIFT"
    say(
        f"{report.account}: {verdict}: {plural(report.entries, 'log entry', 'log entries')}, "
        f"{plural(report.campaigns, 'campaign', 'campaigns')}, {plural(report.inmails, 'InMail', 'InMails')}"
    )
    for line in report.drift:
        say(f"  {line}")
    if report.stopped is None:
        return
    say(f"  stopped: Redis came back older than it had been ({report.stopped})")
    if accepted:
        say("  accepted: it sends again; InMails sent after that point may go out a second time")
    elif asked and not report.drift:
        say("  nothing was left to accept: it sends already")
    elif asked:
        say("  not accepted: it drifts; restore a backup of Redis, or report what is named above")
    else:
        say(f"  to send again from the log as it is now: inmail audit {report.account} --accept")


def repair(as_json: Json = False) -> None:
    """Do at once what the scheduler does by itself: find what was lost, send it on its way, say what was found."""
    from workers import repair as mending
    from workers.actors import Actors
    from workers.scheduler import Scheduler
    from workers.wiring import make_broker

    with session(changes=True) as s:
        broker = make_broker(s.redises.broker_url, s.settings.namespace, s.store)
        actors = Actors(broker, s.store, lease_ms=s.settings.lease_ms)
        try:
            scheduler = Scheduler(
                s.store, actors, s.settings.lease_ms, s.settings.in_flight, offer=the_offer(s.settings)
            )
            with queues_answering(s.settings, s.redises):
                found = mending.repair(scheduler)
            working = any(who.startswith("worker:") for who in agenda.present(s.store))
        finally:
            broker.close()
    if as_json:
        print_json(found.as_dict())
        return
    for n, what in (
        (found.accounts_put_back, "accounts with something to send were missing from the agenda: put back"),
        (found.campaigns_put_back, "campaigns were missing from the list of refunds to come: put back"),
        (found.uploads_cleared, "abandoned uploads cleared away"),
        (found.packs_to_send, "packs sent to the send queue"),
        (found.packs_to_refund, "packs whose refunds are due sent to the refund queue"),
    ):
        if n:
            say(f"{n:,} {what}")
    say(f"{found.accounts:,} {'account' if found.accounts == 1 else 'accounts'} looked at")
    if (found.packs_to_send or found.packs_to_refund) and not working:
        warn("no worker is running: what was queued waits for one (inmail up, or dramatiq workers.main)")


def doctor(as_json: Json = False) -> int:
    """Check settings, Redis, scheduler, workers and clock; say what is wrong and how to mend it."""
    findings = checks.examine()
    if as_json:
        print_json({"items": [finding.as_dict() for finding in findings], "next": None})
    else:
        checks.show(findings)
    return 1 if any(finding.level == "error" for finding in findings) else 0
