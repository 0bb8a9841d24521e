"""A redis-server to abuse, brokers and workers on it, and a proxy that loses replies."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from workers.broker import DurableRedisBroker

PROJECT = Path(__file__).parents[2]
DAY_MS = 86_400_000


def wait_until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Return what the condition says as soon as it is true, or what it says after the time-out."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()) and time.monotonic() < deadline:
        elapse(0.01)
    return value


def elapse(seconds: float) -> None:
    """Let time pass: an outage, a stall or a silence has a length."""
    threading.Event().wait(seconds)


def major_version(program: str) -> int:
    """Return 6 for a Redis 6.2, 8 for a Valkey 8.1."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\d+)", said)
    assert found is not None, said
    return int(found[1])


class Server:
    """One redis-server on a unix socket, with an append-only file, to be killed and started again."""

    def __init__(self, *options: str) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program is not None, "look for one with have_server() first"
        self._folder = tempfile.TemporaryDirectory(prefix="broker-rig-")
        self.path = f"{self._folder.name}/redis.sock"
        self.url = f"unix://{self.path}"
        self._command = [program, "--port", "0", "--unixsocket", self.path, "--dir", self._folder.name]
        self._command += ["--save", "", "--appendonly", "yes", *options]
        if major_version(program) >= 7:  # before, DEBUG needed no leave, and a server with this option would not start
            self._command += ["--enable-debug-command", "local"]
        self.admin = redis.Redis.from_url(self.url, socket_timeout=60)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def is_up() -> bool:
            with suppress(redis.RedisError):
                return bool(self.admin.ping())
            return False

        assert wait_until(is_up), "redis-server did not come up"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def stall(self) -> None:
        """Answer nobody, connections staying open, until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.admin.close()
        self.kill()
        self._folder.cleanup()


class LosingProxy:
    """Passes everything on to a server, except the reply to the first request that holds `marker`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.path = server.path + ".proxy"
        self.url = f"unix://{self.path}"
        self.marker: bytes | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(64)
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(self._server.path)
                self._sockets += [client, upstream]
                threading.Thread(target=self._pass_on, args=(client, upstream), daemon=True).start()

    def _pass_on(self, client: socket.socket, upstream: socket.socket) -> None:
        with suppress(OSError), client, upstream:
            threading.Thread(target=self._pass_back, args=(upstream, client), daemon=True).start()
            while request := client.recv(1 << 20):
                if self.marker is not None and self.marker in request:
                    self.marker = None
                    self._swallow_reply(client, request)
                    return
                upstream.sendall(request)

    def _pass_back(self, upstream: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while reply := upstream.recv(1 << 20):
                client.sendall(reply)

    def _swallow_reply(self, client: socket.socket, request: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as aside:
            aside.connect(self._server.path)
            aside.sendall(request)
            aside.recv(1 << 20)  # carried out
        client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Rig:
    """Everything one scenario needs, of one kind of broker ("ours" or "stock"), closed with it."""

    def __init__(self, kind: str, server: Server) -> None:
        self.kind = kind
        self.server = server
        self.ran: list[Any] = []
        self._closers: list[Callable[[], Any]] = []

    @property
    def is_ours(self) -> bool:
        return self.kind == "ours"

    def broker(self, *, heartbeat_timeout: int = 15_000, **parameters: Any) -> Any:
        """Make a broker of this rig's kind; the stock one with maintenance at every fetch, to be fair."""
        if not {"url", "client"} & parameters.keys():
            parameters["url"] = self.server.url
        if self.is_ours:
            interval = heartbeat_timeout // 5
            made: Any = DurableRedisBroker(
                heartbeat_interval=interval, heartbeat_timeout=heartbeat_timeout, **parameters
            )
        else:
            made = RedisBroker(  # type: ignore[no-untyped-call]
                heartbeat_timeout=heartbeat_timeout, maintenance_chance=1_000_000, **parameters
            )
        self._closers.append(made.close)
        return made

    def actor(self, broker: Any, *, busy_s: float = 0.0, **options: Any) -> Any:
        """Declare an actor that notes in `ran` what it was given, after being busy for a while."""

        @dramatiq.actor(broker=broker, actor_name="note", queue_name="q", **options)
        def note(value: Any) -> None:
            if busy_s:
                elapse(busy_s)
            self.ran.append(value)

        return note

    def worker(self, broker: Any, threads: int = 2) -> dramatiq.Worker:
        made = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=100)
        made.start()
        self._closers.append(lambda: made.stop(2_000))
        return made

    def proxy(self) -> LosingProxy:
        made = LosingProxy(self.server)
        self._closers.append(made.close)
        return made

    def process(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start the dramatiq command on tests/broker/app.py, which notes into $NOTES."""
        env = os.environ | {"APP_BROKER": self.kind, "APP_URL": self.server.url, **environment}
        command = [sys.executable, "-m", "dramatiq", "tests.broker.app", *options]
        made = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        self._closers.append(lambda: kill_group(made))
        return made

    def marker(self, broker: Any, command: str) -> bytes:
        """Return what tells a request for `command` from others on the wire."""
        return broker.lua._digests[command].encode() if self.is_ours else f"\r\n{command}\r\n".encode()

    def close(self) -> None:
        for closer in reversed(self._closers):
            with suppress(Exception):
                closer()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a dramatiq command and its worker processes, as a machine that loses power would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
