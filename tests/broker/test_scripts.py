"""What the scripts leave behind in Redis, each guard by itself."""

from __future__ import annotations

import dramatiq
import pytest

from workers.broker import DurableRedisBroker, queue_list

SPACE = "{dramatiq}"
TIMEOUT_MS = 60_000


def put_in(broker: DurableRedisBroker, *ids: str, queue: str = "q") -> None:
    rows = [part for message_id in ids for part in (queue, message_id, b"body", "")]
    assert broker.lua.run("enqueue", "sender", f"of {ids}", broker.broker_id, "", "", *rows) == len(ids)


def tokens(broker: DurableRedisBroker, queue: str = "q") -> int:
    return int(broker.client.llen(f"{SPACE}:{queue}.wake"))


def now_ms(broker: DurableRedisBroker) -> int:
    seconds, microseconds = broker.client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


@pytest.fixture
def silent(broker: DurableRedisBroker) -> DurableRedisBroker:
    """A broker without threads of its own, beside a process that holds `a` and has not beaten since 1970."""
    put_in(broker, "a")
    broker.lua.run("fetch", "q", "silent", 1)
    broker.client.zadd(f"{SPACE}:__heartbeats__", {"silent": 1})
    return broker


def reap(
    broker: DurableRedisBroker, *, tick_ms_ago: int, since_ms_ago: int = 10 * TIMEOUT_MS, crash_limit: int = 5
) -> list[int]:
    """Reap as if the last call and the begin of the steady run had been so long ago."""
    now = now_ms(broker)
    ticks = {"tick": now - tick_ms_ago, "since": now - since_ms_ago}
    broker.client.hset(f"{SPACE}:__reaper__", mapping=ticks)
    return list(broker.lua.run("reap", TIMEOUT_MS, TIMEOUT_MS // 2, crash_limit, "{}"))


def test_nobody_is_given_up_until_redis_was_reachable_for_a_whole_timeout_again(silent: DurableRedisBroker) -> None:
    assert reap(silent, tick_ms_ago=TIMEOUT_MS) == [0, 0, 0]  # nobody called for longer than the gap
    assert silent.lua.run("reap", TIMEOUT_MS, TIMEOUT_MS // 2, 5, "{}") == [0, 0, 0]  # and that is remembered
    assert reap(silent, tick_ms_ago=-TIMEOUT_MS) == [0, 0, 0]  # the clock was put back
    assert reap(silent, tick_ms_ago=0, since_ms_ago=TIMEOUT_MS // 2) == [0, 0, 0]
    assert reap(silent, tick_ms_ago=0) == [1, 0, 0]


def test_what_was_flushed_meanwhile_is_not_given_back(silent: DurableRedisBroker) -> None:
    silent.lua.run("purge", "q")
    assert reap(silent, tick_ms_ago=0) == [0, 0, 0]
    assert not silent.client.exists(f"{SPACE}:q", f"{SPACE}:q.lost", f"{SPACE}:__acks__.silent.q")


def test_what_was_flushed_meanwhile_is_let_go_and_not_taken_up_again(silent: DurableRedisBroker) -> None:
    silent.lua.run("purge", "q")
    assert silent.lua.run("reclaim", "q", "silent") == []
    assert not silent.client.exists(f"{SPACE}:__acks__.silent.q")


def test_a_queue_is_known_from_its_first_consumer_on(broker: DurableRedisBroker) -> None:
    broker.lua.run("beat", "worker", "first", "second")
    assert [row.queue for row in queue_list(broker)] == ["first", "second"]


def test_a_sleeping_consumer_is_roused_by_whatever_may_be_run_and_by_one_token_only(
    broker: DurableRedisBroker,
) -> None:
    assert tokens(broker) == 0
    put_in(broker, "a")
    assert tokens(broker) == 1
    broker.lua.run("fetch", "q", "worker", 1)
    put_in(broker, "b", "c")
    broker.client.delete(f"{SPACE}:q.wake")
    broker.lua.run("fetch", "q", "worker", 1)  # one is left: the next consumer is roused
    assert tokens(broker) == 1
    broker.lua.run("requeue", "q", "worker", "a", "b")
    assert tokens(broker) == 1


@pytest.mark.parametrize("script", ["requeue", "reap", "resume", "dead_retry"])
def test_a_sleeping_consumer_is_roused_when_something_comes_back(silent: DurableRedisBroker, script: str) -> None:
    silent.client.delete(f"{SPACE}:q.wake")
    if script == "requeue":
        silent.lua.run("requeue", "q", "silent", "a")
    elif script == "reap":
        reap(silent, tick_ms_ago=0)
    elif script == "resume":
        silent.lua.run("pause", "q", 0)
        silent.lua.run("resume", "q")
    else:
        silent.lua.run("nack", "q", "silent", "a", "{}")
        silent.lua.run("dead_retry", "q", "a", b"body")
    assert tokens(silent) == 1


def test_a_delayed_message_rouses_only_when_it_is_the_earliest(broker: DurableRedisBroker) -> None:
    note = dramatiq.actor(print, queue_name="q", actor_name="note")
    for delay, expected in ((2_000_000, 1), (3_000_000, 0), (1_000_000, 1)):
        broker.client.delete(f"{SPACE}:q.wake")
        note.send_with_options(delay=delay)
        assert tokens(broker) == expected


def live(broker: DurableRedisBroker, process: str, queues: tuple[str, ...], limit: int) -> None:
    """One process: it fetches two of each queue, dies if `deadly` is among them, else runs what it holds."""
    held = {queue: broker.lua.run("fetch", queue, process, 2, limit)[3::2] for queue in queues}
    if any(b"deadly" in ids for ids in held.values()):
        broker.client.zadd(f"{SPACE}:__heartbeats__", {process: 1})
        reap(broker, tick_ms_ago=0, crash_limit=limit)
        return
    for queue, ids in held.items():
        for message_id in ids:
            broker.lua.run("ack", queue, process, message_id)


@pytest.mark.parametrize("crash_limit", [1, 5])
@pytest.mark.parametrize("queues", [("q",), ("q", "other")])
def test_a_message_that_kills_every_process_is_buried_without_its_neighbours(
    broker: DurableRedisBroker, queues: tuple[str, ...], crash_limit: int
) -> None:
    put_in(broker, "deadly", "a", "b", "c")
    put_in(broker, "d", "e", queue=queues[-1])
    for number in range(20):
        live(broker, f"process {number}", queues, crash_limit)
    assert broker.client.zrange(f"{SPACE}:q.XQ", 0, -1) == [b"deadly"]
    for row in queue_list(broker):
        assert (row.queue, row.ready, row.running, row.dead) == (row.queue, 0, 0, int(row.queue == "q"))


def test_what_may_have_killed_processes_holds_up_nothing_behind_it(broker: DurableRedisBroker) -> None:
    put_in(broker, "a", "b", "c", "d")
    broker.client.hset(f"{SPACE}:q.lost", mapping={"a": 2, "b": 2, "c": 1})
    assert broker.lua.run("fetch", "q", "first", 3, 5)[3::2] == [b"a", b"c"]
    assert broker.lua.run("fetch", "q", "first", 1, 5)[3::2] == [b"d"]
    assert broker.lua.run("fetch", "q", "second", 3, 5)[3::2] == [b"b"]
