"""Redis in trouble is one clear line and exit code 1, and what the line says is so."""

import pytest

from config.settings import get_settings
from tests.conftest import real_server
from tests.engine.private_redis import private_redis

pytestmark = pytest.mark.redis


@pytest.fixture
def server(cli, monkeypatch):
    with private_redis(real_server()) as running:
        monkeypatch.setenv("INMAIL_REDIS_URL", running.url)
        get_settings.cache_clear()
        assert cli("account", "open", "acme", "--email", "a@example.org", "--name", "A", "--plan", "executive")[0] == 0
        yield running


CHANGES = [
    ("credits", "grant", "acme", "5", "--reason", "more"),
    ("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "body.txt"),
    ("account", "open", "other", "--email", "o@example.org", "--name", "O"),
    ("suppression", "add", "acme", "x@example.org"),
]


def everything(server):
    return {key: server.admin.dump(key) for key in server.admin.scan_iter()}


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: " ".join(words[:2]))
def test_a_full_memory_is_told_and_nothing_was_done(cli, server, words):
    before = everything(server)
    server.fill()
    code, out, err = cli(*words)
    server.empty()
    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith("inmail: error: Redis' memory is full: nothing was done")
    assert everything(server) == before


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: " ".join(words[:2]))
def test_a_read_only_redis_is_told_and_nothing_was_done(cli, server, words):
    before = everything(server)
    server.admin.replicaof("127.0.0.1", 1)
    code, out, err = cli(*words)
    server.admin.replicaof("NO", "ONE")
    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith("inmail: error: Redis is read-only")
    assert everything(server) == before


def test_what_only_reads_works_all_the_same(cli, server):
    server.fill()
    for words in (("credits", "show", "acme"), ("campaign", "list", "acme"), ("audit", "acme")):
        assert cli(*words)[0] == 0
    server.empty()


def test_a_redis_that_is_gone_is_told(cli, server):
    server.kill()
    code, out, err = cli("credits", "show", "acme")
    assert (code, out, len(err)) == (1, "", 1)
    assert "Redis does not answer" in err[0]


def test_a_redis_that_is_not_there_is_one_line_and_exit_code_1(cli, monkeypatch):
    monkeypatch.setenv("INMAIL_REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    code, out, err = cli("account", "show", "acme")

    assert (code, out, len(err)) == (1, "", 1)
    assert "127.0.0.1:1" in err[0]
