"""The doctor's look at the engine: who is alive and leads, queues, dead letters, refunds, accounts that stopped."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice

from cli.finding import Finding
from cli.output import plural
from config.timings import LEADER_LEASE_MS, PRESENCE_SHOWN_MS, STANDBY_ASKS_S
from engine import acceptance, agenda, refunds
from engine.accounts import account_ids
from engine.leadership import leader
from engine.offer import on_plans_not_sold
from engine.plans import Plan
from engine.store import Store
from workers import broker as queues
from workers.broker import DurableRedisBroker

CLOCK_SKEW_MS_MAX = 2_000
REFUND_LATE_MS = 120_000
"""A lost alarm costs about a minute; what is later than this has a reason."""
ACCOUNTS_MAX = 10_000
STOPPED_MAX = 5
PLANS_MAX = 5


def clock(store: Store) -> Iterator[Finding]:
    skew_ms = abs(store.now_ms() - time.time_ns() // 1_000_000)
    if skew_ms > CLOCK_SKEW_MS_MAX:
        mend = "Redis' clock decides, so nothing goes wrong; but set both by NTP, or the times shown will puzzle"
        yield Finding("warning", "clock", f"{skew_ms:,} ms apart from Redis'", mend)
    else:
        yield Finding("ok", "clock", f"{skew_ms:,} ms apart from Redis'")


def processes(store: Store) -> Iterator[Finding]:
    """Who said lately that it is alive: one that was killed a moment ago is still among them."""
    alive, leads = agenda.present(store), leader(store)
    lately = f"heard of within the last {PRESENCE_SHOWN_MS // 1000} s"
    for kind, command in (("scheduler", "inmail scheduler"), ("worker", "dramatiq workers.main")):
        n = sum(who.startswith(f"{kind}:") for who in alive)
        if n == 0:
            yield Finding("warning", f"{kind}s", f"none {lately}", f"start one: inmail up, or {command}")
        elif kind == "worker":
            yield Finding("ok", "workers", f"{n:,} {lately}")
        elif leads is None:
            mend = (
                f"one takes over within {LEADER_LEASE_MS / 1000 + STANDBY_ASKS_S:g} s; if none does, look at their logs"
            )
            yield Finding("warning", "schedulers", f"{n:,} {lately}, nobody leads", mend)
        else:
            yield Finding("ok", "schedulers", f"{n:,} {lately}, {leads[0]} leads")


def late_refunds(store: Store) -> Iterator[Finding]:
    late_ms = refunds.late_ms(store)
    if late_ms > REFUND_LATE_MS:
        yield Finding("warning", "refunds", f"refunds are {late_ms // 1000:,} s late", "are workers running?")
    else:
        yield Finding("ok", "refunds", "none is late")


def stopped(store: Store) -> Iterator[Finding]:
    """Accounts whose log went back; of very many accounts the first ones, as Redis gives them."""
    ids = list(islice(account_ids(store), ACCOUNTS_MAX + 1))
    found = list(acceptance.stopped_accounts(store, ids[:ACCOUNTS_MAX]))
    for account, reason in found[:STOPPED_MAX]:
        mend = f"it sends nothing; look, then: inmail audit {account} --accept"
        yield Finding("warning", "accounts", f"{account}: log went back: {reason}", mend)
    if len(found) > STOPPED_MAX:
        mend = "inmail audit names them all"
        yield Finding("warning", "accounts", f"{len(found) - STOPPED_MAX:,} more whose log went back", mend)
    seen = f"{len(ids):,}" if len(ids) <= ACCOUNTS_MAX else f"the first {ACCOUNTS_MAX:,}; there are more, not looked at"
    if not found:
        yield Finding("ok", "accounts", f"none stopped; looked at {seen}")
    elif len(ids) > ACCOUNTS_MAX:
        yield Finding("ok", "accounts", f"looked at {seen}")


def plans_not_sold(store: Store, plans: Mapping[str, Plan]) -> Iterator[Finding]:
    """Accounts on plans that are not in the catalogue, or about to change to one; how many, and the first few."""
    here: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for account, plan, coming in on_plans_not_sold(store, islice(account_ids(store), ACCOUNTS_MAX), plans):
        here[plan, coming].append(account)
    mend = "they keep the terms they have; to sell it again, put it back into the plans file"
    for (plan, coming), accounts in sorted(here.items())[:PLANS_MAX]:
        first = ", ".join(sorted(accounts)[:STOPPED_MAX]) + ", …" * (len(accounts) > STOPPED_MAX)
        what = "changing to a plan" if coming else "on a plan"
        found = f"{plural(len(accounts), 'account is', 'accounts are')} {what} that is not sold, {plan}: {first}"
        yield Finding("warning", "plans", found, mend)
    if len(here) > PLANS_MAX:
        yield Finding("warning", "plans", f"{len(here) - PLANS_MAX:,} more such plans", mend)


def queued(broker: DurableRedisBroker) -> Iterator[Finding]:
    """Queues that stand still, and messages that failed for good."""
    found = queues.queue_list(broker)
    for queue in found:
        if queue.paused:
            mend = f"resume: inmail queue resume {queue.queue}"
            yield Finding("warning", "queues", f"{queue.queue} is paused: nothing of it is handed out", mend)
    if not any(queue.paused for queue in found):
        yield Finding("ok", "queues", "none is paused")
    dead = sum(queue.dead for queue in found)
    if dead:
        yield Finding("warning", "dead letters", plural(dead, "dead letter", "dead letters"), "inmail dead list")
    else:
        yield Finding("ok", "dead letters", "none")
