"""A simulated year of many accounts, and how long it takes: totals beside a reckoning in plain Python, audit clean.

All plans, both cycles, upgrades, downgrades, cancellations, failed payments, scheduler outages; see
tests/proofs/year_script.py for what happens and tests/proofs/year_reckoning.py for what it is held against.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks import report
from benchmarks.redis_server import own_redis
from engine.audit import audit
from engine.credits import WALLET_FIELDS, log, wallet
from engine.invoices import list_invoices
from engine.money import money
from engine.store import Store, open_client
from tests.proofs.year_engine import Year, invoices_differ
from tests.proofs.year_script import outages

START_MS = 1_767_225_600_000  # 2026-01-01
TAX_PERCENT = Decimal("8.1")


@dataclass
class Lived:
    """What one process's share of the accounts came to."""

    accounts: int = 0
    events: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    lived_s: float = 0.0
    audited_s: float = 0.0


def live(url: str, seed: int, first: int, last: int) -> Lived:
    """Live through the year of some accounts, each process's in a namespace of its own."""
    store = Store(open_client(url), namespace=f"year{first}", at_ms=START_MS)
    year, lived = Year(store, seed, range(first, last), START_MS, tax_percent=TAX_PERCENT), Lived()
    began = time.perf_counter()
    year.run()
    lived.lived_s = time.perf_counter() - began
    lived.accounts, lived.events, lived.differences = len(year.reckonings), year.events, year.compare()
    began = time.perf_counter()
    for account, reckoning in year.reckonings.items():
        lived.differences += invoices_differ(store, account, reckoning)
        lived.drift += audit(store, account).drift
    lived.audited_s = time.perf_counter() - began
    for account in year.reckonings:
        issued = list_invoices(store, account, most=1_000)
        paid = sum(invoice.due_minor for invoice in issued if invoice.state == "paid")
        lived.totals.update(wallet(store, account).as_dict())
        lived.totals.update({"invoices": len(issued), "due": sum(one.due_minor for one in issued), "paid": paid})
        lived.kinds.update(entry.kind for entry in log(store, account))
    return lived


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    cuts = [asked.accounts * i // asked.processes for i in range(asked.processes + 1)]
    began = time.perf_counter()
    with own_redis("--appendonly", "no") as url, multiprocessing.Pool(asked.processes) as pool:
        shares = [(url, asked.seed, *cut) for cut in itertools.pairwise(cuts)]
        lived = pool.starmap(live, shares)
    tell(lived, time.perf_counter() - began, asked.seed)
    return 4 if any(one.differences or one.drift for one in lived) else 0


def tell(lived: list[Lived], seconds: float, seed: int) -> None:
    """Print what it came to."""
    totals, kinds = sum((one.totals for one in lived), Counter()), sum((one.kinds for one in lived), Counter())
    days = ", ".join(f"{(to - since) / 86_400_000:.0f} days" for since, to in outages(seed, START_MS))
    rows = [
        ("accounts", f"{sum(one.accounts for one in lived):,}"),
        ("events of the script", f"{sum(one.events for one in lived):,}"),
        ("scheduler outages", days),
        ("whole run", f"{seconds:.1f} s"),
        (
            "of it: the year, the audit",
            f"{max(o.lived_s for o in lived):.1f} s, {max(o.audited_s for o in lived):.1f} s",
        ),
        *((name, f"{totals[name]:,} credits") for name in WALLET_FIELDS),
        ("invoices", f"{totals['invoices']:,}"),
        ("due on them, paid", f"{money(totals['due'], 'USD')}, {money(totals['paid'], 'USD')}"),
        ("log entries", ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())),
        ("differences from the reckoning", str(sum(len(one.differences) for one in lived))),
        ("drift found by the audit", str(sum(len(one.drift) for one in lived))),
    ]
    report.table("a simulated year", ("", "value"), [list(row) for row in rows])
    for one in lived:
        for line in [*one.differences, *one.drift][:20]:
            print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
