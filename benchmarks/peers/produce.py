"""The producer of a Python peer, a process of its own: ``python -m benchmarks.peers.produce PEER RECIPIENTS``.

It imports all it needs, announces itself, and enqueues when a line with the due instant (ms since the epoch) comes on
standard input: no import and no start-up is measured.
"""

import importlib
import sys

from benchmarks.peers.job import announce


def main() -> None:
    name, recipients = sys.argv[1:]
    peer = importlib.import_module(f"benchmarks.peers.on_{name}")
    announce("producer")
    if line := sys.stdin.readline():
        peer.enqueue(int(recipients), int(line))


if __name__ == "__main__":
    main()
