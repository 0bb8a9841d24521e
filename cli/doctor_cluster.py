"""The doctor's look at a Redis Cluster: whether every slot is served, which are on their way, and each master."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli import doctor_redis
from cli.finding import Finding
from cli.output import plural
from engine.cluster import ClusterClient
from engine.store import RedisTrouble, trouble_text

SLOTS = 16_384
CLOCKS_APART_MS_MAX = 2_000
_ASIDE = "accounts in its slots stand still, and nobody's mailbox there is delivered to"


def look(client: ClusterClient, subject: str) -> Iterator[Finding]:
    """Everything about the cluster, then about each master; writes nothing. Raises RedisTrouble where none answers."""
    client.refresh()
    masters = client.masters()
    answering: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, master in sorted(masters.items()):
        try:
            findings += doctor_redis.look_at_server(master, f"{subject} {name}")
            answering[name] = master
        except RedisTrouble as error:
            mend = f"start it, or have its replica take over: {_ASIDE}"
            findings.append(Finding("error", f"{subject} {name}", trouble_text(error) or type(error).__name__, mend))
    for name, master in list(answering.items())[:1]:
        yield slots(master.execute_command("CLUSTER INFO"), len(masters), f"{subject} slots", name)
    yield from on_their_way(answering, f"{subject} slots")
    yield from clocks(answering, f"{subject} clocks")
    yield from alone(answering, f"{subject} replicas")
    yield from findings


def slots(info: Any, masters: int, subject: str, asked: str) -> Finding:
    """Whether every slot has a master that is well, as one of them sees it."""
    served = int(info.get("cluster_slots_ok", 0))
    shown = f"{served:,} of {SLOTS:,} are served by {plural(masters, 'master', 'masters')}"
    if served < SLOTS:
        mend = "assign those nobody has, and start the masters that are away, or have their replicas take over"
        return Finding("error", subject, shown, mend)
    if info.get("cluster_state") != "ok":
        return Finding("error", subject, f"{shown}, but {asked} finds the cluster down", "look at CLUSTER INFO there")
    return Finding("ok", subject, shown)


def on_their_way(masters: dict[str, Any], subject: str) -> Iterator[Finding]:
    """Slots that are being moved: nothing is written in them until they have arrived."""
    for name, master in masters.items():
        for found in master.execute_command("CLUSTER NODES").values():
            if moving := [each["slot"] for each in found["migrations"] if each["state"] == "migrating"]:
                mend = "what is in them waits; where nobody moves them any more: redis-cli --cluster fix"
                many = plural(len(moving), "slot is", "slots are")
                yield Finding("warning", subject, f"{many} on the way from {name} to another master", mend)


def clocks(masters: dict[str, Any], subject: str) -> Iterator[Finding]:
    """How far apart the masters' clocks are: each decides by its own."""
    told = [seconds * 1000 + micros // 1000 for seconds, micros in (master.time() for master in masters.values())]
    apart_ms = max(told, default=0) - min(told, default=0)
    if apart_ms > CLOCKS_APART_MS_MAX:
        mend = "set them by NTP: an account's times are its own master's, the agenda's another's"
        yield Finding("warning", subject, f"{apart_ms:,} ms apart", mend)


def alone(masters: dict[str, Any], subject: str) -> Iterator[Finding]:
    """Masters without a replica."""
    bare = [name for name, master in masters.items() if not master.info("replication").get("connected_slaves")]
    if bare:
        yield Finding("warning", subject, f"none for {', '.join(bare)}", f"give each one: while it is away {_ASIDE}")
