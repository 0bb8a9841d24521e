"""``inmail web`` while it starts: Ctrl-C before it serves, an address it cannot have."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import Unavailable
from web.serving import listening

ROOT = Path(__file__).parents[2]
CTRL_C = "import signal; signal.raise_signal(signal.SIGINT)\n"


def ended(redis_url, tmp_path, *command, preexec_fn=None):
    """How that Python command ended: its return code and all it wrote."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("INMAIL_")}
    env |= {"INMAIL_REDIS_URL": redis_url, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, *command],
        env=env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=preexec_fn,
    )
    return done.returncode, done.stdout


def test_ctrl_c_while_the_web_server_is_loaded_ends_it_without_a_word(redis_url, tmp_path):
    (tmp_path / "uvicorn.py").write_text(CTRL_C)  # found before the real one: pressed in the middle of the imports
    assert ended(redis_url, tmp_path, "-m", "cli.start", "web", "--port", "1") == (-signal.SIGINT, "")


def test_ctrl_c_held_back_while_python_starts_takes_effect_once_the_server_is_loaded(redis_url, tmp_path):
    def pressed():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as `inmail web` does
        os.kill(os.getpid(), signal.SIGINT)

    assert ended(redis_url, tmp_path, "-m", "web", "--port=1", preexec_fn=pressed) == (-signal.SIGINT, "")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_just_before_it_serves_is_not_lost(redis_url, tmp_path, sent):
    program = (
        f"import gc, signal; gc.freeze = lambda: signal.raise_signal({int(sent)}); "
        "from web import serving; serving.listening = lambda *_: None; serving.main([])"
    )
    assert ended(redis_url, tmp_path, "-c", program) == (-sent, "")


def test_a_port_that_is_taken_is_told_with_what_to_give_instead():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable) as refused:
            listening("127.0.0.1", port)
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1 port {port}: Address already in use; give another port with --port"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_this_machine_does_not_have_is_told_with_what_to_give_instead(host):
    with pytest.raises(Unavailable) as refused:
        listening(host, 0)
    assert str(refused.value).startswith(f"cannot listen on {host} port 0: ")
    assert "Unknown error" not in str(refused.value)
    assert str(refused.value).endswith("; give another address with --host")
