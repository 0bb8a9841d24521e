"""``inmail queue`` and ``inmail dead``: what an operator sees of the queues, and does about them."""

import json

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.middleware import Retries

from cli.output import console
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

    def send_to_fail(*texts):
        for text in texts:
            fails.send(text)
        worker = Worker(broker, worker_timeout=50, worker_threads=1)
        worker.start()
        broker.join("send", timeout=20_000)
        worker.stop()

    broker.send_to_fail = send_to_fail
    send_to_fail("row 1 is odd", "row 2 is odd", "typed")
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
    assert cli("dead", "drop", groups[1]["sample_id"])[1] == "1 dead letter is gone\n"
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
        (("dead", "list", "--group", "nothing"), 3, "no dead letters of group 'nothing'"),
        (("dead", "list", "--group", "nothing", "--queue", "refund"), 3, "no dead letters of group 'nothing'"),
        (("dead", "list", "--group", "g", "--after", "x"), 2, "as the page before says"),
        (("dead", "list", "--after", "1:x"), 2, "goes with --group"),
        (("dead", "show", "-begins-with-a-dash"), 3, "no dead letter '-begins-with-a-dash'"),
        (("dead", "drop", "--so-does-this"), 3, "no such dead letter: '--so-does-this'"),
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


def test_the_groups_fit_80_columns_and_a_long_error_goes_on_below(cli, dead, monkeypatch):
    monkeypatch.setattr(console, "_width", 80)
    groups = items(cli("dead", "list", "--json"))
    header, first, error, *_ = cli("dead", "list")[1].splitlines()

    assert header.split() == ["group", "count", "last", "(UTC)", "sample"]
    assert max(map(len, (header, first, error))) <= 80
    assert first.split()[:2] == [groups[0]["group"], "2"]
    assert first.endswith(groups[0]["sample_id"])
    assert error == "  send, fails: ValueError: row <n> is odd"
    monkeypatch.setattr(console, "_width", 30)
    _, first, error, *_ = cli("dead", "list")[1].splitlines()
    assert first.endswith(groups[0]["sample_id"])
    assert error == "  send, fails: ValueError: row"


def test_every_id_of_a_group_is_listed_page_by_page(cli, dead):
    group = items(cli("dead", "list", "--json"))[0]
    first = json.loads(cli("dead", "list", "--group", group["group"], "--most", 1, "--json")[1])
    more = ("--after", first["next"])
    second = json.loads(cli("dead", "list", "--group", group["group"], "--most", 1, *more, "--json")[1])

    assert [page["items"][0]["args"] for page in (first, second)] == [["row 1 is odd"], ["row 2 is odd"]]
    assert first["items"][0]["id"] == group["sample_id"]
    assert second["next"] is None
    _, row, told = cli("dead", "list", "--group", group["group"], "--most", 1)[1].splitlines()
    assert row.startswith(group["sample_id"])
    assert row.endswith("('row 1 is odd') ValueError: row 1 is odd")
    assert told == f"more: --after {first['next']}"
    assert len(cli("dead", "list", "--group", group["group"], "--queue", "send")[1].splitlines()) == 3


def test_a_page_begins_where_the_last_ended_though_that_letter_is_gone(cli, dead):
    group = items(cli("dead", "list", "--json"))[0]
    words = ("dead", "list", "--group", group["group"], "--json")
    following = json.loads(cli(*words, "--most", 1)[1])["next"]
    cli("dead", "drop", group["sample_id"])

    assert [item["args"] for item in items(cli(*words, "--after", following))] == [["row 2 is odd"]]


def test_the_message_id_of_the_log_is_as_good_as_the_letters_own_id(cli, dead):
    ids = [group["sample_id"] for group in items(cli("dead", "list", "--json"))]
    logged = [json.loads(cli("dead", "show", each, "--json")[1])["message_id"] for each in ids]
    assert not set(logged) & set(ids)

    assert json.loads(cli("dead", "show", logged[1], "--json")[1])["id"] == ids[1]
    shown = cli("dead", "show", logged[1])[1]
    assert f"message_id  {logged[1]}" in shown
    assert f"id          {ids[1]}" in shown
    assert cli("dead", "retry", logged[0])[1] == "1 dead letter is in its queue again\n"
    assert cli("dead", "drop", logged[1], ids[1])[1] == "1 dead letter is gone\n"


def test_the_known_ids_are_done_and_the_unknown_ones_are_named(cli, dead):
    known = items(cli("dead", "list", "--json"))[1]["sample_id"]
    code, out, err = cli("dead", "drop", known, "nope", "neither")

    assert (code, out) == (3, "1 dead letter is gone\n")
    assert err == ["inmail: error: no such dead letter: 'nope', 'neither'; list them with: inmail dead list"]
    assert len(items(cli("dead", "list", "--json"))) == 1


def test_a_traceback_is_not_wrapped(cli, dead, monkeypatch):
    monkeypatch.setattr(console, "_width", 40)
    sample = items(cli("dead", "list", "--json"))[0]["sample_id"]
    trace = json.loads(cli("dead", "show", sample, "--json")[1])["traceback"]

    assert max(map(len, trace.splitlines())) > 40
    assert trace in cli("dead", "show", sample)[1]


def test_what_would_steer_a_terminal_is_not_printed(cli, dead):
    dead.send_to_fail("\x1b[31mred\x1b[0m")
    sample = next(g["sample_id"] for g in items(cli("dead", "list", "--json")) if "red" in g["error_message"])

    for words in (("dead", "list"), ("dead", "show", sample)):
        out = cli(*words)[1]
        assert "?[31mred" in out or "?[<n>mred" in out
        assert "\x1b" not in out


@pytest.mark.usefixtures("impatient")
def test_a_repair_that_cannot_reach_the_queues_is_one_line(cli, monkeypatch):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "executive")
    cli("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "body.txt")
    monkeypatch.setenv("INMAIL_BROKER_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    code, out, err = cli("repair")

    assert (code, out, len(err)) == (1, "", 1)
    assert "the Redis of the queues (INMAIL_BROKER_URL, 127.0.0.1:1)" in err[0]


def test_the_usage_names_ids_plainly(cli):
    for verb in ("retry", "drop"):
        assert f"dead {verb} [OPTIONS] [ID]..." in cli("dead", verb, "--help")[1]


VERBS = [
    ("queue", "list"),
    ("queue", "pause", "send"),
    ("queue", "resume", "send"),
    ("dead", "list"),
    ("dead", "list", "--queue", "send"),
    ("dead", "list", "--group", "g"),
    ("dead", "show", "x"),
    ("dead", "retry", "x"),
    ("dead", "retry", "--all"),
    ("dead", "drop", "x"),
    ("dead", "drop", "--group", "g"),
]


@pytest.mark.usefixtures("impatient")
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
