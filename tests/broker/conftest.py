"""A fresh redis-server for each scenario, and brokers on the stand-in for what needs no faults."""

from __future__ import annotations

import os

# Dramatiq reads it once, when its worker module is imported: three seconds would be most of a test's time.
os.environ.setdefault("dramatiq_restart_delay", "300")

import shutil
from collections.abc import Iterator

import dramatiq
import fakeredis
import pytest

from tests.conftest import real_server
from workers.broker import DurableRedisBroker

from .rig import Rig, Server


@pytest.fixture
def server() -> Iterator[Server]:
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        pytest.skip("no redis-server or valkey-server on PATH")
    made = Server()
    yield made
    made.close()


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    made = Rig("ours", server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        pytest.skip("no redis-server or valkey-server on PATH")
    made = Server("--appendonly", "no")
    yield made
    made.close()


@pytest.fixture(
    params=[
        pytest.param("fake", marks=[pytest.mark.stand_in] if real_server() else []),
        pytest.param("real", marks=pytest.mark.redis),
    ]
)
def broker(request: pytest.FixtureRequest) -> Iterator[DurableRedisBroker]:
    """An empty broker, on the stand-in and on a real server."""
    timing = {"heartbeat_interval": 100, "heartbeat_timeout": 500}
    if request.param == "fake":
        client = fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0))
        made = DurableRedisBroker(client=client, **timing)
    else:
        made = DurableRedisBroker(url=request.getfixturevalue("shared_server").url, **timing)
        made.client.flushall()
    dramatiq.set_broker(made)
    yield made
    made.close()
