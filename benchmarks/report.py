"""How benchmarks tell what they found: medians with the lowest and the highest, and what Redis says of its scripts."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

_SLOW_US = 1_000
_TOO_SLOW_US = 5_000
_STALL_MS = 10


def figure(values: Sequence[float], form: str = ",.0f") -> str:
    """The median, and lowest and highest in brackets where there are several."""
    middle = format(statistics.median(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}} - {max(values):{form}})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The median of the rounds' own ratios, each of figures measured beside each other."""
    return figure([one / other for one, other in zip(ours, theirs, strict=True)], ",.1f") + " x"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is words, the others figures."""
    made = Table(title=title, title_justify="left")
    for place, name in enumerate(columns):
        made.add_column(name, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row)
    Console(width=132).print(made)


def machine(server: str) -> str:
    """What it was measured on, in a few words."""
    return f"{os.cpu_count()} cores, {server}, append-only file everysec"


def outcome(drift: Sequence[str]) -> int:
    """Tell what the auditor found; the exit code: 4 when that is anything."""
    print("audit: clean" if not drift else "audit: " + "; ".join(drift))
    return 4 if drift else 0


@dataclass(frozen=True, slots=True)
class Scripts:
    """What Redis noted of its scripts since ``watch_scripts``: how many ran, the slowest, how many over five ms."""

    calls: int
    over_5_ms: int
    p99_ms: float
    slowest_ms: float


def watch_scripts(client: Any) -> None:
    """Begin to note slow scripts."""
    client.config_set("latency-monitor-threshold", _STALL_MS)
    client.latency_reset()
    client.config_set("slowlog-max-len", 100_000)
    client.config_set("slowlog-log-slower-than", _SLOW_US)
    client.config_resetstat()
    client.slowlog_reset()


def stalls(client: Any) -> str:
    """What held Redis up for ten ms or longer since ``watch_scripts``: its own word for it, how often, the longest."""
    found = []
    for event, _, _, longest_ms in client.latency_latest():
        times = len(client.latency_history(event.decode()))
        found.append(f"{event.decode()} {times} times, {longest_ms} ms at most")
    return "; ".join(sorted(found)) or "none"


def scripts(client: Any) -> Scripts:
    """What was noted; a script under a millisecond counts as one for the 99th percentile."""
    stats: Mapping[str, Any] = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})
    slow = [each["duration"] for each in client.slowlog_get(100_000) if each["command"].startswith(b"EVALSHA")]
    slow.sort(reverse=True)
    calls = int(stats["calls"])
    last = int(calls * 0.01)
    p99_us = slow[last] if last < len(slow) else _SLOW_US
    slowest_us = slow[0] if slow else _SLOW_US
    return Scripts(calls, sum(each > _TOO_SLOW_US for each in slow), p99_us / 1000, slowest_us / 1000)
