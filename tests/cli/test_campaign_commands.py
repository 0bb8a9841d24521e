"""``inmail campaign`` once submitted, and the recipient's side: shown, steered, watched, answered, exported."""

from types import SimpleNamespace

import pytest

from config.settings import get_settings
from engine.store import Store, open_client
from tests.cli.conftest import SUBMIT, as_json


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


def test_steering_by_command(acme):
    acme(*SUBMIT)
    assert as_json(acme("campaign", "pause", "acme.1", "--json"))["state"] == "paused"
    assert as_json(acme("campaign", "resume", "acme.1", "--json"))["state"] == "running"
    assert as_json(acme("campaign", "cancel", "acme.1", "--json"))["state"] == "cancelled"
    assert as_json(acme("campaign", "show", "acme.1", "--json"))["counts"]["cancelled"] == 2
    assert acme("campaign", "resume", "acme.1")[0] == 3


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


@pytest.mark.usefixtures("impatient")
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
