"""The files under examples/deploy: what they name exists, and what they wait for is long enough."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest

from cli.doctor_redis import REDIS_NEWEST
from config.settings import Settings
from config.timings import SHUTDOWN_MS, STOP_GRACE_S
from engine import agenda
from engine.store import Store, open_client
from workers.broker.maintenance import EXIT_CODE, SIGN_OFF_S

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "examples" / "deploy"
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
KINDS = ("worker", "scheduler", "web")
VARIABLES = {f"INMAIL_{name.upper()}" for name in Settings.model_fields} | {"WORKERS", "THREADS"}


def unit(kind: str) -> RawConfigParser:
    """A unit file; a key that stands in a section twice is an error."""
    found = RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string((DEPLOY / "systemd" / f"inmail-{kind}.service").read_text())
    return found


def env_file() -> dict[str, str]:
    """The variables of inmail.env; those that are commented out too."""
    rows = (DEPLOY / "systemd" / "inmail.env").read_text().splitlines()
    return dict(re.fullmatch(r"(?:# )?([A-Z_]+)=(.*)", row).groups() for row in rows if re.match(r"(# )?[A-Z_]+=", row))


def compose() -> dict[str, Any]:
    """The compose file: as much of YAML as it uses (block mappings, one-line lists, an anchor); else an error."""
    top: dict[str, Any] = {}
    open_at, anchors = [(-1, top)], {}
    for row in (DEPLOY / "compose.yaml").read_text().splitlines():
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        indent, key, value = re.fullmatch(r"( *)([\w.-]+|<<):(?: (.+))?", row).groups()
        while open_at[-1][0] >= len(indent):
            open_at.pop()
        inside = open_at[-1][1]
        if key == "<<":
            inside |= anchors[value.removeprefix("*")]
        elif value is None or value.startswith("&"):
            assert key not in inside
            inside[key] = {}
            open_at.append((len(indent), inside[key]))
            anchors[(value or "").removeprefix("&")] = inside[key]
        else:
            assert key not in inside
            inside[key] = json.loads(value) if value[0] in "[{" or value in ("true", "false") else value
    return top


SERVICES = compose()["services"]


def seconds(text: str) -> float:
    """Seconds of 30s, or of a plain number."""
    return float(text.removesuffix("s"))


def test_there_is_a_unit_and_a_service_for_every_line_of_the_procfile():
    assert set(PROCFILE) == set(KINDS) == set(SERVICES) - {"redis"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_is_the_procfiles(kind):
    # systemd has no defaults within a command: its own stands in Environment=.
    plain = re.sub(r"\$\{(\w+):-[^}]*\}", r"${\1}", PROCFILE[kind])
    assert unit(kind)["Service"]["ExecStart"] == f"/opt/inmail/.venv/bin/{plain}"
    assert SERVICES[kind]["command"] == PROCFILE[kind]


def test_the_numbers_of_processes_and_threads_have_the_same_defaults_everywhere():
    defaults = dict(re.findall(r"\$\{(\w+):-(\d+)\}", PROCFILE["worker"]))
    assert set(defaults) == {"WORKERS", "THREADS"}
    assert dict(pair.split("=") for pair in unit("worker")["Service"]["Environment"].split()) == defaults
    assert {name: env_file()[name] for name in defaults} == defaults


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_killed_before_it_had_time_to_stop(kind):
    needed = SHUTDOWN_MS / 1000 + SIGN_OFF_S
    assert f"--worker-shutdown-timeout {SHUTDOWN_MS} " in PROCFILE["worker"]
    assert seconds(unit(kind)["Service"]["TimeoutStopSec"]) >= STOP_GRACE_S > needed
    assert seconds(SERVICES[kind]["stop_grace_period"]) >= STOP_GRACE_S


@pytest.mark.parametrize("kind", KINDS)
def test_the_master_alone_is_asked_to_stop(kind):
    # It passes SIGTERM on to its worker processes.
    service = unit(kind)["Service"]
    assert (service["KillMode"], service["KillSignal"]) == ("mixed", "SIGTERM")
    assert SERVICES[kind]["init"] is True  # forwards it to its one child
    assert "stop_signal" not in SERVICES[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_ended_it_is_started_again_for_ever(kind):
    found = unit(kind)
    assert found["Service"]["Restart"] == "always"
    assert found["Unit"]["StartLimitIntervalSec"] == "0"
    assert str(EXIT_CODE) not in found["Service"].get("SuccessExitStatus", "")
    assert "RestartPreventExitStatus" not in found["Service"]
    assert SERVICES[kind]["restart"] == "unless-stopped"


def test_every_variable_is_a_setting():
    told = set(env_file()) | {name for kind in KINDS for name in SERVICES[kind]["environment"]}
    assert "INMAIL_REDIS_URL" in told
    assert told <= VARIABLES
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert set(re.findall(r"\bINMAIL_[A-Z_]+", path.read_text())) <= VARIABLES, path


def test_the_settings_of_the_files_are_accepted(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in env_file().items():
        if name != "INMAIL_PLANS_FILE":  # there is no such file here
            monkeypatch.setenv(name, value)
    assert Settings().redis_url == env_file()["INMAIL_REDIS_URL"]
    default = re.fullmatch(r"\$\{INMAIL_REDIS_URL:-(.+)\}", SERVICES["worker"]["environment"]["INMAIL_REDIS_URL"])[1]
    monkeypatch.setenv("INMAIL_REDIS_URL", default)
    assert Settings().redis_url == "redis://redis:6379/0"


def test_only_conventional_paths_are_named():
    for path in (DEPLOY / "systemd").iterdir():
        found = re.findall(r"(?<![\w:/.])/[\w.-]+/[\w./-]*", path.read_text())
        assert all(name.startswith(("/opt/inmail", "/etc/inmail")) for name in found), (path, found)


def test_redis_keeps_what_it_is_given():
    redis = SERVICES["redis"]
    for words in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"):
        assert words in redis["command"]
    assert redis["volumes"] == ["redis-data:/data"]
    assert "redis-data" in compose()["volumes"]
    assert "ports" not in redis  # it has no password
    line = re.fullmatch(r"redis:(\d+)\.(\d+)-alpine", redis["image"]).groups()
    assert tuple(map(int, line)) in REDIS_NEWEST


def test_two_schedulers_run_and_everything_waits_for_a_healthy_redis():
    assert SERVICES["scheduler"]["deploy"]["replicas"] == "2"
    for kind in KINDS:
        assert SERVICES[kind]["depends_on"]["redis"]["condition"] == "service_healthy"
        assert SERVICES[kind]["healthcheck"]["test"] == ["CMD", "python", "healthy.py", kind]
        assert (DEPLOY / SERVICES[kind]["build"]["context"]).resolve() == ROOT
        assert (ROOT / SERVICES[kind]["build"]["dockerfile"]).is_file()


def test_the_image_is_made_of_what_is_there_with_hashes_and_without_root():
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [word for row in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M) for word in row.split()]
    assert all((ROOT / name).exists() for name in copied)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {row.removeprefix("!") for row in ignored if row.startswith("!")} == {name.rstrip("/") for name in copied}
    assert "--require-hashes -r requirements.lock" in text
    assert re.findall(r"^USER (.+)$", text, re.M) == ["inmail"]
    assert set(re.findall(r"^FROM (\S+)", text, re.M)) == {"python:3.11-slim"}


@pytest.mark.redis
def test_a_container_is_healthy_while_its_own_process_is_heard_of(redis_url, tmp_path):
    store = Store(open_client(redis_url))
    store.client.flushdb()
    env = {name: value for name, value in os.environ.items() if not name.startswith("INMAIL_")}
    env |= {"INMAIL_REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}

    def health(kind: str, **more: str) -> tuple[int, str]:
        command = [sys.executable, str(DEPLOY / "healthy.py"), kind]
        done = subprocess.run(command, env=env | more, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.strip()

    agenda.be_present(store, "worker:elsewhere:1")
    assert health("worker") == (1, f"no worker on {socket.gethostname()} was heard of lately")
    agenda.be_present(store, f"worker:{socket.gethostname()}:1")
    assert health("worker") == (0, "")
    assert health("scheduler")[0] == 1
    assert health("worker", INMAIL_REDIS_URL="unix:///nowhere.sock")[0] == 1
    assert health("worker", INMAIL_REDIS_URL="") == (1, "INMAIL_REDIS_URL is not set")
    assert health("anything") == (1, "say which: worker, scheduler or web")
    assert health("web", INMAIL_WEB_PORT="1")[0] == 1
    store.client.close()
