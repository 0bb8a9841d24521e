"""The worker process that benchmarks/broker.py measures: python -m benchmarks.broker_worker KIND URL."""

from __future__ import annotations

import signal
import sys

import dramatiq

from benchmarks.broker import make

if __name__ == "__main__":
    broker, _ = make(sys.argv[1], sys.argv[2])
    dramatiq.Worker(broker, worker_threads=8).start()
    while True:
        signal.pause()
