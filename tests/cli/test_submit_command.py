"""``inmail campaign submit`` and its dry run: what is told, and what changed."""

from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, SUBMIT, as_json, snapshot


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
