"""``inmail doctor``: what is wrong, and how to mend it."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.text import Text

from cli.output import console
from config.settings import BadSettings, Settings, get_settings
from engine import agenda
from engine.errors import EngineError
from engine.store import RedisTrouble, Store, open_client
from workers.runtime import find_redis, open_store, plan_catalogue, release_redis

Level = Literal["ok", "warning", "error"]
CLOCK_SKEW_MS_MAX = 2_000

# The first release of each line without the Lua holes of 2025 (CVE-2025-49844 and its kin). Distributions
# patch older numbers, so an older one is a warning to check, not an error.
PATCHED: dict[tuple[int, ...], tuple[int, ...]] = {
    (6, 2): (6, 2, 20),
    (7, 2): (7, 2, 11),
    (7, 4): (7, 4, 6),
    (8, 0): (8, 0, 4),
    (8, 2): (8, 2, 2),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``mend`` says what to do about it, '' when all is well."""

    level: Level
    subject: str
    found: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


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
        if redises.embedded is not None:
            findings.append(_embedded(redises.embedded, settings))
        store = open_store(redises.url, settings)
        try:
            if redises.embedded is None or redises.embedded.persistent:  # the stand-in knows no INFO
                findings += _redis(store, "redis")
            findings += _clock(store)
            findings += _processes(store)
        finally:
            store.client.close()
        if redises.broker_url != redises.url:
            findings += _redis(Store(open_client(redises.broker_url), settings.namespace), "broker")
        else:
            findings.append(Finding("ok", "broker", "queues live in the same Redis"))
    except (EngineError, RedisTrouble, OSError) as error:
        mend = "start that Redis or correct INMAIL_REDIS_URL / INMAIL_BROKER_URL; unset, the engine keeps its own"
        findings.append(Finding("error", "redis", str(error), mend))
    finally:
        release_redis()
    return findings


def _embedded(info: Any, settings: Settings) -> Finding:
    where = f"embedded ({info.kind}, {info.version}) in {settings.data_dir}"
    if not info.persistent:
        return Finding("warning", "storage", where, "nothing is kept: install redis-server, or set INMAIL_REDIS_URL")
    if info.kind == "wheel":
        return Finding("warning", "storage", where, "for trying and developing: install redis-server for real use")
    return Finding("ok", "storage", where)


def _redis(store: Store, subject: str) -> Iterator[Finding]:
    client = store.client
    server, memory, persistence = client.info("server"), client.info("memory"), client.info("persistence")
    text = str(server.get("redis_version", "0"))
    version = tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
    patched = PATCHED.get(version[:2])
    if version < (6, 2):
        yield Finding("error", f"{subject} version", text, "6.2 or newer is needed")
    elif patched and version < patched:
        fixed = ".".join(map(str, patched))
        yield Finding("warning", f"{subject} version", text, f"known Lua holes are closed in {fixed}: update")
    elif version < (7, 2):
        yield Finding("warning", f"{subject} version", text, "no longer maintained upstream: see that yours is patched")
    else:
        yield Finding("ok", f"{subject} version", text)
    if persistence.get("aof_enabled"):
        good = persistence.get("aof_last_write_status", "ok") == "ok"
        mend = "" if good else "the last append failed: free the disk and look at Redis' log"
        yield Finding("ok" if good else "error", f"{subject} persistence", "append-only file on", mend)
    else:
        mend = "a restart loses credits and campaigns: set appendonly yes"
        yield Finding("warning", f"{subject} persistence", "no append-only file", mend)
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    level: Level = "ok" if policy == "noeviction" else "error"
    yield Finding(
        level,
        f"{subject} eviction",
        policy,
        "" if level == "ok" else "Redis may drop credits to make room: set maxmemory-policy noeviction",
    )
    limit, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    if limit and used > limit * 0.8:
        yield Finding("warning", f"{subject} memory", f"{used / limit:.0%} of maxmemory", "give it more memory")
    else:
        yield Finding("ok", f"{subject} memory", f"{used / 2**20:,.1f} MiB used")


def _clock(store: Store) -> Iterator[Finding]:
    skew_ms = abs(store.now_ms() - time.time_ns() // 1_000_000)
    if skew_ms > CLOCK_SKEW_MS_MAX:
        mend = "Redis' clock decides, so nothing goes wrong; but set both by NTP, or the times shown will puzzle"
        yield Finding("warning", "clock", f"{skew_ms:,} ms apart from Redis'", mend)
    else:
        yield Finding("ok", "clock", f"{skew_ms:,} ms apart from Redis'")


def _processes(store: Store) -> Iterator[Finding]:
    alive = agenda.present(store)
    for kind, command in (("scheduler", "inmail scheduler"), ("worker", "dramatiq workers.main")):
        ages = [age_ms for who, age_ms in alive.items() if who.startswith(f"{kind}:")]
        if ages:
            yield Finding("ok", f"{kind}s", f"{len(ages)} running, last heard of {max(ages) / 1000:.0f} s ago")
        else:
            yield Finding("warning", f"{kind}s", "none is running", f"start one: inmail up, or {command}")


def show(findings: list[Finding]) -> None:
    """A line each, with what to do beneath it."""
    marks = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("error  ", "bold red")}
    for finding in findings:
        mark, style = marks[finding.level]
        console.print(Text.assemble((mark, style), f"  {finding.subject}: {finding.found}"))
        if finding.mend:
            console.print(Text(f"           {finding.mend}", style="bright_black"))
