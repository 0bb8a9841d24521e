"""Fixtures under which Dramatiq's own tests run against our broker; copied beside them as conftest.py.

They carry the names Dramatiq's tests ask for. `stub_broker` too is ours: what is asserted of the stub about
actors, retries, pipelines, groups, results and middleware should hold on a real Redis.
"""

from __future__ import annotations

import os
import subprocess
import sys

import dramatiq
import pytest
import redis
from dramatiq import Worker
from dramatiq.rate_limits import backends as rate_limit_backends
from dramatiq.results import backends as result_backends

from workers.broker import DurableRedisBroker

URL = os.environ["CONFORMANCE_REDIS_URL"]
BACKENDS = ("redis", "stub")


class RedisBroker(DurableRedisBroker):
    """Ours under the stock name, with the namespace the stock tests look under."""

    def __init__(self, **parameters):
        parameters.setdefault("namespace", "dramatiq")
        super().__init__(**({"url": URL} | parameters))


class LikeStubBroker(RedisBroker):
    """Ours with the one convenience of the stub that tests rely on: join raises what made a message fail."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.failures = []
        self.dead_letters = []

    def emit_before(self, signal, *args, **kwargs):
        if signal == "nack":
            self.failures.append(args[0]._exception)
            self.dead_letters.append(args[0]._message)
        super().emit_before(signal, *args, **kwargs)

    def join(self, queue_name, *, fail_fast=True, **options):
        super().join(queue_name, **({"interval": 20} | options))
        failures, self.failures = self.failures, []
        if fail_fast and failures:
            raise failures.pop() from None


def _started(broker_class):
    broker = broker_class()
    broker.client.flushall()
    broker.emit_after("process_boot")
    dramatiq.set_broker(broker)
    return broker


@pytest.fixture
def redis_broker():
    broker = _started(RedisBroker)
    yield broker
    broker.client.flushall()
    broker.close()


@pytest.fixture
def stub_broker():
    broker = _started(LikeStubBroker)
    yield broker
    broker.client.flushall()
    broker.close()


@pytest.fixture
def redis_worker(redis_broker):
    worker = Worker(redis_broker, worker_timeout=100, worker_threads=32)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def stub_worker(stub_broker):
    worker = Worker(stub_broker, worker_timeout=100, worker_threads=32)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def start_cli():
    started = []

    def run(broker_module, *, extra_args=None, **kwargs):
        kwargs.setdefault("bufsize", 0)
        command = [sys.executable, "-m", "dramatiq", broker_module, *(extra_args or [])]
        started.append(subprocess.Popen(command, **kwargs))
        return started[-1]

    yield run
    for process in started:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def info_logging():
    return None


@pytest.fixture
def redis_result_backend():
    return result_backends.RedisBackend(client=redis.Redis.from_url(URL))


@pytest.fixture(params=BACKENDS)
def result_backend(request, redis_result_backend):
    return redis_result_backend if request.param == "redis" else result_backends.StubBackend()


@pytest.fixture
def result_backends_by_name(redis_result_backend):
    return {"redis": redis_result_backend, "stub": result_backends.StubBackend()}


@pytest.fixture(params=BACKENDS)
def rate_limiter_backend(request):
    if request.param == "stub":
        return rate_limit_backends.StubBackend()
    backend = rate_limit_backends.RedisBackend(client=redis.Redis.from_url(URL))
    backend.client.flushall()
    return backend
