"""``inmail campaign submit`` and its dry run: what is told, and what changed."""

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
