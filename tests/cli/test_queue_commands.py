"""``inmail queue`` and ``inmail dead``: what an operator sees of the queues, and does about them."""

import json

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.middleware import Retries

from config.settings import get_settings
from workers.wiring import bare_broker


@pytest.fixture
def broker(cli, redis_url):
    made = bare_broker(redis_url, "inmail")
    yield made
    made.close()


@pytest.fixture
def dead(broker):
    """Two messages of one kind and one of another that failed for good, and the worker's broker."""
    broker.add_middleware(Retries(max_retries=0))

    @dramatiq.actor(broker=broker, queue_name="send")
    def fails(text):
        raise ValueError(text) if text != "typed" else TypeError(text)

    for text in ("row 1 is odd", "row 2 is odd", "typed"):
        fails.send(text)
    worker = Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    broker.join("send", timeout=20_000)
    worker.stop()
    return broker


def items(found):
    code, out, _ = found
    assert code == 0
    return json.loads(out)["items"]


def test_queues_are_listed_paused_and_resumed(cli, broker):
    @dramatiq.actor(broker=broker, queue_name="send")
    def work(): ...

    work.send()
    work.send_with_options(delay=60_000)

    (row,) = items(cli("queue", "list", "--json"))
    assert {k: row[k] for k in ("queue", "ready", "delayed", "running", "dead", "paused")} == {
        "queue": "send",
        "ready": 1,
        "delayed": 1,
        "running": 0,
        "dead": 0,
        "paused": False,
    }
    assert cli("queue", "pause", "send")[1] == "queue send is paused now\n"
    assert cli("queue", "pause", "send")[1] == "queue send was paused already\n"
    assert items(cli("queue", "list", "--json"))[0]["paused"] is True
    assert cli("queue", "resume", "send")[1] == "queue send goes on\n"
    assert "send" in cli("queue", "list")[1]


def test_dead_letters_are_grouped_by_error_shown_retried_and_dropped(cli, dead):
    groups = items(cli("dead", "list", "--json"))
    assert [(g["count"], g["error_type"], g["error_message"]) for g in groups] == [
        (2, "ValueError", "row <n> is odd"),
        (1, "TypeError", "typed"),
    ]
    code, out, _ = cli("dead", "show", groups[1]["sample_id"], "--json")
    assert (code, json.loads(out)["args"]) == (0, ["typed"])
    assert "TypeError" in cli("dead", "show", groups[1]["sample_id"])[1]

    assert cli("dead", "retry", "--group", groups[0]["group"])[1] == "2 dead letters are in their queues again\n"
    assert cli("dead", "drop", groups[1]["sample_id"])[1] == "1 dead letters are gone\n"
    assert cli("dead", "list")[1] == "no dead letters\n"
    assert items(cli("queue", "list", "--json"))[0]["ready"] == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("queue", "pause", "nothing"), 3, "no queue 'nothing'; there are: send, refund"),
        (("queue", "resume", "nothing"), 3, "no queue 'nothing'; there are: send, refund"),
        (("queue", "pause", ""), 3, "no queue ''; there are"),
        (("dead", "list", "--queue", "nix"), 3, "no queue 'nix'; there are: send, refund"),
        (("dead", "show", "nothing"), 3, "no dead letter"),
        (("dead", "retry", "nothing"), 3, "no such dead letter"),
        (("dead", "drop", "--group", "nothing"), 3, "no such dead letter"),
        (("dead", "retry"), 2, "say which"),
        (("dead", "drop", "x", "--all"), 2, "say which"),
    ],
)
def test_what_does_not_exist_or_is_not_said_is_one_line(cli, words, code, told):
    found, out, err = cli(*words)

    assert (found, out, len(err)) == (code, "", 1)
    assert told in err[0]


def test_nothing_at_all_is_said_plainly(cli):
    assert cli("queue", "list")[1] == "no queue was ever used\n"
    assert cli("dead", "drop", "--all")[1] == "0 dead letters are gone\n"


VERBS = [
    ("queue", "list"),
    ("queue", "pause", "send"),
    ("queue", "resume", "send"),
    ("dead", "list"),
    ("dead", "list", "--queue", "send"),
    ("dead", "show", "x"),
    ("dead", "retry", "x"),
    ("dead", "retry", "--all"),
    ("dead", "drop", "x"),
    ("dead", "drop", "--group", "g"),
]


@pytest.mark.parametrize("variable", ["INMAIL_REDIS_URL", "INMAIL_BROKER_URL"])
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_a_redis_of_the_queues_that_is_away_is_one_line_that_names_it(cli, monkeypatch, words, variable):
    monkeypatch.setenv(variable, "redis://:secret@127.0.0.1:1/0")
    get_settings.cache_clear()
    code, out, err = cli(*words)

    assert (code, out, len(err)) == (1, "", 1)
    assert err[0].startswith(f"inmail: error: the Redis of the queues ({variable}, 127.0.0.1:1) does not answer")
    assert "secret" not in err[0]


def test_a_redis_that_refuses_a_command_is_one_line_as_well(cli, broker):
    cli("queue", "pause", "send")
    broker.client.set(f"{broker.namespace}:__queues__", "not a set")
    code, out, err = cli("queue", "list")

    assert (code, out, len(err)) == (1, "", 1)
    assert "WRONGTYPE" in err[0]


def test_a_queue_can_be_paused_before_anything_was_ever_sent(cli, broker):
    assert cli("queue", "resume", "send")[:2] == (0, "queue send was not paused\n")
    assert cli("queue", "list")[1] == "no queue was ever used\n"
    assert cli("queue", "pause", "send")[:2] == (0, "queue send is paused now\n")

    header, row = cli("queue", "list")[1].splitlines()
    assert header.split() == ["queue", "ready", "delayed", "running", "dead", "state", "oldest", "ready"]
    assert row.split()[5] == "paused"
    assert cli("queue", "resume", "send")[1] == "queue send goes on\n"
    assert cli("queue", "list")[1].splitlines()[1].split()[5] == "open"


def test_a_queue_of_ours_without_dead_letters_is_not_unknown(cli, broker):
    assert cli("dead", "list", "--queue", "refund")[:2] == (0, "no dead letters\n")
