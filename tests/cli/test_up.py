"""``inmail up``: what it says of a child that ended by itself."""

import io
import json
import logging as stdlib
import os
import sys

import pytest
import structlog

from cli.up import Child, children
from config import logging


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
