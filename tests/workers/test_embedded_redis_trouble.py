"""The embedded Redis in trouble: what crashes leave behind, odd places, old servers, and none at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from engine.errors import Invalid, Refused, Unavailable
from tests.workers import test_embedded_redis as life
from tests.workers.test_embedded_redis import at_rest, gone, guard_of, need, process, talk, told, wait_until
from workers import redis_choice, redis_guard
from workers.embedded_redis import EmbeddedRedis, SoleUse, running

place, kind = life.place, life.kind


def test_files_left_by_a_crash_are_overcome(place: Path, kind: str) -> None:
    place.mkdir()
    (place / "redis.guard.lock").touch()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "redis.sock"))
    state = redis_guard.State(
        "unix:///nowhere", os.getpid(), os.getppid(), kind, "7.0", 1, str(place / "redis.sock"), 0
    )
    for text in (json.dumps(state._asdict()), "{", "[]", ""):
        (place / "redis.json").write_text(text)
        assert running(place) is None
        with EmbeddedRedis(place, prefer=kind) as info:
            assert info.started_here
        wait_until(lambda: at_rest(place))


def answers(state: redis_guard.State) -> bool:
    try:
        return redis_guard.ask(state, b"PING", 1).startswith(b"+PONG")
    except OSError:
        return False


@contextmanager
def orphan(place: Path, kind: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose guard is gone, as a kill -9 of the guard leaves it where the kernel does not end it."""
    (place / "redis-data").mkdir(parents=True)
    (place / "redis.guard.lock").touch()
    _, version, path, command = redis_choice.choose(kind, place)
    handle = redis_guard.lock(place / redis_guard.SERVER_LOCK, fcntl.LOCK_EX, 0)
    assert handle is not None
    with subprocess.Popen(command, pass_fds=[handle], stdout=subprocess.DEVNULL) as server:
        os.close(handle)
        try:
            state = redis_guard.State("", server.pid, 0, kind, version, 1, path, 0)
            (place / "redis.json").write_text(json.dumps(state._asdict()))
            wait_until(lambda: answers(state))
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
    assert [kind for kind, _ in redis_choice.candidates("auto")] == ["wheel", "fake"]
    with pytest.raises(Unavailable, match="no Redis"):
        EmbeddedRedis(place, prefer="system").attach()
    (place / "redis-server").write_text("#!/bin/sh\necho Redis server v=5.0.7 sha=0\n")
    with pytest.raises(Unavailable, match=r"redis-server is 5\.0\.7"):
        EmbeddedRedis(place, prefer="system").attach()
    assert redis_choice.choose("auto", place)[0] == "wheel"


def test_the_stand_in_does_not_hide_data_there_are(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "redis-data" / "appendonlydir").mkdir(parents=True)
    monkeypatch.setattr(redis_choice, "candidates", lambda _: iter([("fake", sys.executable)]))
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
