"""What InMails cost while they await an answer: bytes of Redis by kind, memory of the workers, CPU of an idle engine.

``python -m benchmarks.held [--recipients N] [--held N] [--seconds S]``

First one campaign of ``--recipients``, its Redis memory taken apart; then further accounts send the same list until
``--held`` await an answer, and the engine is left alone. Ends with an audit of the first account.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import machine, outcome, table
from benchmarks.stage import Stage, a_list, stage
from engine.audit import audit
from engine.keys import MAILBOX_SHARDS

SAMPLES = 0  # MEMORY USAGE counts every field


def main() -> int:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--held", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-held-") as folder, stage() as it:
        source, n = a_list(Path(folder) / "list.csv", options.recipients), options.recipients
        before, file_before = it.used_bytes(), _written(it)
        small_mb = _resident_mb(it)
        campaign = _send(it, "a0", source, n)
        rows = [["all of it", f"{(it.used_bytes() - before) / n:.1f}"], *_parts(it, campaign, n)]
        rows.append(
            ["once closed (rows, letters, times, log; a mailbox keeps its entry)", f"{_after(it, campaign, n):.1f}"]
        )
        rows.append(["append-only file written", f"{(_written(it) - file_before) / n:.1f}"])
        table(
            f"Redis bytes per InMail in flight, {n:,} recipients, {machine('Redis ' + it.info.version)}", ["", ""], rows
        )
        held = n
        while held < options.held:
            _send(it, f"a{held // n}", source, n)
            held += n
        _idle(it, held, small_mb, options.seconds)
        drift = audit(it.store, "a0").drift
    return outcome(drift)


def _send(it: Stage, account: str, source: Path, n: int) -> str:
    it.account(account)
    campaign = it.submit(account, source)
    it.send(account, campaign, n)
    return campaign


def _parts(it: Stage, campaign: str, n: int) -> list[list[str]]:
    """Bytes per InMail of the keys it stands in. What is left are allocations of Redis that belong to no key."""
    client, keys = it.store.client, it.store.keys
    account = campaign.partition(".")[0]
    mailboxes = [keys.mailboxes(bytes([shard])) for shard in range(MAILBOX_SHARDS)]
    alarms = list(client.scan_iter(match="*{dramatiq}*"))
    parts = {
        "mailboxes": mailboxes,
        "open contacts": [keys.open(account)],
        "rows": [keys.rows(campaign)],
        "digests of open packs": [keys.digests(campaign)],
        "letters": [keys.letters(campaign)],
        "times sent": [keys.sent(campaign)],
        "due times": [keys.campaign_due(campaign)],
        "log": [keys.log(account)],
        "alarms and the rest of the queues": alarms,
    }
    sizes = {
        name: sum(client.memory_usage(key, samples=SAMPLES) or 0 for key in found) for name, found in parts.items()
    }
    return [[f"… {name}", f"{size / n:.1f}"] for name, size in sizes.items()]


def _after(it: Stage, campaign: str, n: int) -> float:
    """Bytes per InMail of what stays when its campaign is closed."""
    keys = it.store.keys
    stays = [keys.rows(campaign), keys.letters(campaign), keys.sent(campaign), keys.log(campaign.partition(".")[0])]
    return sum(it.store.client.memory_usage(key, samples=SAMPLES) or 0 for key in stays) / n


def _written(it: Stage) -> int:
    """How long the append-only file has grown; it is not rewritten while this is measured."""
    it.store.client.config_set("auto-aof-rewrite-percentage", 0)
    return int(it.store.client.info("persistence")["aof_current_size"])


def _resident_mb(it: Stage) -> dict[str, float]:
    """The memory of the largest process of each kind, in MB."""
    return {kind: max(one.memory_info().rss for one in found) / 1e6 for kind, found in it.processes().items()}


def _idle(it: Stage, held: int, small_mb: dict[str, float], seconds: float) -> None:
    """Leave the engine alone and see what it does."""
    time.sleep(5)
    before, resident = it.cpu_s(), _resident_mb(it)
    time.sleep(seconds)
    idle = {kind: (after - before[kind]) / seconds * 100 for kind, after in it.cpu_s().items()}
    rows = [
        [kind, f"{idle[kind]:.2f}", f"{small_mb[kind]:.0f}", f"{resident[kind]:.0f}"]
        for kind in ("scheduler", "workers", "redis")
    ]
    rows[2][3] += " MB, all data"
    table(
        f"with {held:,} InMails awaiting an answer, {seconds:.0f} s of nothing else",
        ["", "CPU, % of a core, all of a kind", "MB of the largest, at the start", "now"],
        rows,
    )


if __name__ == "__main__":
    sys.exit(main())
