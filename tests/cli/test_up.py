"""``inmail up``: what it says of a child that ended by itself, and where a second one is refused."""

import io
import json
import logging as stdlib
import os
import socket
import sys
from types import SimpleNamespace

import pytest
import structlog
from redis.exceptions import ConnectionError

from cli.main import execute
from cli.up import Child, children
from config import logging
from config.settings import get_settings


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def log(monkeypatch):
    """What stands in a stderr that is a file."""
    stream, before = io.StringIO(), stdlib.getLogger().handlers[:]
    monkeypatch.setattr(sys, "stderr", stream)
    logging.configure("info", "auto")
    yield stream
    stdlib.getLogger().handlers[:] = before
    structlog.reset_defaults()


def ended(name):
    """A child of the family that has just ended with code 1."""
    (child,) = (each for each in children(1, os.environ) if each.name == name)
    child.command = [sys.executable, "-c", "raise SystemExit(1)"]
    child.tend()
    child.process.wait(20)
    return child


def test_a_child_that_ended_is_one_json_line_among_the_others_off_a_terminal(log):
    ended("workers").tend()

    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["event"], line["child"], line["code"], line["again_in_s"]) == ("child.ended", "workers", 1, 1.0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("workers", "the workers ended with code 1; starting them again in 1 s"),
        ("scheduler", "the scheduler ended with code 1; starting it again in 1 s"),
    ],
)
def test_on_a_terminal_it_is_a_sentence(monkeypatch, name, told):
    child = ended(name)
    monkeypatch.setattr(sys, "stderr", stderr := Terminal())
    child.tend()

    assert stderr.getvalue() == f"inmail: warning: {told}\n"


def test_a_child_that_does_not_stop_is_killed_and_told_of(log, monkeypatch):
    monkeypatch.setattr("cli.up.STOP_GRACE_S", 0.0)
    child = Child("workers", True, [sys.executable, "-c", "import time; time.sleep(60)"], os.environ)
    child.tend()
    child.wait(0.0)

    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["event"], child.process.poll()) == ("child.killed", -9)


@pytest.fixture
def up(monkeypatch, tmp_path, capsys):
    """``inmail up`` in one data directory, on the Redis named if one is; gives its exit code and its errors.

    It starts nothing; ``meanwhile`` is called where it would run.
    """

    def run(redis_url="", namespace="inmail", *, meanwhile=lambda: None):
        monkeypatch.setenv("INMAIL_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("INMAIL_REDIS_URL", redis_url)
        monkeypatch.setenv("INMAIL_NAMESPACE", namespace)
        monkeypatch.setattr("cli.up.tend_until", lambda stop, family: meanwhile())
        get_settings.cache_clear()
        return execute(["up"]), capsys.readouterr().err

    monkeypatch.setattr("cli.up.signal", SimpleNamespace(signal=lambda *_: None, SIGINT=2, SIGTERM=15))
    yield run
    get_settings.cache_clear()


@pytest.mark.redis
@pytest.mark.parametrize("again", [("",), ("", "other")])
def test_a_second_up_on_the_same_embedded_redis_is_refused(up, again):
    second = []
    assert up(meanwhile=lambda: second.append(up(*again))) == (0, "")
    assert second[0][0] == 3
    assert f"already running here: pid {os.getpid()}" in second[0][1]
    assert "use another INMAIL_DATA_DIR" in second[0][1]


@pytest.mark.redis
def test_a_second_up_says_nothing_of_starting_anything(up, capsys):
    said = []

    def meanwhile():
        capsys.readouterr()
        said.extend((execute(["up"]), capsys.readouterr().out))

    up(meanwhile=meanwhile)
    assert said == [3, ""]


@pytest.mark.redis
def test_a_second_up_on_the_same_named_redis_is_refused(up, redis_url):
    second = []
    assert up(redis_url, meanwhile=lambda: second.append(up(f"{redis_url}&socket_timeout=9"))) == (0, "")
    assert second[0][0] == 3
    assert second[0][1].rstrip().endswith("UTC; stop it there")


@pytest.mark.redis
@pytest.mark.parametrize("first", ["", "named"])
def test_the_data_directory_does_not_stand_in_the_way_of_an_up_on_another_redis(up, redis_url, first):
    url, other, codes = redis_url if first else "", redis_url.replace("db=0", "db=1"), []

    def meanwhile():
        codes.extend(up(*words)[0] for words in ((other,), (other, "another")))

    assert up(url, meanwhile=meanwhile)[0] == 0
    assert codes == [0, 0]


@pytest.fixture
def away(monkeypatch):
    """A Redis that answers when it has been asked so often; before that, what is given is done at each try."""

    def for_so_long(tries, meanwhile=lambda: None):
        left = iter(range(tries))

        def reach(_store):
            if next(left, None) is not None:
                meanwhile()
                raise ConnectionError("Connection refused.")

        monkeypatch.setattr("cli.up._ASK_AGAIN_S", 0.0)
        monkeypatch.setattr("engine.store.Store.reach", reach)

    return for_so_long


def test_an_up_whose_redis_is_not_there_yet_says_so_once_and_runs_when_it_answers(up, away, capsys):
    away(3)
    said = []
    code, err = up("redis://ana:secret@127.0.0.1:6399", meanwhile=lambda: said.append(capsys.readouterr().out))

    assert (code, err) == (0, "")
    waits, answers, starts, *_ = said[0].splitlines()
    assert waits == (
        "waiting for Redis (INMAIL_REDIS_URL, 127.0.0.1:6399), which does not answer: Connection refused; check that "
        "it runs there, and that INMAIL_REDIS_URL is right (host, port, password, database); Ctrl-C stops"
    )
    assert answers == "Redis answers"
    assert starts.startswith("Redis: INMAIL_REDIS_URL, 127.0.0.1:6399; starting the scheduler and 2 worker processes")


def test_an_up_that_waits_for_its_redis_starts_nothing_and_is_stopped_by_ctrl_c(up, away, monkeypatch):
    handlers = {}
    monkeypatch.setattr("cli.up.signal", SimpleNamespace(signal=handlers.__setitem__, SIGINT=2, SIGTERM=15))
    away(10_000, meanwhile=lambda: handlers[2](2, None))
    ran = []
    monkeypatch.setattr("cli.up.say", ran.append)
    monkeypatch.setattr("cli.up.prose", ran.append)
    assert up("redis://127.0.0.1:6399", meanwhile=lambda: ran.append("it runs")) == (0, "")
    assert [line.split(" (")[0] for line in ran] == ["waiting for Redis", "stopped"]


def test_a_port_that_is_taken_is_refused_before_anything_is_said_to_run(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = cli("up", "--port", port)

    assert (code, out) == (1, "")
    assert err[-1] == (
        f"inmail: error: the web server cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "give another with --port, or --no-web"
    )
    assert not any("running" in line or "API is at" in line for line in err)
