"""``inmail account`` and ``inmail credits``: what is printed, and what changed."""

from config.settings import get_settings
from tests.cli.conftest import as_json


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


def test_a_grant_given_again_with_its_key_does_not_read_as_a_second_one(acme):
    line = "granted 5 credits to acme (log entry 3, once for this key): 155 available\n"
    for _ in range(2):
        assert acme("credits", "grant", "acme", 5, "--reason", "gift", "--key", "k")[1] == line


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
