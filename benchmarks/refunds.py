"""Refunds falling due at one moment: how soon the wallet is whole again, and what sends lose meanwhile.

``python -m benchmarks.refunds [--recipients N] [--rounds N] [--peers dramatiq] [--peer-recipients N] [--cache DIR]``

The refund queue is paused until every InMail of a sent campaign is due, and then resumed: that is the moment. For what
sends lose, the same list is sent twice on the same state: while the queue is paused still, and from such a moment on.
Ends with an audit.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers.measuring import measure
from benchmarks.report import figure, machine, outcome, ratio, table
from benchmarks.stage import Stage, a_list, stage, wait
from workers.broker import DurableRedisBroker, pause, queue_list, resume
from workers.wiring import REFUND, bare_broker


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--sends", type=int, default=500_000, help="recipients of the campaign sent meanwhile")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="dramatiq", help="'' for none")
    parser.add_argument("--peer-recipients", type=int, default=20_000)
    parser.add_argument("--cache", help="a folder to keep the installed peers in")
    options = parser.parse_args()
    names = [name for name in options.peers.split(",") if name]
    found: dict[str, list[float]] = {name: [] for name in ("refunds", "seconds", "redis", "alone", "meanwhile", *names)}
    drift, wrong, server = [], [], ""
    with tempfile.TemporaryDirectory(prefix="bench-refunds-") as folder:
        due = a_list(Path(folder) / "due.csv", options.recipients)
        sent = a_list(Path(folder) / "sent.csv", options.sends, start=options.recipients)
        for number in range(options.rounds):
            print(f"round {number + 1}/{options.rounds}", file=sys.stderr)
            with stage() as it:
                server = f"Redis {it.info.version}"
                _round(it, due, sent, options, found)
                drift += it.drift()
            for name in names:
                figures = measure(name, options.peer_recipients, cache=Path(options.cache or folder).resolve())
                found[name].append(figures.refunds_s)
                wrong += [f"{name}: {figures.wrong}"] if figures.wrong else []
    rows = [
        ["refunds/s, from the moment to a whole wallet", figure(found["refunds"]), ""],
        ["… seconds", figure(found["seconds"], ".2f"), ""],
        ["… CPU of Redis a refund, µs", figure(found["redis"], ".2f"), ""],
        [f"sends/s of {options.sends:,} alone", figure(found["alone"]), ""],
        ["… beginning at such a moment", figure(found["meanwhile"]), ratio(found["meanwhile"], found["alone"])],
    ]
    rows += [[f"{name}, refunds/s", figure(found[name]), ratio(found["refunds"], found[name])] for name in names]
    table(
        f"{options.recipients:,} refunds due at one moment, 2 worker processes, {machine(server)}", ["", "", ""], rows
    )
    for line in wrong:
        print(line)
    return outcome(drift) or (1 if wrong else 0)


def _round(it: Stage, due: Path, sent: Path, options: argparse.Namespace, found: dict[str, list[float]]) -> None:
    broker = bare_broker(it.info.url, it.store.keys.namespace)
    account = all_due(it, broker, due, options.recipients)
    cpu_s = it.cpu_s()["redis"]
    took_s = the_moment(it, broker, account)
    found["redis"].append((it.cpu_s()["redis"] - cpu_s) / options.recipients * 1e6)
    found["refunds"].append(options.recipients / took_s)
    found["seconds"].append(took_s)
    drained(broker)

    # Alone and beside refunds on the same state: as much lies in Redis, and only the queue stands still the first time.
    for name in ("alone", "meanwhile"):
        it.empty()
        account = all_due(it, broker, due, options.recipients)
        other = it.account(f"{name}{secrets.token_hex(3)}")
        campaign = it.submit(other, sent)
        it.until(campaign, "waiting")
        it.at_rest()
        if name == "meanwhile":
            resume(broker, REFUND)
        found[name].append(options.sends / it.send(other, campaign, options.sends))
    wallet = it.store.keys.wallet(account)
    wait(lambda: it.store.client.hget(wallet, "held") == b"0", "the refunds")
    drained(broker)


def all_due(it: Stage, broker: DurableRedisBroker, source: Path, n: int) -> str:
    """An account all of whose InMails are sent and due, with the refund queue paused."""
    pause(broker, REFUND, expected=True)
    account = it.account(f"due{secrets.token_hex(3)}")
    # Long enough that nothing is due before all is sent, also on a slow machine.
    window_ms = 5_000 + n // 50
    campaign = it.submit(account, source, window_ms=window_ms)
    it.send(account, campaign, n)
    time.sleep(window_ms / 1000 + 0.2)
    return account


def the_moment(it: Stage, broker: DurableRedisBroker, account: str) -> float:
    """Let all that is due be refunded; returns the seconds until the wallet is whole."""
    began, wallet = time.perf_counter(), it.store.keys.wallet(account)
    resume(broker, REFUND)
    wait(lambda: it.store.client.hget(wallet, "held") == b"0", "the refunds", pause_s=0.002)
    return time.perf_counter() - began


def drained(broker: DurableRedisBroker) -> None:
    """Wait until the alarms that came too late to do anything are through."""
    wait(lambda: not any(q.ready or q.running for q in queue_list(broker)), "the queues to be empty")


if __name__ == "__main__":
    sys.exit(main())
