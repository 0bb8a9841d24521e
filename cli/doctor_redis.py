"""The doctor's look at a Redis: its version, whether it keeps what it is given, its role, its memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redis.exceptions import ResponseError

from cli.finding import Finding

Info = Mapping[str, Any]
Release = tuple[int, ...]

# The newest release of each line that is known here. Below it, holes are open whose mending is public (those of
# 2025 in Lua among them). Distributions patch older numbers, so an older one is a warning to check, not an error.
REDIS_NEWEST: dict[Release, Release] = {
    (6, 2): (6, 2, 20),
    (7, 2): (7, 2, 11),
    (7, 4): (7, 4, 9),
    (8, 0): (8, 0, 4),
    (8, 2): (8, 2, 6),
    (8, 4): (8, 4, 3),
    (8, 6): (8, 6, 3),
}
VALKEY_NEWEST: dict[Release, Release] = {
    (7, 2): (7, 2, 11),
    (8, 1): (8, 1, 7),
    (9, 0): (9, 0, 4),
}
REDIS_OLDEST: Release = (6, 2)
REDIS_MAINTAINED: Release = (7, 2)

SYNC = {
    "always": "append-only file on, always synced: a power cut loses nothing",
    "everysec": "append-only file on, synced every second: a power cut loses up to 2 s",
}


def look_at_server(client: Any, subject: str) -> Iterator[Finding]:
    """Everything about one server; ``subject`` is ``redis`` or ``broker``. Writes nothing. Raises RedisTrouble."""
    memory = client.info("memory")
    yield version(client.info("server"), subject)
    yield role(client.info("replication"), subject)
    yield persistence(client.info("persistence"), _appendfsync(client), subject)
    yield eviction(memory, subject)
    yield room(memory, subject)


def version(server: Info, subject: str) -> Finding:
    """Valkey tells a Redis version as well, which never changes: its own number is looked at."""
    valkey = str(server.get("server_name", "")) == "valkey"
    text = str(server.get("valkey_version" if valkey else "redis_version", "0"))
    number = tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
    newest = (VALKEY_NEWEST if valkey else REDIS_NEWEST).get(number[:2])
    subject, shown = f"{subject} version", f"{'Valkey' if valkey else 'Redis'} {text}"
    if not valkey and number < REDIS_OLDEST:
        return Finding("error", subject, shown, "6.2 or newer is needed")
    if newest and number < newest:
        fixed = ".".join(map(str, newest))
        return Finding(
            "warning", subject, shown, f"known holes are closed in {fixed}: update, or see that it is patched"
        )
    if not valkey and number < REDIS_MAINTAINED:
        return Finding("warning", subject, shown, "no longer maintained upstream: see that yours is patched")
    return Finding("ok", subject, shown)


def role(replication: Info, subject: str) -> Finding:
    """A replica takes no writes: every command that changes something would fail."""
    if replication.get("role", "master") == "master":
        return Finding("ok", f"{subject} role", "master")
    master = f"{replication.get('master_host', '?')}:{replication.get('master_port', '?')}"
    return Finding("error", f"{subject} role", "read-only replica", f"name the master ({master})")


def _appendfsync(client: Any) -> str:
    """The setting, or '' where it cannot be had: an ACL forbids CONFIG, or a managed Redis does not know it."""
    try:
        return str(client.config_get("appendfsync").get("appendfsync", ""))
    except ResponseError:
        return ""


def persistence(info: Info, appendfsync: str, subject: str) -> Finding:
    """Whether a restart loses nothing, and a power cut how much."""
    subject = f"{subject} persistence"
    if not info.get("aof_enabled"):
        mend = "a restart loses credits and campaigns: set appendonly yes"
        return Finding("warning", subject, "no append-only file", mend)
    if info.get("aof_last_write_status", "ok") != "ok":
        mend = "the last append failed: free the disk and look at Redis' log"
        return Finding("error", subject, "append-only file on", mend)
    if appendfsync == "no":
        mend = "a power cut loses up to half a minute: set appendfsync everysec"
        return Finding("warning", subject, "append-only file on, synced when the system likes", mend)
    return Finding("ok", subject, SYNC.get(appendfsync, "append-only file on; how often it is synced is not known"))


def eviction(memory: Info, subject: str) -> Finding:
    """Whether Redis would drop keys to make room."""
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return Finding("ok", f"{subject} eviction", policy)
    mend = "Redis may drop credits to make room: set maxmemory-policy noeviction"
    return Finding("error", f"{subject} eviction", policy, mend)


def room(memory: Info, subject: str) -> Finding:
    """How much of maxmemory is used; what Redis does not count towards it is not counted here either."""
    limit, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    counted = used - int(memory.get("mem_not_counted_for_evict", 0))
    subject = f"{subject} memory"
    if limit and counted > limit:
        hindered = "claims are refused; answers and refunds go through"
        if subject.startswith("broker"):
            hindered = "no message can be queued; the scheduler sends again what was not"
        found = f"full: {hindered} ({counted / limit:.0%} of maxmemory)"
        return Finding("error", subject, found, "give it more memory")
    if limit and used > limit * 0.8:
        return Finding("warning", subject, f"{used / limit:.0%} of maxmemory", "give it more memory")
    return Finding("ok", subject, f"{used / 2**20:,.1f} MiB used")
