"""Real processes on a Redis Cluster whose slots move and whose masters die: nothing is lost, nothing is doubled."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.crc import key_slot

from benchmarks.redis_cluster import Cluster, own_cluster
from cli import up
from engine import agenda, campaigns, credits
from engine.audit import audit
from engine.mailbox_entries import size
from engine.store import Store, open_client
from tests.factories import a_campaign, addresses, an_account

pytestmark = [pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]  # minutes, and unsteady on a busy machine
ACCOUNTS = [f"a{i}" for i in range(6)]
PEOPLE = 600


@dataclass
class Running:
    """A cluster, and a scheduler and a worker process that know it by the address alone."""

    cluster: Cluster
    store: Store
    family: list[up.Child]
    log: Path

    def submit(self) -> list[str]:
        """A campaign for each account, on credits for a third of its people: three waves."""
        submitted = []
        for i, account in enumerate(ACCOUNTS):
            an_account(self.store, account, credits_=PEOPLE // 3)
            to = addresses(PEOPLE, start=i * PEOPLE)
            submitted.append(a_campaign(self.store, account, to=to, pack_size=50, refund_after_ms=1_500))
        return submitted

    def states(self, submitted: list[str]) -> set[str]:
        return {campaigns.get_campaign(self.store, campaign).state for campaign in submitted}

    def states_now(self) -> str:
        """What stands where, for when a test waits in vain."""
        shown = [campaigns.describe(self.store, f"{account}.1") for account in ACCOUNTS]
        return "; ".join(
            f"{each['campaign']} {each['state']} {each['waiting_for']} {each['counts']} "
            f"{audit(self.store, each['account']).stopped}"
            for each in shown
        )

    def goes_on(self, submitted: list[str]) -> None:
        """Wait until something more is done, or all is."""
        before = sum(credits.last_seq(self.store, account) for account in ACCOUNTS)
        self.until(
            lambda: (
                sum(credits.last_seq(self.store, account) for account in ACCOUNTS) > before
                or self.states(submitted) == {"closed"}
            ),
            "sending to go on",
        )

    def until(self, condition: Callable[[], object], what: str, step: Callable[[], object] | None = None) -> None:
        deadline, pause = time.monotonic() + 120, threading.Event()
        while not condition():
            assert time.monotonic() < deadline, (
                f"gave up waiting for {what}; {self.states_now()}\n{self.log.read_text()[-4_000:]}"
            )
            (step or (lambda: pause.wait(0.1)))()

    def check(self) -> None:
        """Every InMail is in its mailbox once, every credit is home, and the auditor finds nothing."""
        assert {size(self.store, address) for address in addresses(len(ACCOUNTS) * PEOPLE)} == {1}
        for account in ACCOUNTS:
            found = audit(self.store, account)
            assert (found.drift, found.stopped, found.inmails) == ([], None, PEOPLE)
            purse = credits.wallet(self.store, account)
            assert (purse.available, purse.held, purse.granted) == (PEOPLE // 3, 0, PEOPLE // 3)
        assert "Traceback" not in self.log.read_text()


@pytest.fixture
def running(tmp_path: Path, cluster: Cluster) -> Iterator[Running]:
    # The session's own cluster says whether there can be one; this one is broken on purpose.
    options = ["--appendonly", "yes", "--appendfsync", "always", "--cluster-node-timeout", "2000"]
    with own_cluster(3, *options) as own:
        log = tmp_path / "log.txt"
        env = {k: v for k, v in os.environ.items() if not k.startswith("INMAIL_")}
        env |= {"INMAIL_REDIS_URL": own.url, "INMAIL_LEASE": "PT2S", "PYTHONPATH": str(Path(__file__).parents[2])}
        env |= {"INMAIL_IN_FLIGHT": "100", "INMAIL_LOG_FORMAT": "console"}
        store = Store(open_client(own.url))
        with log.open("w") as output:
            family = up.children(1, env)
            for child in family:
                child.output = output  # type: ignore[assignment]
                child.tend()
            try:
                made = Running(own, store, family, log)
                made.until(lambda: len(agenda.present(store)) > 1, "the processes to be heard of")
                yield made
            finally:
                up.stop_all(family)
                store.client.close()


def test_campaigns_go_on_while_their_slots_move(running: Running) -> None:
    store, cluster = running.store, running.cluster
    submitted, pause = running.submit(), threading.Event()
    moved = [store.keys.wallet(account) for account in ACCOUNTS]
    moved += [f"inmail:{{mailboxes:{i:x}}}" for i in (0, 7, 15)] + [store.keys.runnable, store.keys.accounts]
    moved += ["inmail:{dramatiq}"]
    fourth = cluster.add()  # it has no slot until it is given its first
    targets = itertools.cycle([fourth, *cluster.nodes])
    slots = itertools.cycle(key_slot(key.encode()) for key in moved)
    moves = 0

    def move() -> None:
        nonlocal moves
        cluster.move(next(slots), next(targets), lambda: pause.wait(0.01))
        moves += 1

    running.until(lambda: running.states(submitted) == {"closed"}, "three waves of everything", move)

    assert moves >= len(moved)
    running.check()


def test_a_master_killed_and_started_again_holds_things_up_and_no_more(running: Running) -> None:
    store, cluster = running.store, running.cluster
    submitted = running.submit()
    for key in (store.keys.wallet(ACCOUNTS[0]), "inmail:{dramatiq}", store.keys.runnable):
        running.goes_on(submitted)
        victim = cluster.owner(key)
        victim.kill()
        victim.start()
        cluster.wait()
    running.until(lambda: running.states(submitted) == {"closed"}, "three waves of everything")

    running.check()


def test_a_replica_that_takes_over_is_found(running: Running) -> None:
    cluster = running.cluster
    master = cluster.owner("inmail:{dramatiq}")
    replica = cluster.add_replica(master)
    submitted = running.submit()
    for node in (replica, master, replica):
        cluster.fail_over(node)
        running.goes_on(submitted)
    running.until(lambda: running.states(submitted) == {"closed"}, "three waves of everything")

    running.check()
