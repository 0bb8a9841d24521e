"""``inmail up``: the scheduler and the workers as children of one terminal, started again when they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import structlog

from cli.output import plural, prose, say, warn
from cli.session import Session, data_check, data_place, unreached_session
from config.redis_address import identity
from config.settings import Settings, get_settings
from config.timings import SHUTDOWN_MS, STOP_GRACE_S
from engine.errors import Unavailable
from engine.store import RedisTrouble, trouble_text
from workers.embedded_redis import SoleUse
from workers.lifeline import end_with_parent
from workers.runtime import keep_redis, uses_to_share

log = structlog.get_logger("inmail.up")

_SETTLED_S = 60.0
"""A child that ran so long is no longer one that cannot start."""
_ASK_AGAIN_S = 1.0
"""A Redis that is not there yet is asked again after so long."""


def _tell(text: str, event: str, **fields: Any) -> None:
    """A warning: for the person at the terminal, else a log line among the children's, for whoever reads those."""
    if sys.stderr.isatty():
        warn(text)
    else:
        log.warning(event, **fields)


@dataclass(slots=True)
class Child:
    """One child process that should be running; started again when it ends by itself, the more slowly the oftener.

    ``output`` is where it writes (None: where this process does); ``patience_s`` the longest pause before a start;
    ``told`` whether its end is told.
    """

    name: str
    many: bool
    command: list[str]
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    next_start: float = field(default=0.0)
    output: IO[bytes] | None = None
    patience_s: float = 30.0
    told: bool = True
    _began: float = 0.0

    def tend(self) -> None:
        """Start it when it should be running and is not."""
        if self.process is not None:
            if self.process.poll() is None:
                return
            if time.monotonic() - self._began >= _SETTLED_S:
                self.starts = 0
            pause_s = min(self.patience_s, 0.5 * 2**self.starts)
            code, them = self.process.returncode, "them" if self.many else "it"
            if self.told:
                _tell(
                    f"the {self.name} ended with code {code}; starting {them} again in {pause_s:g} s",
                    "child.ended",
                    child=self.name,
                    code=code,
                    again_in_s=pause_s,
                )
            self.process, self.next_start = None, time.monotonic() + pause_s
        if time.monotonic() >= self.next_start:
            self.starts, self._began = self.starts + 1, time.monotonic()
            # A session of its own, so that Ctrl-C comes here first and the children are stopped in order.
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.env),
                stdout=self.output,
                stderr=self.output,
                start_new_session=True,
                # It uses the embedded Redis itself: were this process killed, what it has in hand could be finished.
                pass_fds=uses_to_share(),
                preexec_fn=end_with_parent(os.getpid()),  # noqa: PLW1509 - it makes one system call and takes no lock
            )

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            are, their = ("are", "their") if self.many else ("is", "its")
            _tell(
                f"the {self.name} did not stop in {STOP_GRACE_S:g} s and {are} killed; {their} work is taken up again",
                "child.killed",
                child=self.name,
                after_s=STOP_GRACE_S,
            )
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def children(workers: int, env: Mapping[str, str], port: int | None = None) -> list[Child]:
    """The scheduler, the workers and, where it has a port, the web server; not started yet."""
    worker = [sys.executable, "-m", "dramatiq", "workers.main", "--processes", str(workers), "--threads", "2"]
    family = [
        Child("scheduler", False, [sys.executable, "-m", "cli.start", "scheduler"], env),
        Child("workers", True, [*worker, "--worker-shutdown-timeout", str(SHUTDOWN_MS), "--skip-logging"], env),
    ]
    if port is not None:
        family.append(Child("web server", False, [sys.executable, "-m", "web", f"--port={port}"], env))
    return family


def run(workers: int, port: int | None = None) -> None:
    """Run everything until Ctrl-C or SIGTERM; Refused when it runs on this Redis from this data directory already."""
    stop = threading.Event()
    settings = get_settings()
    with SoleUse(settings.data_dir, _engine(settings)), _starting(settings), unreached_session(begins=True) as s:
        if port is not None:
            _check_free(settings.web_host, port)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
        _wait_for_redis(s, stop)
        if not stop.is_set():
            _run_on(s, stop, workers, port)
    say("stopped")


def _run_on(s: Session, stop: threading.Event, workers: int, port: int | None) -> None:
    many = plural(workers, "worker process", "worker processes")
    prose(f"Redis: {data_place(s.settings)}; starting the scheduler and {many}")
    env = child_env(s.redises.url, s.redises.broker_url)
    if port is not None:
        _tell_of_web(s.settings, port)
        env.setdefault("INMAIL_PUBLIC_URL", f"http://{s.settings.web_host}:{port}")
    tend_until(stop, children(workers, env, port))


@contextmanager
def _starting(settings: Settings) -> Iterator[None]:
    if settings.redis_url is None:
        prose(f"starting Redis in {settings.data_dir}, or finding it there")
    yield


def _check_free(host: str, port: int) -> None:
    """Raises Unavailable where the web server could not listen there: whoever does is not ours."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise Unavailable(
            f"the web server cannot listen on {host} port {port}: {why}; give another with --port, or --no-web"
        ) from None


def _tell_of_web(settings: Settings, port: int) -> None:
    here = f"http://{settings.web_host}:{port}"
    say(f"the HTTP API is at {here}/v1")
    say("make a key with: inmail key create ACCOUNT")
    if "INMAIL_PUBLIC_URL" not in os.environ and here != settings.public_url:
        prose(f"reply links made in another terminal begin with {settings.public_url}, unless you type there:")
        say(f"export INMAIL_PUBLIC_URL={here}")


def _wait_for_redis(s: Session, stop: threading.Event) -> None:
    """Return once Redis answers, or ``stop`` is set; where it does not at first, say so in one line, and when it does.

    The children would wait for it as well, but each of their threads would say so.
    """
    told = False
    while not stop.is_set():
        try:
            s.store.reach()
        except RedisTrouble as error:
            if not told:
                prose(
                    f"waiting for Redis ({data_place(s.settings)}), which does not answer: "
                    f"{trouble_text(error).rstrip('.')}; check {data_check(s.settings)}; Ctrl-C stops"
                )
            told = True
            keep_redis()
            stop.wait(_ASK_AGAIN_S)
            continue
        if told:
            say("Redis answers")
        return


def _engine(settings: Settings) -> str:
    """Which engine an ``up`` runs where a Redis is named: that Redis and the namespace; '' for the embedded one."""
    return f"{identity(settings.redis_url)} {settings.namespace}" if settings.redis_url else ""


def child_env(url: str, broker_url: str) -> dict[str, str]:
    """The environment of children that use the Redis their parent has found, and write to its terminal."""
    env = {**os.environ, "INMAIL_REDIS_URL": url, "INMAIL_BROKER_URL": broker_url}
    # Dramatiq gives its processes a pipe for stderr: they cannot see the terminal at its end themselves.
    if sys.stderr.isatty() and get_settings().log_format == "auto":
        env["INMAIL_LOG_FORMAT"] = "console"
    return env


def tend_until(stop: threading.Event, family: list[Child]) -> None:
    """Keep the children running until ``stop`` is set, then stop them in good order."""
    try:
        for child in family:
            child.tend()
        say("running; submit a campaign from another terminal, Ctrl-C stops")
        while not stop.wait(0.5):
            keep_redis()
            for child in family:
                child.tend()
    finally:
        say("stopping: what is in hand is finished first")
        stop_all(family)


def stop_all(family: list[Child]) -> None:
    """Ask every child to stop, wait, and kill what does not."""
    for child in family:
        child.ask_to_stop()
    deadline = time.monotonic() + STOP_GRACE_S
    for child in family:
        child.wait(deadline)
