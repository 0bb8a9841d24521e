"""``inmail key`` and ``inmail web`` at the command line."""

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from cli.output import console
from config.settings import get_settings
from engine import api_keys
from engine.api_keys import Pace
from engine.store import Store, open_client
from tests.broker.rig import wait_until
from web.serving import listening

pytestmark = pytest.mark.redis


@pytest.fixture
def acme(cli):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "executive")
    return cli


def admitted(redis_url, key):
    client = open_client(redis_url)
    try:
        return api_keys.admit(Store(client), key, Pace(100, 100))
    finally:
        client.close()


def test_a_key_is_made_listed_rotated_and_revoked(acme, redis_url):
    code, out, _ = acme("key", "create", "acme", "--name", "ATS", "--scope", "credits:read", "--expires", "P90D")
    key = out.strip()
    assert code == 0
    assert admitted(redis_url, key).scopes == {"credits:read"}
    key_id = key.partition(".")[0]
    (item,) = json.loads(acme("key", "list", "acme", "--json")[1])["items"]
    assert (item["id"], item["name"], item["state"], item["scopes"]) == (key_id, "ATS", "in force", ["credits:read"])
    assert item["expires_at_ms"] - item["created_at_ms"] == 90 * 86_400_000
    listed = acme("key", "list", "acme")[1]
    assert key_id in listed
    assert key.partition(".")[2] not in listed
    new = json.loads(acme("key", "rotate", key_id, "--overlap", "PT0S", "--json")[1])["key"]
    assert admitted(redis_url, key) is None
    assert admitted(redis_url, new)
    assert acme("key", "revoke", key_id)[1] == f"key {key_id} is revoked\n"
    assert acme("key", "revoke", key_id)[1] == f"key {key_id} was revoked already\n"
    assert admitted(redis_url, new) is None
    assert acme("key", "rotate", key_id)[0] == 3


def test_at_80_columns_nothing_of_a_key_or_of_the_log_is_cut(acme, monkeypatch):
    key = acme("key", "create", "acme", "--name", "Applicant tracking system", "--scope", "credits:read")[1]
    monkeypatch.setattr(console, "width", 80)
    head, row, rest = acme("key", "list", "acme")[1].splitlines()
    assert row.split()[0] == key.partition(".")[0]
    assert "in force" in row
    assert "–" in row
    assert rest.startswith("  Applicant tracking system: credits:read · made 20")
    acme("credits", "grant", "acme", 5, "--reason", "thanks " * 20)
    out = acme("credits", "log", "acme")[1]
    assert "…" not in head + out
    assert out.splitlines()[0].split() == [
        *("seq", "at", "(UTC)", "kind", "campaign", "letters", "available", "held", "spent"),
    ]
    assert out.split().count("thanks") == 20
    assert all(len(line) <= 80 for line in out.splitlines() if line.startswith("  thanks"))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("create", "nobody"), 3, "no account 'nobody'"),
        (("create", "acme", "--scope", "all"), 2, "no scope 'all'"),
        (("create", "acme", "--expires", "90"), 2, "ISO 8601"),
        (("rotate", "imk_x"), 3, "no key"),
        (("rotate", "imk_x", "--overlap", "P1Y1D"), 2, "overlap"),
        (("revoke", "imk_x"), 3, "no key"),
        (("list", "nobody"), 3, "no account"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(acme, words, code, told):
    found, _, errors = acme("key", *words)
    assert found == code
    assert len(errors) == 1
    assert told in errors[0]


def test_an_account_without_a_key_is_told_how_to_make_one(acme):
    assert "inmail key create acme" in acme("key", "list", "acme")[1]


def served(redis_url, tmp_path, *words):
    env = {name: value for name, value in os.environ.items() if not name.startswith("INMAIL_")}
    env |= {"INMAIL_REDIS_URL": redis_url, "INMAIL_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "cli.start", "web", *words]
    with (tmp_path / "log").open("ab") as log:
        return subprocess.Popen(command, env=env, stderr=log, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ready(url):
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_the_server_serves_says_nothing_of_the_requests_and_stops_in_good_order(acme, redis_url, tmp_path, sent):
    port = free_port()
    server = served(redis_url, tmp_path, "--port", str(port))
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: ready(url), 30)
        key = acme("key", "create", "acme")[1].strip()
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{url}/v1/credits", headers=headers).json()["available"] == 150
        assert httpx.get(f"{url}/readyz").json()["checks"] == {"redis": "ok", "broker": "ok"}
        # A port that is taken is told, and is a failure.
        other = served(redis_url, tmp_path, "--port", str(port))
        assert other.wait(30) == 1
        assert f"cannot listen on 127.0.0.1 port {port}" in (tmp_path / "log").read_text()
        server.send_signal(sent)
        assert server.wait(30) == 0
        assert "/v1/credits" not in (tmp_path / "log").read_text()
    finally:
        server.kill()
        server.wait()


def test_a_wrong_setting_ends_it_before_it_begins(acme, monkeypatch):
    monkeypatch.setenv("INMAIL_API_RATE", "often")
    get_settings.cache_clear()
    code, _, errors = acme("web")
    assert code == 2
    assert errors[0].startswith("inmail: error: INMAIL_API_RATE='often'")


def test_what_is_accepted_sends_at_once_so_that_no_half_of_an_answer_waits():
    with listening("127.0.0.1", 0) as line, socket.create_connection(line.getsockname()):
        accepted, _ = line.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
