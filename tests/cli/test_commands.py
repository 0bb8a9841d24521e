"""The command line in this process, on a real Redis: what is printed, which exit code, what changed."""

import json
from types import SimpleNamespace

import pytest

from config.settings import get_settings
from engine.store import Store, open_client
from tests.cli.conftest import GOOD


@pytest.fixture
def acme(cli):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "executive")
    return cli


SUBMIT = ("campaign", "submit", "acme", "list.csv", "--subject", "Hi {{ first_name }}", "--body", "body.txt")


def as_json(found):
    code, out, _ = found
    assert code == 0
    return json.loads(out)


def test_an_account_is_opened_shown_and_granted_credits(acme):
    assert as_json(acme("account", "show", "acme", "--json"))["wallet"]["available"] == 150
    assert as_json(acme("credits", "grant", "acme", 5, "--reason", "gift", "--key", "k", "--json"))["granted"] == 155
    assert as_json(acme("credits", "grant", "acme", 5, "--reason", "gift", "--key", "k", "--json"))["granted"] == 155
    assert as_json(acme("credits", "show", "acme", "--json")) == {
        "available": 155,
        "held": 0,
        "spent": 0,
        "granted": 155,
        "expired": 0,
    }
    log = as_json(acme("credits", "log", "acme", "--json"))
    assert [entry["kind"] for entry in log["items"]] == ["open", "grant", "grant"]
    assert log["next"] is None


def test_an_account_is_weighed_and_shown_with_its_weight(acme):
    assert as_json(acme("account", "show", "acme", "--json"))["weight"] == 1
    assert acme("account", "weigh", "acme", 3)[:2] == (0, "account acme has weight 3 now\n")
    assert as_json(acme("account", "weigh", "acme", 4, "--json")) == {"account": "acme", "weight": 4}
    assert as_json(acme("account", "show", "acme", "--json"))["weight"] == 4
    assert "4 in the send queue" in acme("account", "show", "acme")[1]


def test_an_account_begins_with_the_weight_of_its_plan_and_opening_it_again_keeps_what_was_said_since(
    cli, tmp_path, monkeypatch
):
    (tmp_path / "own.toml").write_text("[plans.alumni]\nweight = 7\n")
    monkeypatch.setenv("INMAIL_PLANS_FILE", "own.toml")
    get_settings.cache_clear()
    opening = ("account", "open", "uni", "--email", "a@example.org", "--name", "A", "--plan", "alumni")
    assert as_json(cli(*opening, "--json"))["opened"] is True
    assert as_json(cli("account", "show", "uni", "--json"))["weight"] == 7
    cli("account", "weigh", "uni", 2)
    assert as_json(cli(*opening, "--json"))["opened"] is False
    assert as_json(cli("account", "show", "uni", "--json"))["weight"] == 2


def test_submit_tells_what_was_accepted_and_where_the_rejects_are(acme, tmp_path):
    found = as_json(acme(*SUBMIT, "--json"))

    assert {k: found[k] for k in ("campaign", "accepted", "rejected", "rejects_file")} == {
        "campaign": "acme.1",
        "accepted": 2,
        "rejected": 1,
        "rejects_file": "list.rejects.csv",
    }
    assert "same address as line 2" in (tmp_path / "list.rejects.csv").read_text()


def test_show_has_the_fields_scripts_rely_on(acme):
    acme(*SUBMIT)
    found = as_json(acme("campaign", "show", "acme.1", "--json"))

    assert (found["campaign"], found["account"], found["state"], found["waiting_for"], found["recipients"]) == (
        "acme.1",
        "acme",
        "running",
        None,
        2,
    )
    words = "queued claimed sent answered declined refunded late failed suppressed pair_locked cancelled"
    assert " ".join(found["counts"]) == words


def test_a_dry_run_shows_everything_and_changes_nothing(acme, redis_url):
    before = snapshot(redis_url)
    found = as_json(acme(*SUBMIT, "--dry-run", "--json"))

    assert found["accepted"] == 2
    assert found["rejected_by_reason"] == {"duplicate": 1}
    assert (found["credits_needed"], found["credits_available"], found["waves_if_nobody_answers"]) == (2, 150, 1)
    assert found["messages"][0] == {"to": "ana@example.org", "subject": "Hi Ana", "body": "Hello Ana"}
    assert snapshot(redis_url) == before


def snapshot(redis_url):
    client = open_client(redis_url)
    found = {key: client.dump(key) for key in client.keys("*")}
    client.close()
    return found


def test_a_list_may_come_from_stdin(acme, monkeypatch):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    found = as_json(
        acme("campaign", "submit", "acme", "-", "--subject", "Hi", "--body", "body.txt", "--name", "x", "--json")
    )
    assert found["accepted"] == 2


def test_the_answer_of_a_recipient_and_nobody_elses(acme, redis_url):
    from tests.factories import send_all

    acme(*SUBMIT)
    store = Store(open_client(redis_url))
    send_all(store, "acme.1")
    store.client.close()

    item = as_json(acme("inbox", "ana@example.org", "--json"))["items"][0]
    assert {k: item[k] for k in ("inmail", "campaign", "subject", "body", "state")} == {
        "inmail": "acme.1.0",
        "campaign": "acme.1",
        "subject": "Hi Ana",
        "body": "Hello Ana",
        "state": "sent",
    }
    code, _, err = acme("reply", "acme.1.0", "--as", "ben@example.org", "--accept")
    assert (code, err) == (3, ["inmail: error: no InMail 'acme.1.0' in the mailbox of ben@example.org"])
    assert as_json(acme("reply", "acme.1.0", "--as", "ana@example.org", "--accept", "--json"))["state"] == "answered"
    assert as_json(acme("credits", "show", "acme", "--json"))["spent"] == 1
    listed = as_json(acme("campaign", "recipients", "acme.1", "--state", "answered", "--json"))
    assert [item["fields"]["email"] for item in listed["items"]] == ["ana@example.org"]
    assert acme("audit")[0] == 0


def test_a_basic_account_is_refused_and_no_campaign_is_left(cli):
    cli("account", "open", "acme", "--email", "a@example.org", "--name", "A")
    code, out, err = cli(*SUBMIT)

    assert code == 3
    assert out == ""
    assert len(err) == 1
    assert "cannot send" in err[0]
    assert as_json(cli("campaign", "list", "acme", "--json"))["items"] == []


WRONG = [
    # words → exit code, what the one line says
    (("campaign", "submit", "acme", "nowhere.csv", *SUBMIT[4:]), 2, "nowhere.csv"),
    (("campaign", "submit", "acme", "empty.csv", *SUBMIT[4:]), 3, "empty"),
    (("campaign", "submit", "acme", "header.csv", *SUBMIT[4:]), 3, "no rows"),
    (("campaign", "submit", "acme", "noaddress.csv", *SUBMIT[4:]), 3, "--map email="),
    (("campaign", "submit", "acme", "junk.bin", *SUBMIT[4:]), 3, "not a CSV, XLSX or JSONL"),
    (("campaign", "submit", "acme", "long.csv", *SUBMIT[4:]), 3, "1 MiB"),
    (("campaign", "submit", "nobody", *SUBMIT[3:]), 3, "no account 'nobody'"),
    ((*SUBMIT[:4], "--subject", "{{ ''.__class__ }}", "--body", "body.txt"), 3, "subject line 1"),
    ((*SUBMIT[:4], "--subject", "{% for x in y %}{% endfor %}", "--body", "body.txt"), 3, "loop"),
    ((*SUBMIT[:4], "--subject", "Hi {{ fist_name }}", "--body", "body.txt"), 3, "first_name"),
    ((*SUBMIT[:4], "--subject", "Hi", "--body", "nowhere.txt"), 2, "nowhere.txt"),
    ((*SUBMIT, "--map", "email"), 2, "field=column"),
    ((*SUBMIT, "--map", "email=Nothing"), 2, "there is no such column"),
    ((*SUBMIT, "--start-at", "yesterday"), 2, "--start-at"),
    ((*SUBMIT, "--start-at", "2001-01-01"), 2, "in the past"),
    ((*SUBMIT, "--channel", "pigeon"), 2, "mailbox"),
    ((*SUBMIT, "--strict"), 3, "line 4"),
    ((*SUBMIT, "--rejects", "."), 2, "is a folder"),
    ((*SUBMIT, "--rejects", "nowhere/r.csv"), 2, "no such folder"),
    ((*SUBMIT, "--rejects", "list.csv"), 2, "that is the list itself"),
    ((*SUBMIT, "--json", "--watch"), 2, "do not go together"),
    (("account", "show", "\udcff"), 2, "not UTF-8"),
    (("account", "open", "acme2", "--email", "a@example.org", "--name", "A", "--plan", "gold"), 2, "business"),
    (("account", "open", "acme2", "--email", "nope", "--name", "A"), 2, "nope"),
    (("account", "open", "Ac Me", "--email", "a@example.org", "--name", "A"), 2, "a-z"),
    (("account", "show", "nobody"), 3, "no account"),
    (("account", "weigh", "acme", 0), 2, "from 1 to 100"),
    (("account", "weigh", "acme", -5), 2, "from 1 to 100"),
    (("account", "weigh", "acme", 101), 2, "from 1 to 100"),
    (("account", "weigh", "acme", "1.5"), 2, "give a whole number"),
    (("account", "weigh", "acme"), 2, "Missing"),
    (("account", "weigh", "nobody", 3), 3, "no account"),
    (("credits", "grant", "acme", -5, "--reason", "r"), 2, "from 1 to"),
    (("credits", "grant", "acme", 0, "--reason", "r"), 2, "from 1 to"),
    (("credits", "grant", "acme", 10**30, "--reason", "r"), 2, "from 1 to"),
    (("credits", "grant", "acme", "ten", "--reason", "r"), 2, "give a whole number"),
    (("credits", "show", "nobody"), 3, "no account"),
    (("campaign", "show", "acme.99"), 3, "no campaign"),
    (("campaign", "show", "nonsense"), 3, "no campaign"),
    (("campaign", "pause", "acme.99"), 3, "no campaign"),
    (("campaign", "recipients", "acme.99", "--state", "odd"), 2, "no state"),
    (("inbox", "not an address"), 2, "address"),
    (("reply", "acme.1.0", "--as", "a@example.org"), 2, "one of --accept, --decline"),
    (("audit", "nobody"), 3, "no account"),
    (("frobnicate",), 2, "frobnicate"),
    (("credits", "grant"), 2, "Missing"),
]


@pytest.mark.parametrize(("words", "code", "told"), WRONG, ids=[" ".join(map(str, w[0]))[:60] for w in WRONG])
def test_bad_input_gets_one_line_and_its_exit_code_and_changes_nothing(acme, tmp_path, redis_url, words, code, told):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("first_name,email\n")
    (tmp_path / "noaddress.csv").write_text("first_name,town\nAna,Lima\n")
    (tmp_path / "junk.bin").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "long.csv").write_text("first_name,email\n" + "x" * 3_000_000)
    before = as_json(acme("credits", "show", "acme", "--json"))
    found, out, err = acme(*words)

    assert (found, out) == (code, "")
    assert len(err) == 1, err
    assert err[0].startswith("inmail: error: ")
    assert told in err[0]
    assert as_json(acme("credits", "show", "acme", "--json")) == before
    assert as_json(acme("campaign", "list", "acme", "--json"))["items"] == []
    assert not [key for key in snapshot(redis_url) if b":c1" in key]


def test_a_redis_that_is_not_there_is_one_line_and_exit_code_1(cli, monkeypatch):
    monkeypatch.setenv("INMAIL_REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    code, out, err = cli("account", "show", "acme")

    assert (code, out, len(err)) == (1, "", 1)
    assert "127.0.0.1:1" in err[0]


def test_a_wrong_setting_is_one_line_and_exit_code_2(cli, monkeypatch):
    monkeypatch.setenv("INMAIL_PACK_SIZE", "lots")
    get_settings.cache_clear()
    code, _, err = cli("account", "show", "acme")

    assert (code, len(err)) == (2, 1)
    assert "INMAIL_PACK_SIZE" in err[0]


def test_steering_by_command(acme):
    acme(*SUBMIT)
    assert as_json(acme("campaign", "pause", "acme.1", "--json"))["state"] == "paused"
    assert as_json(acme("campaign", "resume", "acme.1", "--json"))["state"] == "running"
    assert as_json(acme("campaign", "cancel", "acme.1", "--json"))["state"] == "cancelled"
    assert as_json(acme("campaign", "show", "acme.1", "--json"))["counts"]["cancelled"] == 2
    assert acme("campaign", "resume", "acme.1")[0] == 3


def test_the_audit_exits_with_4_when_anything_drifts(acme, redis_url):
    acme(*SUBMIT)
    store = Store(open_client(redis_url))
    store.client.hincrby(store.keys.wallet("acme"), "available", 1)
    store.client.close()
    code, out, _ = acme("audit", "--json")

    assert code == 4
    assert json.loads(out)["clean"] is False


def test_a_campaign_with_something_to_send_says_that_the_send_queue_is_paused(acme, redis_url, monkeypatch):
    from tests.factories import send_all

    line = "the send queue is paused: nothing goes out; resume: inmail queue resume send"
    acme(*SUBMIT)
    assert line not in acme("campaign", "show", "acme.1")[1]
    acme("queue", "pause", "send")
    assert line in acme("campaign", "show", "acme.1")[1]
    monkeypatch.setattr("cli.watch.time", SimpleNamespace(sleep=_interrupt))
    assert line in acme("campaign", "watch", "acme.1")[1]

    store = Store(open_client(redis_url))
    send_all(store, "acme.1")
    store.client.close()
    assert line not in acme("campaign", "show", "acme.1")[1]
    assert line not in acme("campaign", "watch", "acme.1")[1]


@pytest.mark.parametrize("verb", ["show", "watch"])
def test_a_campaign_is_shown_though_the_redis_of_the_queues_is_away(acme, monkeypatch, verb):
    acme(*SUBMIT)
    monkeypatch.setenv("INMAIL_BROKER_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    monkeypatch.setattr("cli.watch.time", SimpleNamespace(sleep=_interrupt))
    code, out, err = acme("campaign", verb, "acme.1")

    assert (code, err) == (0, [])
    assert "acme.1" in out


def _interrupt(_seconds):
    raise KeyboardInterrupt


def test_a_view_that_is_no_longer_watched_ends_with_a_newline(acme, monkeypatch):
    acme(*SUBMIT)
    monkeypatch.setattr("cli.watch.time", SimpleNamespace(sleep=_interrupt))
    _, out, _ = acme("campaign", "watch", "acme.1")

    *_, wallet, told = out.splitlines()
    assert wallet.startswith("credits  150 available")
    assert told == "no longer watching; the campaign goes on (inmail campaign show acme.1)"


def test_an_export_is_csv_with_formulas_guarded(acme, tmp_path):
    (tmp_path / "list.csv").write_text('name,email\n"=cmd|1",ana@example.org\n')
    acme("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "plain.txt")
    (tmp_path / "plain.txt").write_text("Hello")
    acme("campaign", "submit", "acme", "list.csv", "--subject", "Hi", "--body", "plain.txt")
    assert acme("campaign", "export", "acme.1", "-o", "out.csv")[0] == 0

    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0].startswith("inmail,state,sent_at_utc,reply,failure,")
    assert "'=cmd|1" in lines[1]


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(cli, redis_url):
    items = as_json(cli("doctor", "--json"))["items"]
    found = {item["subject"]: (item["level"], item["mend"]) for item in items}

    assert found["redis persistence"][0] == "warning"
    assert "appendonly yes" in found["redis persistence"][1]
    assert found["redis eviction"][0] == "ok"
    assert found["workers"][0] == "warning"

    client = open_client(redis_url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        code, out, _ = cli("doctor")
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()
    assert code == 1
    assert "set maxmemory-policy noeviction" in out


def test_every_command_stands_in_the_docs():
    from pathlib import Path

    from typer.main import get_command

    from cli.main import app

    docs = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    root = get_command(app)
    for noun, command in root.commands.items():
        assert f"inmail {noun}" in docs
        for verb in getattr(command, "commands", {}):
            assert verb in docs, f"{noun} {verb}"
