"""Redis in trouble is one clear line and exit code 1, and what the line says is so."""

import pytest
from redis.exceptions import ConnectionError

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


NEVER_REACHED = [
    ("account", "show", "acme"),
    ("campaign", "list", "acme"),
    ("audit",),
    ("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "body.txt", "--dry-run"),
    *CHANGES,
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("words", NEVER_REACHED, ids=" ".join)
def test_a_redis_that_was_never_reached_is_named_and_nothing_is_said_of_a_last_step(cli, monkeypatch, words):
    monkeypatch.setenv("INMAIL_REDIS_URL", "redis://ana:secret@127.0.0.1:1/0")
    get_settings.cache_clear()
    code, out, err = cli(*words)

    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith("inmail: error: Redis (INMAIL_REDIS_URL, 127.0.0.1:1) cannot be reached: ")
    assert err[0].endswith(
        "; check that it runs there, and that INMAIL_REDIS_URL is right (host, port, password, database)"
    )


@pytest.mark.usefixtures("impatient")
def test_a_cluster_that_was_never_reached_is_named(cli, monkeypatch):
    monkeypatch.setenv("INMAIL_REDIS_URL", "redis+cluster://ana:secret@127.0.0.1:1,127.0.0.1:2")
    get_settings.cache_clear()
    code, out, err = cli("account", "show", "acme")

    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith(
        "inmail: error: Redis (INMAIL_REDIS_URL, the cluster at 127.0.0.1:1,127.0.0.1:2) cannot be reached: "
    )


def test_a_database_that_redis_does_not_have_is_told_as_it_says(cli, server, monkeypatch):
    monkeypatch.setenv("INMAIL_REDIS_URL", f"{server.url}?db=99")
    get_settings.cache_clear()
    code, out, err = cli("account", "show", "acme")

    assert (code, out, len(err)) == (1, "", 1)
    assert "cannot be reached: DB index is out of range; check" in err[0]


def lost(*_):
    raise ConnectionError("Connection closed by server.")


def test_what_only_read_and_got_no_reply_changed_nothing(cli, server, monkeypatch):
    monkeypatch.setattr("engine.credits.wallet", lost)
    code, out, err = cli("credits", "show", "acme")

    assert (code, out, len(err)) == (1, "", 1)
    assert f"Redis (INMAIL_REDIS_URL, {server.socket}) does not answer as it should: Connection closed" in err[0]
    assert "nothing was changed" in err[0]
    assert "last step" not in err[0]


def test_a_change_whose_reply_was_lost_may_have_been_done(cli, server, monkeypatch):
    monkeypatch.setattr("engine.store.Store.run", lost)
    code, out, err = cli("credits", "grant", "acme", 5, "--reason", "more")

    assert (code, out, len(err)) == (1, "", 1)
    assert "whether the last step was done is not known" in err[0]


def test_watching_what_was_just_submitted_only_reads(cli, server, monkeypatch):
    monkeypatch.setattr("cli.watch.follow", lost)
    code, out, err = cli("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "body.txt", "--watch")

    assert (code, out.split(":")[0]) == (1, "campaign acme.1")
    assert "nothing was changed" in err[-1]
    assert "last step" not in err[-1]
