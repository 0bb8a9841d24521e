"""A redis-server of one's own for a benchmark: on a unix socket in a temporary directory, ended with it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis


@contextmanager
def own_redis(*options: str) -> Iterator[str]:
    """Run a redis-server for the length of the block, and give its URL. Nothing of it is kept."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise SystemExit("no redis-server or valkey-server on PATH")
    with tempfile.TemporaryDirectory(prefix="bench-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", ""]
        server = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        try:
            _wait_until_up(f"unix://{socket}")
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait(10)


def _wait_until_up(url: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            redis.Redis.from_url(url).ping()
        except redis.RedisError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
