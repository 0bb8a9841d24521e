"""Whatever a client raises and whatever reply is lost: Dramatiq sees what it can wait out, or nothing at all."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from dramatiq.errors import ConnectionClosed
from redis.exceptions import RedisClusterException

from workers.broker import DurableRedisBroker

from .rig import Rig


@pytest.mark.parametrize("error", [redis.ResponseError("OOM"), RedisClusterException("no node"), OSError("reset")])
def test_every_kind_of_failure_becomes_one_dramatiq_survives(
    broker: DurableRedisBroker, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    for name in ("execute_command", "blpop"):
        monkeypatch.setattr(broker.client, name, fail)
    with pytest.raises(ConnectionClosed) as caught:
        broker.do_qsize("q")
    assert caught.value.__cause__ is error
    with pytest.raises(ConnectionClosed):
        broker.lua.sleep_until_woken("q", 10)
    monkeypatch.undo()


@pytest.mark.redis
def test_a_client_made_by_the_broker_asks_again_for_a_reply_that_was_lost(rig: Rig) -> None:
    proxy = rig.proxy()
    broker = rig.broker(url=proxy.url)
    note = rig.actor(broker)
    broker.do_qsize("q")  # the script is known, so the next request is the one that is lost
    note.send(1)
    proxy.marker = rig.marker(broker, "enqueue")
    note.send(2)
    assert (proxy.marker, broker.do_qsize("q")) == (None, 2)


@pytest.mark.parametrize(("socket_timeout_s", "longest_ms"), [(None, 1000), (5, 1000), (1, 500), (0.2, 100)])
def test_a_consumer_sleeps_for_half_of_its_clients_time_out_at_most(
    socket_timeout_s: float | None, longest_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = DurableRedisBroker(url="redis://nowhere", socket_timeout=socket_timeout_s)
    slept: list[float] = []
    monkeypatch.setattr(broker.client, "blpop", lambda _, timeout: slept.append(timeout))
    broker.lua.sleep_until_woken("q", 60_000)
    assert slept == [longest_ms / 1000]
