"""A plan on paper for so many InMails a day, worked out from figures the other benchmarks measured.

``python -m benchmarks.plan --bytes B --mailbox-bytes B --bytes-after B --redis-us U --workers-us U --refund-us U``

Bytes are what benchmarks.held prints; microseconds of CPU for a send what benchmarks.growth prints, for a refund what
benchmarks.refunds does. Nothing is measured here.
"""

from __future__ import annotations

import argparse
import math
import sys

from benchmarks.report import table
from engine.keys import MAILBOX_SHARDS

DAY_S = 86_400


def main() -> int:
    """Print the plan."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--a-day", type=float, default=100e6)
    parser.add_argument("--days", type=float, default=7, help="an InMail awaits its answer")
    parser.add_argument("--peak", type=float, default=10, help="the busiest moment beside the average")
    parser.add_argument("--bytes", type=float, required=True, help="of Redis, an InMail in flight")
    parser.add_argument("--mailbox-bytes", type=float, required=True, help="of these, its mailbox")
    parser.add_argument("--bytes-after", type=float, required=True, help="of Redis, a closed InMail")
    parser.add_argument("--redis-us", type=float, required=True, help="CPU of Redis, a send")
    parser.add_argument("--workers-us", type=float, required=True, help="CPU of workers, a send")
    parser.add_argument("--refund-us", type=float, required=True, help="CPU of Redis, a refund")
    parser.add_argument("--master-gb", type=float, default=16, help="of data, a master")
    parser.add_argument("--busy", type=float, default=0.5, help="how busy a core may be at the busiest moment")
    it = parser.parse_args()
    average_s, in_flight = it.a_day / DAY_S, it.a_day * it.days
    peak_s = average_s * it.peak
    data_gb, after_gb = in_flight * it.bytes / 1e9, it.a_day * it.bytes_after / 1e9
    by_memory = math.ceil(data_gb / it.master_gb)
    by_cpu = math.ceil(peak_s * (it.redis_us + it.refund_us) / 1e6 / it.busy)
    account_bytes = it.bytes - it.mailbox_bytes
    rows = [
        ["InMails a second, average and busiest", f"{average_s:,.0f}", f"{peak_s:,.0f}"],
        ["in flight, millions, and GB of Redis", f"{in_flight / 1e6:,.0f}", f"{data_gb:,.0f}"],
        ["masters for the memory, for the CPU", f"{by_memory}", f"{by_cpu}"],
        [
            f"GB of mailboxes in each of the {MAILBOX_SHARDS} shards",
            f"{in_flight * it.mailbox_bytes / MAILBOX_SHARDS / 1e9:.1f}",
            "",
        ],
        ["cores of workers at the busiest moment", f"{peak_s * it.workers_us / 1e6 / it.busy:.1f}", ""],
        ["GB a day that stay when InMails are closed", f"{after_gb:,.1f}", ""],
        ["one account on a master of its own: sends/s", f"{it.busy * 1e6 / (it.redis_us + it.refund_us):,.0f}", ""],
        ["… and InMails in flight, millions", f"{it.master_gb * 1e9 / account_bytes / 1e6:,.0f}", ""],
    ]
    table(f"{it.a_day / 1e6:,.0f} million InMails a day", ["", "", ""], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
