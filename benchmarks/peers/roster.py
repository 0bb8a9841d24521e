"""The peers: what each needs, how its workers start, in which configuration, and where its pending checks lie.

Each gets two worker processes and the settings its own guide recommends for speed; none keeps results, which nobody
reads here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CONSUMERS = 2
CELERY = (
    "{bin}/celery -A benchmarks.peers.on_celery worker --pool threads --concurrency 2 --loglevel ERROR"
    " --hostname {number}@peers --without-gossip --without-mingle --without-heartbeat"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One task queue, and how it is run.

    In ``workers`` and ``producer``, ``{bin}`` stands for the folder of the peer's programs and ``{recipients}`` for
    their number. ``pending`` counts the checks the queue holds, given a client and the due instant (ms).
    ``sends_s_floor`` only says how long to wait before checks fall due: twice that where it was too quick a guess.
    """

    name: str
    packages: tuple[str, ...]  # the first one's version is shown; none: it is in our own environment
    configuration: str
    workers: tuple[str, ...]
    pending: Callable[[Any, int], int]
    sends_s_floor: int
    producer: str = "{bin}/python -m benchmarks.peers.produce {name} {recipients}"
    node: bool = False


def _taskiq_pending(client: Any, due_ms: int) -> int:
    return client.llen(f"schedule:time:{datetime.fromtimestamp(due_ms / 1000, UTC):%Y-%m-%dT%H:%M}")


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "dramatiq",
            (),
            "stock RedisBroker, 2 processes x 8 threads",
            ("{bin}/python -m dramatiq benchmarks.peers.on_dramatiq --processes 2 --threads 8",),
            lambda client, due_ms: client.hlen("dramatiq:default.DQ.msgs"),
            sends_s_floor=600,
        ),
        Peer(
            "bullmq",
            ("bullmq", "ioredis"),
            "addBulk, 2 processes x 100 at a time, auto-pipelining",
            (f"node {FOLDER}/on_bullmq.mjs work",) * CONSUMERS,
            lambda client, due_ms: client.zcard("bull:inmail:delayed"),
            sends_s_floor=1_500,
            producer=f"node {FOLDER}/on_bullmq.mjs produce {{recipients}}",
            node=True,
        ),
        Peer(
            "huey",
            ("huey", "redis[hiredis]"),
            "2 consumers x 8 threads, no results",
            ("{bin}/huey_consumer benchmarks.peers.on_huey.huey --workers 8 --no-periodic --quiet",) * CONSUMERS,
            lambda client, due_ms: client.zcard("huey.schedule.inmail"),
            sends_s_floor=700,
        ),
        Peer(
            "saq",
            ("saq", "redis[hiredis]", "typing_extensions"),
            "2 processes x 20 at a time, no results",
            ("{bin}/saq benchmarks.peers.on_saq.settings --workers 2",),
            lambda client, due_ms: client.zcount("saq:default:incomplete", due_ms // 1000, "+inf"),
            sends_s_floor=600,
        ),
        Peer(
            "taskiq",
            ("taskiq-redis", "taskiq", "redis[hiredis]"),
            "stream broker, 2 processes x 100 at a time, list schedule source read each second",
            (
                "{bin}/taskiq worker benchmarks.peers.on_taskiq:broker --workers 2 --log-level WARNING",
                "{bin}/taskiq scheduler benchmarks.peers.on_taskiq:scheduler --update-interval 1 --log-level WARNING",
            ),
            _taskiq_pending,
            sends_s_floor=500,
        ),
        Peer(
            "streaq",
            ("streaq", "redis[hiredis]"),
            "enqueue_many, 2 processes x 16 at a time (its default), no results",
            ("{bin}/streaq run benchmarks.peers.on_streaq:worker --workers 2",),
            lambda client, due_ms: client.zcard("streaq:default:queues:delayed:normal"),
            sends_s_floor=500,
        ),
        Peer(
            "arq",
            ("arq",),
            "2 processes x 20 at a time, polled for every 50 ms, no results",
            ("{bin}/arq benchmarks.peers.on_arq.WorkerSettings --custom-log-dict benchmarks.peers.on_arq.QUIET",)
            * CONSUMERS,
            lambda client, due_ms: client.zcount("arq:queue", due_ms, "+inf"),
            sends_s_floor=400,
        ),
        Peer(
            "celery",
            ("celery", "redis[hiredis]"),
            "2 workers x 2 threads, no results",
            (CELERY,) * CONSUMERS,
            lambda client, due_ms: client.hlen("unacked") + client.llen("celery"),
            sends_s_floor=200,
        ),
        Peer(
            "rq",
            ("rq", "redis[hiredis]"),
            "enqueue_many, 2 SimpleWorkers with scheduler, no results",
            ("{bin}/rq worker --url {url} --worker-class benchmarks.peers.on_rq.Announced --with-scheduler --quiet",)
            * CONSUMERS,
            lambda client, due_ms: client.zcard("rq:scheduled:default"),
            sends_s_floor=130,
        ),
    )
}
