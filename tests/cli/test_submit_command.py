"""``inmail campaign submit`` and its dry run: what is told, and what changed."""

from pathlib import Path

import pytest

from config.settings import get_settings
from engine.store import Store, open_client
from tests.cli.conftest import GOOD, SUBMIT, as_json, snapshot
from tests.factories import send_all


def test_submit_tells_what_was_accepted_and_where_the_rejects_are(acme, tmp_path):
    found = as_json(acme(*SUBMIT, "--json"))

    assert {k: found[k] for k in ("campaign", "accepted", "rejected", "rejects_file")} == {
        "campaign": "acme.1",
        "accepted": 2,
        "rejected": 1,
        "rejects_file": "list.rejects.csv",
    }
    assert "same address as line 2" in (tmp_path / "list.rejects.csv").read_text()


def test_a_dry_run_shows_everything_and_changes_nothing(acme, redis_url):
    before = snapshot(redis_url)
    found = as_json(acme(*SUBMIT, "--dry-run", "--json"))

    assert found["accepted"] == 2
    assert found["rejected_by_reason"] == {"duplicate": 1}
    assert (found["credits_needed"], found["credits_available"], found["waves_if_nobody_answers"]) == (2, 150, 1)
    assert found["messages"][0] == {"to": "ana@example.org", "subject": "Hi Ana", "body": "Hello Ana"}
    assert snapshot(redis_url) == before


def test_a_list_may_come_from_stdin(acme, monkeypatch):
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    found = as_json(
        acme("campaign", "submit", "acme", "-", "--subject", "Hi", "--body", "body.txt", "--name", "x", "--json")
    )
    assert found["accepted"] == 2


def test_a_basic_account_is_refused_and_no_campaign_is_left(cli):
    cli("account", "open", "acme", "--email", "a@example.org", "--name", "A")
    code, out, err = cli(*SUBMIT)

    assert code == 3
    assert out == ""
    assert len(err) == 1
    assert "cannot send" in err[0]
    assert as_json(cli("campaign", "list", "acme", "--json"))["items"] == []


EXAMPLES = Path(__file__).parents[2] / "examples"
THREE_BAD = {"bad_address": 1, "duplicate": 1, "no_address": 1}
LINKEDINS = """Notes:
"When exporting your connection data, you may notice that some of the email addresses are missing."

First Name,Last Name,URL,Email Address,Company,Position,Connected On
Ana,Lima,https://www.linkedin.com/in/ana,ana@example.org,Tern,Engineer,01 Dec 2025
Ben,Oslo,https://www.linkedin.com/in/ben,,Tern,Engineer,01 Dec 2025
"""


@pytest.mark.parametrize("own_list", [False, True])
def test_the_readmes_message_fits_the_examples_list_and_linkedins_own_export(acme, tmp_path, own_list):
    path = EXAMPLES / "candidates.csv"
    if own_list:
        (path := tmp_path / "Connections.csv").write_text(LINKEDINS)
    subject = "A role for you, {{ first_name }}"
    words = ("campaign", "submit", "acme", path, "--subject", subject, "--body", EXAMPLES / "body.txt")
    found = as_json(acme(*words, "--dry-run", "--json"))

    assert (found["accepted"], found["rejected_by_reason"]) == (
        (1, {"no_address": 1}) if own_list else (297, THREE_BAD)
    )
    assert "your work at" in found["messages"][0]["body"]


def dry_run(acme, name="list.csv"):
    return as_json(acme(*SUBMIT[:3], name, *SUBMIT[4:], "--dry-run", "--json"))


def test_a_dry_run_tells_whom_it_would_skip_and_shows_messages_to_the_others_only(acme, redis_url, tmp_path):
    acme(*SUBMIT)
    sent(redis_url)
    acme("suppression", "add", "acme", "out@example.org")
    (tmp_path / "more.csv").write_text(GOOD + "Out,out@example.org\nCai,cai@example.org\nDee,dee@example.org\n")
    found = dry_run(acme, "more.csv")

    assert (found["accepted"], found["suppressed"], found["pair_locked"], found["credits_needed"]) == (5, 1, 2, 2)
    assert (found["sent_at_once"], found["waiting_for"], found["waves_if_nobody_answers"]) == (2, None, 1)
    assert [message["to"] for message in found["messages"]] == ["cai@example.org", "dee@example.org"]


def sent(redis_url):
    store = Store(open_client(redis_url))
    send_all(store, "acme.1")
    store.client.close()


def test_a_dry_run_of_whom_nobody_would_be_written_to_says_so(acme, redis_url):
    acme(*SUBMIT)
    sent(redis_url)
    found = dry_run(acme)

    assert (found["credits_needed"], found["sent_at_once"], found["waves_if_nobody_answers"]) == (0, 0, 0)
    assert (found["waiting_for"], found["messages"]) == (None, [])
    assert "none: nobody is left to write to" in acme(*SUBMIT, "--dry-run")[1]


@pytest.fixture
def full(cli, redis_url, tmp_path):
    """Acme on a plan of 25 contacts, with credits to spare and 30 recipients, of whom 25 are sent and 5 wait."""
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "business")
    cli("credits", "grant", "acme", 100, "--reason", "more")
    (tmp_path / "first.csv").write_text("email,first_name\n" + "".join(f"p{i}@example.org,P\n" for i in range(30)))
    cli(*SUBMIT[:3], "first.csv", *SUBMIT[4:])
    sent(redis_url)
    return cli


def test_a_dry_run_with_no_contact_free_sends_nothing_at_once_and_says_what_it_waits_for(full):
    found = dry_run(full)
    assert (found["credits_needed"], found["queued_before"]) == (2, 5)
    assert (found["sent_at_once"], found["waiting_for"], found["waves_if_nobody_answers"]) == (0, "contacts", 1)

    told = full(*SUBMIT, "--dry-run")[1]
    assert "0 of 2; the rest waits for contacts" in told
    assert "the first once an open InMail is answered or falls due" in told


def test_a_dry_run_counts_what_is_queued_before_it(full, tmp_path):
    (tmp_path / "long.csv").write_text("email,first_name\n" + "".join(f"q{i}@example.org,Q\n" for i in range(25)))
    assert dry_run(full, "long.csv")["waves_if_nobody_answers"] == 2
    full("campaign", "pause", "acme.1")
    found = dry_run(full, "long.csv")
    assert (found["queued_before"], found["waves_if_nobody_answers"]) == (0, 1)


def test_a_dry_run_where_answers_are_paid_back_knows_that_silence_is_not(cli, tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text(
        '[plans.uni]\ncredits_a_month = 1\nrefund = { when = "answered", after = "P90D" }\n'
    )
    monkeypatch.setenv("INMAIL_PLANS_FILE", "own.toml")
    get_settings.cache_clear()
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "uni")
    found = dry_run(cli)
    assert (found["refund_when"], found["sent_at_once"], found["waves_if_nobody_answers"]) == ("answered", 1, None)
    assert "what falls due is spent" in cli(*SUBMIT, "--dry-run")[1]
    cli("credits", "grant", "acme", 1, "--reason", "gift")
    assert "1 if nobody answers, 90 d each (an answer gives its credit back)" in cli(*SUBMIT, "--dry-run")[1]


def test_a_dry_run_without_a_credit_says_that_there_is_none(cli, tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text("[plans.prepaid]\n")
    monkeypatch.setenv("INMAIL_PLANS_FILE", "own.toml")
    get_settings.cache_clear()
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "prepaid")
    found = dry_run(cli)

    assert (found["sent_at_once"], found["waiting_for"], found["waves_if_nobody_answers"]) == (0, "credits", None)
    assert "none: there is no credit to begin with" in cli(*SUBMIT, "--dry-run")[1]


def test_a_dry_run_of_an_account_that_may_not_send_for_now_says_so(acme, redis_url):
    store = Store(open_client(redis_url))
    store.client.hset(store.keys.account("acme"), "stopped", "the log went back")
    store.client.close()
    found = dry_run(acme)

    assert (found["sent_at_once"], found["waiting_for"]) == (0, "audit")


def test_a_dry_run_of_a_campaign_that_starts_later_says_what_goes_out_then(acme):
    code, out, _ = acme(*SUBMIT, "--dry-run", "--start-at", "PT2H")
    assert code == 0
    assert "sent at its start  2 of 2" in out
    assert "sent at once" not in out
