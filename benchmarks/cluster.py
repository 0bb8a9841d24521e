"""Campaigns of many accounts on a Redis Cluster of one master and of several, with AOF everysec and real processes.

python -m benchmarks.cluster [--recipients 300000] [--accounts 30] [--masters 1,3] [--workers 2]
Prints sends per second, and what each master's processor did for a thousand of them. On a machine whose cores the
workers fill already, more masters cannot make it faster: look at the processor seconds of each master, and at how they
are shared. Exit code 4 when the audit of any account found drift.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.redis_cluster import Cluster, own_cluster
from benchmarks.report import outcome, table
from benchmarks.stage import SUBJECT, WINDOW_MS, a_list, wait
from cli import up
from engine import accounts, agenda, credits, opening, submitting
from engine.audit import audit
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.plans import Plan
from engine.store import Store, open_client


@dataclass(frozen=True, slots=True)
class Measured:
    """What one cluster came to: seconds from the grants to the last settle, and by master what it did meanwhile."""

    masters: int
    seconds: float
    cpu_s: list[float]
    accounts: list[int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--recipients", type=int, default=300_000, help="of all accounts together")
    parser.add_argument("--accounts", type=int, default=30)
    parser.add_argument("--masters", default="1,3", help="clusters to measure, by their number of masters")
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    options = parser.parse_args()
    each = options.recipients // options.accounts
    found, drift = [], []
    with tempfile.TemporaryDirectory(prefix="inmail-bench-") as folder:
        lists = [a_list(Path(folder) / f"{i}.csv", each, start=i * each) for i in range(options.accounts)]
        for masters in map(int, options.masters.split(",")):
            measured, wrong = _measure(lists, each, masters, options.workers)
            found.append(measured)
            drift += wrong
    _tell(found, each * options.accounts, options)
    return outcome(drift)


def _measure(lists: list[Path], each: int, masters: int, workers: int) -> tuple[Measured, list[str]]:
    with own_cluster(masters, "--appendonly", "yes", "--appendfsync", "everysec") as cluster:
        store = Store(open_client(cluster.url))
        family = up.children(workers, up.child_env(cluster.url, cluster.url) | {"INMAIL_LOG_LEVEL": "warning"})
        try:
            for child in family:
                child.tend()
            wait(lambda: len(agenda.present(store)) > workers, "the processes to be heard of")
            campaigns = [_submit(store, f"bench{i}", source) for i, source in enumerate(lists)]
            _all(store, campaigns, {b"waiting"}, "the campaigns to wait for credits")
            before = [node.cpu_s for node in cluster.nodes]
            began = time.perf_counter()
            for campaign in campaigns:
                credits.grant(store, campaign.partition(".")[0], each, reason="bench")
            _all(store, campaigns, {b"sent"}, "the campaigns to be sent")
            seconds = time.perf_counter() - began
            used = [node.cpu_s - earlier for node, earlier in zip(cluster.nodes, before, strict=True)]
            drift = [line for account in accounts.account_ids(store) for line in audit(store, account).drift]
            return Measured(masters, seconds, used, _accounts(store, cluster)), drift
        finally:
            up.stop_all(family)
            store.client.close()


def _submit(store: Store, account: str, source: Path) -> str:
    opening.open_account(store, account, email=f"{account}@example.org", name=account, plan=Plan("bench", "Bench"))
    with open_list(source) as listed:
        message = parse_message(SUBJECT, "Would you have a minute?", columns=listed.columns)
        order = submitting.Order("bench", 500, refund_after_ms=WINDOW_MS)
        return submitting.submit(store, account, listed, message, order).campaign


def _all(store: Store, campaigns: list[str], states: set[bytes], what: str) -> None:
    def are() -> bool:
        pipe = store.client.pipeline(transaction=False)
        for campaign in campaigns:
            pipe.hget(store.keys.campaign(campaign), "state")
        return set(pipe.execute()) <= states

    wait(are, what)


def _accounts(store: Store, cluster: Cluster) -> list[int]:
    """How many accounts each master has."""
    held = Counter(cluster.owner(store.keys.wallet(account)).port for account in accounts.account_ids(store))
    return [held[node.port] for node in cluster.nodes]


def _tell(found: list[Measured], n: int, options: argparse.Namespace) -> None:
    rows = []
    for one in found:
        ms_per_thousand = [used_s * 1_000 / (n / 1_000) for used_s in one.cpu_s]
        rows.append(
            [
                str(one.masters),
                f"{n / one.seconds:,.0f}",
                f"{sum(ms_per_thousand):.1f}",
                " : ".join(f"{ms:.1f}" for ms in ms_per_thousand),
                f"{max(one.cpu_s) / one.seconds:.0%}",
                " : ".join(map(str, one.accounts)),
            ]
        )
    columns = [
        "masters",
        "sends/s",
        "Redis CPU ms per 1,000 sends",
        "… by master",
        "busiest master",
        "accounts on each",
    ]
    table(f"{n:,} recipients of {options.accounts} accounts, {options.workers} worker processes", columns, rows)
    print(
        f"{os.cpu_count()} cores, shared by masters, workers and scheduler: sends/s are what these cores do together,"
    )
    print("and say nothing of how a cluster scales. What does is how much of a core the busiest master needs for them.")


if __name__ == "__main__":
    sys.exit(main())
