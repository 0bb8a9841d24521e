"""A cluster of three masters: every key of a tagged namespace is in one slot, so the same scripts run."""

from __future__ import annotations

import dramatiq
import pytest
from redis.cluster import RedisCluster

from benchmarks.redis_cluster import Cluster
from engine.store import open_client
from workers.broker import DurableRedisBroker, dead_list, pause, queue_list, resume

from .rig import elapse

pytestmark = pytest.mark.redis


@pytest.fixture(params=["redis-py's own client", "the engine's"])
def client(request: pytest.FixtureRequest, cluster: Cluster) -> RedisCluster:
    cluster.flush()
    if request.param == "the engine's":
        return open_client(cluster.url)
    return RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port)


def test_everything_works_on_a_cluster(client: RedisCluster) -> None:
    broker = DurableRedisBroker(client=client, heartbeat_interval=100, heartbeat_timeout=500)
    ran: list[object] = []

    @dramatiq.actor(broker=broker, queue_name="q", max_retries=1, min_backoff=50, max_backoff=50)
    def note(value: object) -> None:
        if value == "bad":
            raise ValueError(value)
        ran.append(value)

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    broker.enqueue_many([note.message(number) for number in range(100)])
    note.send_with_options(args=("later",), delay=300)
    note.send("bad")
    broker.join("q", interval=20, timeout=10_000)
    assert set(ran) == {*range(100), "later"}
    assert [group.error_type for group in dead_list(broker)] == ["ValueError"]
    assert pause(broker, "q")
    note.send("held up")
    elapse(0.2)
    assert [row.ready for row in queue_list(broker)] == [1]
    assert resume(broker, "q")
    broker.join("q", interval=20, timeout=10_000)
    worker.stop()
    broker.close()
