"""``inmail doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from cli import doctor_cluster, doctor_engine, doctor_redis
from cli.finding import Finding
from cli.output import console
from cli.session import queues_of, what_to_check
from config.settings import BadSettings, Settings, get_settings
from engine.errors import EngineError
from engine.store import RedisTrouble, Store, open_client, trouble_text
from workers.runtime import Redises, find_redis, open_store, plan_catalogue, release_redis

UNSET = "unset, the engine keeps its own"


def examine() -> list[Finding]:
    """Look at everything; a check that cannot be made is an error of its own, never a traceback."""
    try:
        settings = get_settings()
        plans = plan_catalogue(settings)
    except (BadSettings, EngineError) as error:
        return [Finding("error", "settings", str(error), "correct the variable or the file it names")]
    findings = [
        Finding("ok", "python", platform.python_version()),
        Finding("ok", "settings", "read and accepted"),
        Finding("ok", "plans", ", ".join(sorted(plans))),
    ]
    try:
        redises = find_redis(settings)
        mend = f"check {what_to_check('INMAIL_REDIS_URL')}; {UNSET}"
        answers = _gather(findings, "redis", mend, _data(settings, redises))
        if answers or redises.broker_url != redises.url:
            mend = f"check {what_to_check('INMAIL_BROKER_URL')}; unset, queues live with the data"
            _gather(findings, "broker", mend, _broker(settings, redises))
    except (EngineError, OSError) as error:  # no Redis of its own could be had
        findings.append(Finding("error", "redis", str(error), f"set INMAIL_REDIS_URL to one; {UNSET}"))
    finally:
        release_redis()
    return findings


def _gather(findings: list[Finding], subject: str, mend: str, found: Iterator[Finding]) -> bool:
    """Add what is found; where Redis fails in the middle, what was found until then, and that. Whether it did not."""
    try:
        for finding in found:
            findings.append(finding)  # noqa: PERF402 - extend might lose what came before the failure
    except (EngineError, RedisTrouble, OSError) as error:
        text = trouble_text(error) if isinstance(error, RedisTrouble) else str(error)
        findings.append(Finding("error", subject, text, mend))
        return False
    return True


def _data(settings: Settings, redises: Redises) -> Iterator[Finding]:
    if redises.embedded is not None:
        yield _embedded(redises.embedded, settings)
    store = open_store(redises.url, settings)
    try:
        if redises.embedded is None or redises.embedded.persistent:  # the stand-in knows no INFO
            yield from _servers(store, "redis")
        yield from doctor_engine.clock(store)
        yield from doctor_engine.processes(store)
        yield from doctor_engine.late_refunds(store)
        yield from doctor_engine.stopped(store)
        yield from doctor_engine.plans_not_sold(store, plan_catalogue(settings))
    finally:
        store.client.close()


def _broker(settings: Settings, redises: Redises) -> Iterator[Finding]:
    if redises.broker_url == redises.url:
        yield Finding("ok", "broker", "queues live in the same Redis")
    else:
        store = Store(open_client(redises.broker_url), settings.namespace)
        try:
            yield from _servers(store, "broker")
        finally:
            store.client.close()
    with queues_of(settings, redises) as broker:
        yield from doctor_engine.queued(broker)


def _servers(store: Store, subject: str) -> Iterator[Finding]:
    look = doctor_cluster.look if store.spread else doctor_redis.look_at_server
    return look(store.client, subject)


def _embedded(info: Any, settings: Settings) -> Finding:
    where = f"embedded ({info.kind}, {info.version}) in {settings.data_dir}"
    if not info.persistent:
        return Finding("warning", "storage", where, "nothing is kept: install redis-server, or set INMAIL_REDIS_URL")
    if info.kind == "wheel":
        return Finding("warning", "storage", where, "for trying and developing: install redis-server for real use")
    return Finding("ok", "storage", where)


def show(findings: list[Finding]) -> None:
    """A line each, with what to do beneath it."""
    marks = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("error  ", "bold red")}
    for finding in findings:
        mark, style = marks[finding.level]
        console.print(Text.assemble((mark, style), f"  {finding.subject}: {finding.found}"))
        if finding.mend:
            console.print(Text(f"           {finding.mend}", style="bright_black"))
