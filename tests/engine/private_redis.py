"""A Redis of one test's own, that may be filled, stopped, killed and cut."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


class PrivateRedis:
    """A server in a folder of its own, every write in its append-only file before it is answered."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.admin = redis.Redis(unix_socket_path=str(self.socket), retry=Retry(ConstantBackoff(0.02), 250))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "no", "--aof-load-truncated", "yes"]
        options += ["--auto-aof-rewrite-percentage", "0"]
        self._process = subprocess.Popen([self.program, *map(str, options)], stdout=subprocess.DEVNULL)
        self.admin.ping()

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None
            self.admin.connection_pool.disconnect()

    def append_only_file(self) -> Path:
        """The file that grows: since Redis 7 the last of several, in a folder."""
        found = sorted(self.folder.glob("appendonlydir/*.incr.aof")) or [self.folder / "appendonly.aof"]
        return found[-1]

    def fill(self) -> None:
        """From now on memory is full."""
        self.admin.config_set("maxmemory", 1)

    def empty(self) -> None:
        self.admin.config_set("maxmemory", 0)


@contextmanager
def private_redis(program: str) -> Iterator[PrivateRedis]:
    """A running one, gone with its folder afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="inmail-test-"))
    server = PrivateRedis(program, folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        server.admin.close()
        shutil.rmtree(folder)
