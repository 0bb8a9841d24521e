"""``inmail account`` and ``inmail credits``: what is printed, and what changed."""

from config.settings import get_settings
from engine.store import Store, open_client
from tests.cli.conftest import as_json
from tests.factories import a_campaign, claim, release


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


def test_the_outlook_is_told_beside_the_wallet_and_by_itself(acme):
    assert "does not empty within a year at the present rate (0.0 a day)" in acme("credits", "show", "acme")[1]
    told = as_json(acme("credits", "outlook", "acme", "--json"))
    assert (told["available"], told["rate_credits_a_day"], told["empties_at_ms"]) == (150, 0.0, None)
    assert (told["next_grant_credits"], told["expiring_credits"], told["days_observed"]) == (150, 0, 1)
    text = acme("credits", "outlook", "acme")[1]
    assert "150 credits on 20" in text
    assert "over the last day" in text
    assert acme("credits", "outlook", "nobody")[0] == 3


def test_an_empty_account_is_said_to_be_empty(cli):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme")
    assert acme_outlook(cli) == "empty"
    cli("credits", "grant", "acme", 1, "--reason", "gift")
    assert acme_outlook(cli) == "does not empty within a year at the present rate (0.0 a day)"


def acme_outlook(cli):
    """The last line of ``credits show``, without its name."""
    return cli("credits", "show", "acme")[1].splitlines()[-1].removeprefix("outlook").strip()


def test_the_log_shows_that_the_balance_fell_low(acme, redis_url):
    store = Store(open_client(redis_url))
    campaign = a_campaign(store, to=121)
    release(store, campaign)
    assert claim(store, campaign).low == "20"
    store.client.close()
    (low,) = [entry for entry in as_json(acme("credits", "log", "acme", "--json"))["items"] if entry["kind"] == "low"]
    assert (low["n"], low["note"], low["wallet"]["available"]) == (20, "29 of 150 credits left", 29)
    assert "29 of 150 credits left" in acme("credits", "log", "acme")[1]
