"""The drill itself: real processes killed, and a report that can be read by machines."""

import json
import os
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.redis, pytest.mark.proof]


def drill(redis_url, *options, **environment):  # the fixture says whether a real server can be had
    command = [sys.executable, "-m", "cli.start", "drill", "--workers", "1", *options]
    env = {**os.environ, "COLUMNS": "100", **environment}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_rounds_lose_nothing_and_say_so(redis_url):
    # An address that nothing answers at: a drill has a Redis of its own.
    running = drill(redis_url, "--rounds", "2", "--seed", "11", "--json", INMAIL_REDIS_URL="redis://127.0.0.1:1")
    out, told = running.communicate(timeout=110)
    found = json.loads(out)

    assert running.returncode == 0, told
    assert told.startswith("inmail: warning: seed 11: 2 rounds")
    assert (found["rounds"], found["inmails"], found["not_over"]) == (2, 400, 0)
    assert (found["lost"], found["doubled"], found["answers_lost"], found["drift"]) == (0, 0, 0, [])
    assert [each["recovered_s"] >= 0 for each in found["items"]] == [True, True]


def test_interrupted_it_reports_what_was_played_and_leaves_nothing_running(redis_url, tmp_path):
    running = drill(redis_url, "--rounds", "50", TMPDIR=str(tmp_path))
    assert running.stdout is not None
    assert running.stdout.readline().startswith("seed ")
    assert " killed at " in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "1 rounds, 200 InMails: 0 doubled, 0 lost" in out
    assert list(tmp_path.glob("inmail-drill-*")) == []


def test_a_count_that_makes_no_sense_is_refused(redis_url):
    running = drill(redis_url, "--rounds", "0")
    _, told = running.communicate(timeout=30)
    assert running.returncode == 2
    assert told.startswith("inmail: error:")
