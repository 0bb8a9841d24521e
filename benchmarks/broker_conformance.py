"""Runs Dramatiq's own tests against our broker, on a redis-server of its own.

    python -m benchmarks.broker_conformance [--tests FOLDER] [-- pytest options]

The tests are those of the source distribution of the Dramatiq installed here, downloaded with pip into a
temporary directory, or those in FOLDER (or $DRAMATIQ_TESTS), such as the `tests` of a checkout, which has the
middleware's as well. None of that code is kept. The excluded ones are listed with the reason.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.redis_server import own_redis

FILES = (
    "test_actors.py",
    "test_barrier.py",
    "test_broker.py",
    "test_bucket_rate_limiter.py",
    "test_callbacks.py",
    "test_cli.py",
    "test_composition.py",
    "test_concurrent_rate_limiter.py",
    "test_generic_actors.py",
    "test_messages.py",
    "test_redis.py",
    "test_results.py",
    "test_window_rate_limiter.py",
    "test_worker.py",
    "middleware/test_asyncio.py",
    "middleware/test_retries.py",
    "middleware/test_shutdown.py",
    "middleware/test_threading.py",
    "middleware/test_time_limit.py",
)
NO_QUEUE_OBJECTS = "looks into the stub's in-memory queue objects"
STOCK_SCRIPT = "calls the stock broker's one script (do_enqueue, do_fetch, do_ack, do_nack)"
FIXED_PORT = "connects to a Redis on the fixed port 6379"
RABBIT = "needs RabbitMQ's client"
EXCLUDED = {
    "test_actors.py::test_actors_can_be_sent_messages": NO_QUEUE_OBJECTS,
    "test_actors.py::test_worker_handles_non_numeric_eta_and_logs_warning": NO_QUEUE_OBJECTS,
    "test_actors.py::test_worker_handles_none_eta": NO_QUEUE_OBJECTS,
    "test_actors.py::test_messages_belonging_to_missing_actors_are_rejected": (
        "compares options with those enqueued; every Redis broker adds its redis_message_id"
    ),
    "test_broker.py::test_broker_uses_rabbitmq_if_not_set": RABBIT,
    "test_broker.py::test_can_instantiate_brokers_without_middleware": RABBIT,
    "test_redis.py::test_redis_unacked_messages_can_be_requeued": STOCK_SCRIPT,
    "test_redis.py::test_redis_consumer_ack_can_retry_on_connection_error": STOCK_SCRIPT,
    "test_redis.py::test_redis_consumer_nack_can_retry_on_connection_error": STOCK_SCRIPT,
    "test_redis.py::test_redis_broker_can_connect_via_url": FIXED_PORT,
    "test_redis.py::test_redis_broker_can_connect_via_client": FIXED_PORT,
    "test_redis.py::test_redis_dead_lettered_messages_are_cleaned_up": (
        "expects dead letters to be thrown away by age; ours stay until an operator decides"
    ),
    "test_redis.py::test_redis_requeues_unhandled_delay_messages_on_shutdown": (
        "reads the delay queue as a list; ours is a sorted set, and no worker holds what would be given back"
    ),
    "test_redis.py::test_redis_join_race_condition": (
        "counts acks and bodies of both queues (4, 4, 2, 2); ours counts each message once (2, 2, 1, 1)"
    ),
}
COMMON = """
import os
from contextlib import contextmanager
import pytest
from dramatiq import Worker

@contextmanager
def worker(*args, **kwargs):
    worker = Worker(*args, **kwargs)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()

skip_in_ci = skip_on_windows = skip_on_pypy = skip_without_gevent = skip_with_gevent = pytest.mark.skipif(
    False, reason="runs here"
)
skip_without_gevent = pytest.mark.skip(reason="gevent is not installed")
skip_unless_rabbit_mq = pytest.mark.skip(reason="not about Redis")
RABBITMQ_CREDENTIALS = None
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tests", type=Path, default=os.environ.get("DRAMATIQ_TESTS"))
    parser.add_argument("options", nargs="*", help="passed on to pytest")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder, own_redis() as url:
        root = Path(folder)
        source = Path(arguments.tests) if arguments.tests else download(root)
        lay_out(source, root / "tests")
        print(f"dramatiq {version('dramatiq')}, tests from {source}\n\nexcluded:")
        for name, reason in EXCLUDED.items():
            print(f"  {name}: {reason}")
        print(flush=True)
        return run(root, url, arguments.options)


def download(root: Path) -> Path:
    """Fetch the source distribution of the installed Dramatiq and return its tests folder."""
    wanted = f"dramatiq=={version('dramatiq')}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "dramatiq"]
    subprocess.run([*command, "--no-build-isolation", "--dest", str(root), wanted], check=True)
    with tarfile.open(next(root.glob("dramatiq-*.tar.gz"))) as archive:
        archive.extractall(root / "sdist", filter="data")
    return next((root / "sdist").glob("*/tests"))


def lay_out(source: Path, target: Path) -> None:
    """Copy the tests of FILES, with our fixtures, and with our broker where they import the stock one."""
    for name in FILES:
        original = source / name
        if original.exists():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = original.read_text(encoding="utf-8")
            ours = "from tests.conftest import RedisBroker"
            text = text.replace("from dramatiq.brokers.redis import RedisBroker", ours)
            text = text.replace(
                "from dramatiq.brokers.redis import MAINTENANCE_SCALE, RedisBroker",
                f"from dramatiq.brokers.redis import MAINTENANCE_SCALE\n{ours}",
            )
            text = text.replace("from dramatiq.brokers.rabbitmq import RabbitmqBroker", "RabbitmqBroker = None")
            copy.write_text(text, encoding="utf-8")
            (copy.parent / "__init__.py").touch()
    (target / "common.py").write_text(COMMON, encoding="utf-8")
    shutil.copy(Path(__file__).with_name("broker_conformance_fixtures.py"), target / "conftest.py")


def run(root: Path, url: str, options: list[str]) -> int:
    """Run pytest over the copied tests and return its exit code."""
    project = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    command += ["--rootdir", str(root), "--timeout", "60", str(root / "tests")]
    for name in EXCLUDED:
        command += ["--deselect", f"tests/{name}"]
    path = os.pathsep.join((str(root), str(project)))
    # Dramatiq reloads itself as plain "python", which must be this one.
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {"CONFORMANCE_REDIS_URL": url, "PYTHONPATH": path, "PATH": programs}
    return subprocess.run([*command, *options], cwd=root, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
