"""The embedded Redis over the life of its users: real servers and processes, killed and started at once."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from workers import redis_choice, redis_guard
from workers.embedded_redis import EmbeddedRedis, ServerInfo, running

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")

USER = """
import sys
from workers.embedded_redis import EmbeddedRedis
info = EmbeddedRedis(sys.argv[1], prefer=sys.argv[2]).attach()
print(info.pid, info.started_here, flush=True)
sys.stdin.read()
"""

COUNTER = """
import sys, redis
from workers.embedded_redis import EmbeddedRedis
for _ in range(int(sys.argv[3])):
    with EmbeddedRedis(sys.argv[1], prefer=sys.argv[2]) as info, redis.Redis.from_url(info.url) as client:
        client.incr("count")
"""

FORKING_USER = """
import os, sys
from workers.embedded_redis import EmbeddedRedis
info = EmbeddedRedis(sys.argv[1], prefer=sys.argv[2]).attach()
if os.fork():
    print(info.pid, info.started_here, flush=True)
    os._exit(0)
os.close(1)
sys.stdin.read()
"""


def wait_until(condition: Callable[[], Any], within_s: float = 10) -> None:
    """Return when ``condition`` holds; fail the test when it does not in time."""
    give_up, tick = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        tick.wait(0.003)


def gone(pid: int) -> bool:
    """Whether no such process runs; one that merely waits to be reaped runs no more."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return Path("/proc/self").exists()


def talk(info: ServerInfo, *command: str) -> Any:
    with redis.Redis.from_url(info.url, decode_responses=True) as client:
        return client.execute_command(*command)


def guard_of(place: Path) -> int:
    state = redis_guard.read_state(place)
    assert state is not None
    return state.guard_pid


def at_rest(place: Path) -> bool:
    """No server, no guard, and nobody on the way in or out."""
    try:
        handle = redis_guard.lock(place / redis_guard.SERVER_LOCK, fcntl.LOCK_EX, 0)
    except OSError:
        return True  # the directory never was
    if handle is not None:
        os.close(handle)
    return handle is not None


@contextmanager
def process(script: str, place: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", script, str(place), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def told(user: subprocess.Popen[str]) -> tuple[int, bool]:
    """The server's pid, and whether this user started it; waits until it is attached."""
    assert user.stdout is not None
    pid, started_here = user.stdout.readline().split()
    return int(pid), started_here == "True"


@pytest.fixture
def place() -> Iterator[Path]:
    """A data directory in which nothing runs any more when the test is over."""
    with tempfile.TemporaryDirectory(prefix="inmail-test-") as folder:
        yield (place := Path(folder).resolve() / "data")
        state = redis_guard.read_state(place)
        try:
            wait_until(lambda: at_rest(place))
        finally:
            if state is not None and not at_rest(place):
                with suppress(ProcessLookupError):
                    os.kill(state.guard_pid, signal.SIGTERM)


def need(kind: str) -> str:
    found = next(redis_choice.candidates(kind), None)
    if found is None:
        pytest.skip(f"no {kind} Redis server here")
    return found[1]


@pytest.fixture(params=[pytest.param("system", marks=pytest.mark.redis), "wheel"])
def kind(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


def test_what_was_written_is_there_at_the_next_start(place: Path, kind: str) -> None:
    with EmbeddedRedis(place, prefer=kind) as first:
        assert (first.started_here, first.persistent, first.kind) == (True, True, kind)
        talk(first, "SET", "kept", "yes")
    wait_until(lambda: gone(first.pid))
    with EmbeddedRedis(place) as second:
        assert second.pid != first.pid
        assert talk(second, "GET", "kept") == "yes"


def test_the_server_is_private_and_set_up_to_keep_everything(place: Path, kind: str) -> None:
    wanted = {"port": "0", "appendonly": "yes", "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction"}
    with EmbeddedRedis(place, prefer=kind) as info, redis.Redis.from_url(info.url, decode_responses=True) as client:
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        assert info.version == client.info("server")["redis_version"]
        assert (place / "redis.sock").stat().st_mode & 0o777 == 0o700
        assert {(place / name).stat().st_mode & 0o077 for name in ("", "redis-data", "redis.json", "redis.log")} == {0}


def test_the_first_to_leave_stops_nothing_the_last_stops_all(place: Path, kind: str) -> None:
    first, second = EmbeddedRedis(place, prefer=kind), EmbeddedRedis(place, prefer=kind)
    try:
        started, found = first.attach(), second.attach()
        assert (started.pid, started.started_here, found.started_here) == (found.pid, True, False)
        assert running(place) == found
        guard = guard_of(place)
        first.detach()
        assert talk(found, "ECHO", "here") == "here"
    finally:
        first.detach()
        second.detach()
    wait_until(lambda: gone(found.pid) and gone(guard))
    assert running(place) is None
    assert not {path.name for path in place.iterdir()} & {"redis.sock", "redis.json"}


def test_a_user_killed_without_warning_is_a_user_gone(place: Path, kind: str) -> None:
    with process(USER, place, kind) as user:
        pid, _ = told(user)
        guard = guard_of(place)
        user.kill()
        wait_until(lambda: gone(pid) and gone(guard))


def test_a_process_forked_from_a_user_keeps_the_server(place: Path, kind: str) -> None:
    with process(FORKING_USER, place, kind) as user:
        pid, _ = told(user)
        user.wait(10)
        with EmbeddedRedis(place) as info:
            assert info.pid == pid
        assert not at_rest(place)
        assert user.stdin is not None
        user.stdin.close()
        wait_until(lambda: gone(pid))


def test_ctrl_c_in_the_terminal_of_a_user_is_not_for_the_server(place: Path, kind: str) -> None:
    with EmbeddedRedis(place, prefer=kind) as info:
        assert os.getsid(0) not in {os.getsid(info.pid), os.getsid(guard_of(place))}


@linux
def test_a_killed_guard_takes_its_server_along_and_the_data_stay(place: Path, kind: str) -> None:
    use = EmbeddedRedis(place, prefer=kind)
    try:
        first = use.attach()
        talk(first, "SET", "kept", "yes")
        os.kill(guard_of(place), signal.SIGKILL)
        wait_until(lambda: running(place) is None)
        second = use.attach()
        wait_until(lambda: gone(first.pid))
        assert second.started_here
        assert talk(second, "GET", "kept") == "yes"
    finally:
        use.detach()


def test_a_killed_server_ends_its_guard_and_the_next_attach_revives_it(place: Path, kind: str) -> None:
    use = EmbeddedRedis(place, prefer=kind)
    try:
        first = use.attach()
        guard = guard_of(place)
        talk(first, "SET", "kept", "yes")
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: gone(guard))
        assert running(place) is None
        second = use.attach()
        assert talk(second, "GET", "kept") == "yes"
        assert second.url == first.url
    finally:
        use.detach()


def test_users_that_start_at_once_get_one_server(place: Path, kind: str) -> None:
    with process(USER, place, kind) as a, process(USER, place, kind) as b, process(USER, place, kind) as c:
        heard = [told(user) for user in (a, b, c)]
    assert len({pid for pid, _ in heard}) == 1
    assert [started for _, started in heard].count(True) == 1


def test_nobody_is_left_with_a_dying_server(place: Path, kind: str) -> None:
    """Users come while others leave, each for one write: every write arrives, and none is lost on the way."""
    with process(COUNTER, place, kind, "8") as a, process(COUNTER, place, kind, "8") as b:
        for _ in range(8):
            with EmbeddedRedis(place, prefer=kind) as info:
                talk(info, "INCR", "count")
        assert (a.wait(30), b.wait(30)) == (0, 0)
    with EmbeddedRedis(place) as info:
        assert talk(info, "GET", "count") == "24"
