"""The command line in this process, on a real Redis."""

import json
import sys

import pytest

from cli.main import execute
from config.settings import get_settings
from engine.store import open_client

GOOD = "First Name,E-mail Address\nAna,ana@example.org\nBen,ben@example.org\nAna,ANA@example.org\n"
SUBMIT = ("campaign", "submit", "acme", "list.csv", "--subject", "Hi {{ first_name }}", "--body", "body.txt")


@pytest.fixture
def cli(redis_url, monkeypatch, tmp_path, capsys):
    """Call it with words; gives (exit code, stdout, stderr lines)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INMAIL_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    client = open_client(redis_url)
    client.flushdb()
    client.close()
    (tmp_path / "list.csv").write_text(GOOD)
    (tmp_path / "body.txt").write_text("Hello {{ first_name }}")

    def call(*words):
        code = execute([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    yield call
    get_settings.cache_clear()


@pytest.fixture
def impatient(monkeypatch):
    """A Redis that is away is asked as often as ever, without the waits between."""
    monkeypatch.setattr("redis.retry.sleep", lambda _seconds: None)


@pytest.fixture
def acme(cli):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "executive")
    return cli


class Terminal:
    """A standard stream somebody sits at."""

    def __init__(self, stream):
        self._stream = stream

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self._stream, name)


@pytest.fixture
def somebody(monkeypatch):
    """Somebody at a terminal who answers that."""

    def answers(word):
        monkeypatch.setattr(sys, "stdin", Terminal(sys.stdin))
        monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
        asked = []
        monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or word)
        return asked

    return answers


def as_json(found):
    code, out, _ = found
    assert code == 0
    return json.loads(out)


def snapshot(redis_url):
    client = open_client(redis_url)
    found = {key: client.dump(key) for key in client.keys("*")}
    client.close()
    return found
