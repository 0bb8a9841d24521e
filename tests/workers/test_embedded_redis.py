"""The embedded Redis with real servers and real processes, which are killed, stopped and started at once."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
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

from engine.errors import Invalid, Refused, Unavailable
from workers import embedded_redis, redis_guard
from workers.embedded_redis import EmbeddedRedis, ServerInfo, SoleUse, running

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel ends a server with its guard on Linux"
)

USER = """
import sys
from pathlib import Path
from workers.embedded_redis import EmbeddedRedis
use = EmbeddedRedis(Path(sys.argv[1]), prefer=sys.argv[2])
info = use.attach()
print(info.pid, info.started_here, flush=True)
sys.stdin.read()
"""

COUNTER = """
import sys, redis
from pathlib import Path
from workers.embedded_redis import EmbeddedRedis
for _ in range(int(sys.argv[3])):
    with EmbeddedRedis(Path(sys.argv[1]), prefer=sys.argv[2]) as info, redis.Redis.from_url(info.url) as client:
        client.incr("count")
"""

FORKING_USER = """
import os, sys
from pathlib import Path
from workers.embedded_redis import EmbeddedRedis
use = EmbeddedRedis(Path(sys.argv[1]), prefer=sys.argv[2])
info = use.attach()
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
    with tempfile.TemporaryDirectory(prefix="inmail-") as folder:
        yield (place := Path(folder).resolve() / "data")
        state = redis_guard.read_state(place)
        try:
            wait_until(lambda: at_rest(place))
        finally:
            if state is not None and not at_rest(place):
                with suppress(ProcessLookupError):
                    os.kill(state.guard_pid, signal.SIGTERM)


def need(kind: str) -> str:
    found = next(embedded_redis._candidates(kind), None)
    if found is None:
        pytest.skip(f"no {kind} Redis server here")
    return found[1]


@pytest.fixture(params=[pytest.param("system", marks=pytest.mark.redis), "wheel"])
def kind(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


def test_what_was_written_is_there_at_the_next_start(place: Path, kind: str) -> None:
    with EmbeddedRedis(place, prefer=kind) as first:
        assert first.started_here
        assert first.persistent
        assert first.kind == kind
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
        second = use.attach()
        assert gone(first.pid)
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


def test_files_left_by_a_crash_are_overcome(place: Path, kind: str) -> None:
    place.mkdir()
    (place / "redis.guard.lock").touch()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "redis.sock"))
    state = redis_guard.State(
        "unix:///nowhere", os.getpid(), os.getppid(), kind, "7.0", 1, str(place / "redis.sock"), 0
    )
    for text in (redis_guard.json.dumps(state._asdict()), "{", "[]", ""):
        (place / "redis.json").write_text(text)
        assert running(place) is None
        with EmbeddedRedis(place, prefer=kind) as info:
            assert info.started_here
        wait_until(lambda: at_rest(place))


@contextmanager
def orphan(place: Path, kind: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose guard is gone, as a kill -9 of the guard leaves it where the kernel does not end it."""
    (place / "redis-data").mkdir(parents=True)
    (place / "redis.guard.lock").touch()
    _, version, path, command = embedded_redis._choose(kind, place)
    handle = redis_guard.lock(place / redis_guard.SERVER_LOCK, fcntl.LOCK_EX, 0)
    assert handle is not None
    with subprocess.Popen(command, pass_fds=[handle], stdout=subprocess.DEVNULL) as server:
        os.close(handle)
        try:
            state = redis_guard.State("", server.pid, 0, kind, version, 1, path, 0)
            (place / "redis.json").write_text(redis_guard.json.dumps(state._asdict()))
            wait_until((place / "redis.sock").exists)
            assert redis_guard.ask(state, b"SET kept yes", 1).startswith(b"+OK")
            yield server
        finally:
            server.kill()


def test_a_server_that_outlived_its_guard_is_ended_before_another_opens_its_data(place: Path, kind: str) -> None:
    with orphan(place, kind) as server:
        assert running(place) is None
        with EmbeddedRedis(place, prefer=kind) as info:
            assert server.wait(5) == 0
            assert info.started_here
            assert talk(info, "GET", "kept") == "yes"


def test_a_server_that_does_not_end_is_named_and_not_doubled(place: Path) -> None:
    need("wheel")
    with orphan(place, "wheel") as server:
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match=rf"earlier start \(pid {server.pid}\)"):
            EmbeddedRedis(place, prefer="wheel", start_timeout_s=0.2).attach()
        assert server.poll() is None


def test_a_path_too_long_for_a_socket_works_as_well(place: Path, kind: str) -> None:
    long = place / ("long and spaced " * 7) / "ümläut?#%"
    for _ in range(2):
        with EmbeddedRedis(long, prefer=kind) as info:
            state = redis_guard.read_state(long)
            assert state is not None
            assert not state.socket.startswith(str(place))
            assert talk(info, "INCR", "starts")
        wait_until(lambda: at_rest(long))
        assert not Path(state.socket).parent.exists()
    with EmbeddedRedis(place / "short %23 ?#", prefer=kind) as info:
        assert talk(info, "ECHO", "here") == "here"
    wait_until(lambda: at_rest(place / "short %23 ?#"))


def test_a_directory_deleted_under_a_server_is_free_for_a_new_one(place: Path, kind: str) -> None:
    old = EmbeddedRedis(place, prefer=kind)
    try:
        before = old.attach()
        guard = guard_of(place)
        shutil.rmtree(place)
        with EmbeddedRedis(place, prefer=kind) as after:
            assert after.pid != before.pid
            old.detach()
            wait_until(lambda: gone(before.pid) and gone(guard))
            assert talk(after, "ECHO", "here") == "here"
            assert running(place) is not None
    finally:
        old.detach()


def test_a_directory_that_cannot_be_used_is_one_line(place: Path) -> None:
    place.mkdir()
    (place / "file").touch()
    for use in (EmbeddedRedis(place / "file" / "data").attach, SoleUse(place / "file").__enter__):
        with pytest.raises(Unavailable, match=r"^the data directory \S+ cannot be used: [^\n]+$"):
            use()
    assert running(place / "file") is None
    assert running(place / "none") is None
    assert [path.name for path in place.iterdir()] == ["file"]


def test_a_broken_file_is_reported_with_the_servers_own_reason(place: Path, kind: str) -> None:
    with EmbeddedRedis(place, prefer=kind) as info:
        talk(info, "SET", "a", "b")
    wait_until(lambda: at_rest(place))
    broken = next(path for path in (place / "redis-data").rglob("*.aof"))
    broken.write_bytes(b"NONSENSE\r\n" + broken.read_bytes())
    with pytest.raises(Unavailable, match=r"does not start: Bad file format reading the append only file[^\n]*$"):
        EmbeddedRedis(place, prefer=kind).attach()
    assert b"NONSENSE" in broken.read_bytes()


@pytest.mark.redis
def test_an_old_server_refuses_what_a_newer_one_wrote_and_a_newer_one_takes_it_over(place: Path) -> None:
    need("wheel"), need("system")
    with EmbeddedRedis(place, prefer="wheel") as old:
        talk(old, "SET", "kept", "yes")
    wait_until(lambda: at_rest(place))
    with EmbeddedRedis(place, prefer="system") as new:
        if new.version.startswith("6."):
            pytest.skip(f"the system's Redis is {new.version}, as old as the wheel's")
        assert talk(new, "GET", "kept") == "yes"
        with pytest.raises(Refused, match="a system Redis, not wheel, runs"):
            EmbeddedRedis(place, prefer="wheel").attach()
    wait_until(lambda: at_rest(place))
    with pytest.raises(Refused, match="written by Redis 7 or newer"):
        EmbeddedRedis(place, prefer="wheel").attach()


def test_without_any_redis_a_stand_in_serves_and_says_it_keeps_nothing(place: Path) -> None:
    with EmbeddedRedis(place, prefer="fake") as info, redis.Redis.from_url(info.url) as client:
        assert (info.kind, info.persistent) == ("fake", False)
        assert client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "n", 3) == 3
        client.set("large", b"x" * 20_000_000)
        assert client.get("large") == b"x" * 20_000_000
        guard = guard_of(place)
    wait_until(lambda: gone(info.pid) and gone(guard))


def test_the_wheels_copy_on_path_is_the_wheels_and_the_stand_in_comes_last(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = need("wheel")
    monkeypatch.setenv("PATH", str(place))
    place.mkdir()
    shutil.copy(wheel, place / "redis-server")
    assert [kind for kind, _ in embedded_redis._candidates("auto")] == ["wheel", "fake"]
    with pytest.raises(Unavailable, match="no Redis"):
        EmbeddedRedis(place, prefer="system").attach()
    (place / "redis-server").write_text("#!/bin/sh\necho Redis server v=5.0.7 sha=0\n")
    with pytest.raises(Unavailable, match=r"redis-server is 5\.0\.7"):
        EmbeddedRedis(place, prefer="system").attach()
    assert embedded_redis._choose("auto", place)[0] == "wheel"


def test_the_stand_in_does_not_hide_data_there_are(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "redis-data" / "appendonlydir").mkdir(parents=True)
    monkeypatch.setattr(embedded_redis, "_candidates", lambda _: iter([("fake", sys.executable)]))
    with pytest.raises(Refused, match="holds data"):
        EmbeddedRedis(place).attach()


def test_an_unknown_kind_is_invalid(place: Path) -> None:
    with pytest.raises(Invalid, match="auto, system, wheel, fake"):
        EmbeddedRedis(place, prefer="real")


def test_only_one_may_be_up_in_a_directory_until_it_ends_or_is_killed(place: Path) -> None:
    holding = "import sys; from pathlib import Path; from workers.embedded_redis import SoleUse\n"
    holding += "with SoleUse(Path(sys.argv[1])): print('1 True', flush=True); sys.stdin.read()"
    with process(holding, place) as first:
        told(first)
        with pytest.raises(
            Refused, match=rf"^already running here: pid {first.pid}, since 20.* UTC; stop it there or "
        ):
            SoleUse(place).__enter__()
        first.kill()
        first.wait()
        with SoleUse(place), pytest.raises(Refused, match=f"pid {os.getpid()}"):
            SoleUse(place).__enter__()
    with SoleUse(place):
        pass
