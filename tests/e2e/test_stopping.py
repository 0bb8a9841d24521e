"""Worker processes that are asked to stop oftener than once, as process managers do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dramatiq import Message

from tests.broker.rig import wait_until
from workers.wiring import bare_broker

pytestmark = pytest.mark.redis


def test_workers_asked_to_stop_twice_finish_what_is_in_hand(redis_url, tmp_path):
    notes, said = tmp_path / "notes", tmp_path / "said"
    notes.touch()
    env = {key: value for key, value in os.environ.items() if not key.startswith("INMAIL_")}
    env |= {"INMAIL_REDIS_URL": redis_url, "INMAIL_NAMESPACE": "stopping", "NOTES": str(notes)}
    broker = bare_broker(redis_url, "stopping")
    broker.enqueue(Message("held", "stay", (), {}, {}))
    broker.close()
    command = [sys.executable, "-m", "dramatiq", "tests.e2e.held_worker", "--processes", "1", "--threads", "1"]
    with said.open("w") as output:
        root = Path(__file__).parents[2]
        master = subprocess.Popen(command, env=env, cwd=root, stdout=output, stderr=output, process_group=0)
    try:
        assert wait_until(lambda: notes.read_text() == "began", 20)
        os.killpg(master.pid, signal.SIGTERM)  # the worker hears it from here and from its master
        assert wait_until(lambda: "Sending signal" in said.read_text())
        os.killpg(master.pid, signal.SIGTERM)
        assert wait_until(lambda: said.read_text().count("Sending signal") == 2)
        notes.with_suffix(".go").touch()
        assert (master.wait(20), notes.read_text()) == (0, "ended"), said.read_text()
    finally:
        notes.with_suffix(".go").touch()
        if master.poll() is None:
            os.killpg(master.pid, signal.SIGKILL)
            master.wait(10)
