"""``inmail seat``, and what of seats the other commands tell."""

import pytest

from engine import api_keys
from engine.api_keys import Pace
from engine.store import Store, open_client
from tests.cli.conftest import SUBMIT, as_json, snapshot

pytestmark = pytest.mark.redis

ADD = ("seat", "add", "acme", "ben", "--name", "Ben", "--email", "ben@example.org", "--cap", "5")


@pytest.fixture
def ben(acme):
    assert acme(*ADD)[0] == 0
    return acme


def admitted(redis_url, key):
    client = open_client(redis_url)
    try:
        return api_keys.admit(Store(client), key, Pace(100, 100))
    finally:
        client.close()


def test_a_seat_is_added_listed_capped_and_removed(acme):
    assert "inmail seat add acme" in acme("seat", "list", "acme")[1]
    code, out, _ = acme(*ADD)
    assert code == 0
    assert out == (
        "seat ben is added: a cap of 5 credits a month, 0 used in this one; "
        "make its key with: inmail key create acme --seat ben\n"
    )
    assert acme(*ADD)[1].startswith("seat ben was there already, as the same person")
    assert as_json(acme(*ADD, "--json"))["added"] is False
    found = as_json(acme("seat", "list", "acme", "--json"))
    (item,) = found["items"]
    assert found["next"] is None
    assert (item["seat"], item["email"], item["cap_credits"], item["used_credits"], item["month"]) == (
        *("ben", "ben@example.org", 5, 0),
        "s1.0",
    )
    listed = acme("seat", "list", "acme")[1].splitlines()[1].split()
    assert listed[:5] == ["ben", "Ben", "ben@example.org", "5", "0"]
    assert acme("seat", "cap", "acme", "ben", "1200")[1] == (
        "seat ben has a cap of 1,200 credits a month, 0 used in this one\n"
    )
    assert as_json(acme("seat", "cap", "acme", "ben", "none", "--json"))["cap_credits"] is None
    assert as_json(acme("seat", "cap", "acme", "ben", "none", "--json"))["changed"] is False
    assert "no cap" in acme("seat", "list", "acme")[1]
    assert acme("seat", "cap", "acme", "ben", "none")[1] == "seat ben has no cap\n"
    assert acme("seat", "remove", "acme", "ben", "--yes")[1] == "seat ben is removed, 0 keys revoked\n"
    acme(*ADD)
    assert as_json(acme("seat", "remove", "acme", "ben", "--yes", "--json"))["removed"] is True


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("add", "acme", "Ben", "--name", "B", "--email", "b@example.org"), 2, "seat id 'Ben' is not usable"),
        (("add", "acme", "ada", "--name", "A", "--email", "a@example.org", "--cap", "many"), 2, "--cap 'many'"),
        (
            ("add", "acme", "ada", "--name", "A", "--email", "a@example.org", "--cap", "9999999999"),
            2,
            "from 0 to 1,000,000,000",
        ),
        (("add", "acme", "ben", "--name", "Other", "--email", "b@example.org"), 3, "another person's"),
        (("add", "acme", "ben", "--name", "Ben", "--email", "ben@example.org"), 3, "inmail seat cap acme ben"),
        (("add", "nobody", "ben", "--name", "Ben", "--email", "ben@example.org"), 3, "no account 'nobody'"),
        (("list", "nobody"), 3, "no account"),
        (("cap", "acme", "ada", "5"), 3, "no seat 'ada'"),
        (("cap", "acme", "ben", "-5"), 2, "'-5': give a whole number"),
        (("cap", "acme", "ben", "None"), 2, "give a whole number"),
        (("cap", "acme", "ben", "NONE"), 2, "give a whole number of credits from 0 to 1,000,000,000, or none"),
        (("cap", "acme", "ben", ""), 2, "or none"),
        (("cap", "acme", "ben", "9" * 30), 2, "from 0 to 1,000,000,000"),
        (("remove", "acme", "ben"), 2, "there is nobody to ask: say so with --yes, or look first with --dry-run"),
        (("remove", "acme", "ben", "--json"), 2, "--json does not ask: say so with --yes"),
        (("remove", "acme", "ada", "--dry-run"), 3, "inmail seat list acme"),
        (("remove", "acme", "ada", "--yes"), 3, "inmail seat list acme"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(ben, words, code, told):
    found, _, errors = ben("seat", *words)
    assert found == code
    assert len(errors) == 1
    assert told in errors[0]


def test_a_campaign_and_a_key_tell_whose_they_are(ben, redis_url):
    ben(*SUBMIT, "--name", "ours")
    assert "seat" not in ben("campaign", "list", "acme")[1]
    campaign = as_json(ben(*SUBMIT, "--seat", "ben", "--json"))["campaign"]
    assert as_json(ben("campaign", "show", campaign, "--json"))["seat"] == "ben"
    assert "seat" in ben("campaign", "show", campaign)[1]
    assert [one["seat"] for one in as_json(ben("campaign", "list", "acme", "--json"))["items"]] == [None, "ben"]
    assert ben("campaign", "list", "acme")[1].splitlines()[2].split()[1] == "ben"
    key = ben("key", "create", "acme", "--seat", "ben")[1].strip()
    assert admitted(redis_url, key).seat == "ben"
    ben("key", "create", "acme")
    assert [one["seat"] for one in as_json(ben("key", "list", "acme", "--json"))["items"]] == ["ben", None]
    his, ours = ben("key", "list", "acme")[1].splitlines()[1:]
    assert his.split()[0] in key
    assert (his.split()[1], his.rstrip().endswith("all but billing:write, seats:write")) == ("ben", True)
    assert (ours.split()[1], ours.split()[-1]) == ("–", "all")
    assert ben("seat", "remove", "acme", "ben", "--yes")[1] == (
        "seat ben is removed, 1 key revoked; 1 campaign of it goes on without a cap\n"
    )
    assert admitted(redis_url, key) is None


def test_taking_a_seat_away_says_first_what_goes_on_without_a_cap_and_asks(ben, redis_url, somebody):
    ben(*SUBMIT, "--seat", "ben")
    ben(*SUBMIT, "--name", "ours")
    ben("key", "create", "acme", "--seat", "ben")
    said = "1 key would be revoked; 1 campaign of it goes on without a cap\n"
    before = snapshot(redis_url)
    assert ben("seat", "remove", "acme", "ben", "--dry-run")[:2] == (0, said)
    told = as_json(ben("seat", "remove", "acme", "ben", "--dry-run", "--json"))
    assert (told["removed"], told["keys_revoked"], told["campaigns_without_cap"]) == (False, 1, 1)
    assert snapshot(redis_url) == before
    asked = somebody(False)
    assert ben("seat", "remove", "acme", "ben")[:2] == (0, said + "nothing was changed\n")
    assert asked == ["remove seat ben?"]
    assert len(as_json(ben("seat", "list", "acme", "--json"))["items"]) == 1
    somebody(True)
    assert ben("seat", "remove", "acme", "ben")[1].endswith("seat ben is removed, 1 key revoked; " + said[24:])
    assert as_json(ben("seat", "list", "acme", "--json"))["items"] == []


def test_a_seat_may_be_added_with_a_cap_of_none(acme):
    assert "seat ben is added: no cap" in acme(*ADD[:-1], "none")[1]


@pytest.mark.parametrize("seat", ["ada", "", "ben:x"])
def test_a_seat_there_is_none_of_submits_nothing_and_has_no_key(ben, seat):
    for words in (
        (*SUBMIT, "--seat", seat),
        (*SUBMIT, "--seat", seat, "--dry-run"),
        ("key", "create", "acme", "--seat", seat),
    ):
        code, out, errors = ben(*words)
        assert (code, out) == (3, "")
        assert "has no seat" in errors[0]
    assert as_json(ben("campaign", "list", "acme", "--json"))["items"] == []
    assert as_json(ben("key", "list", "acme", "--json"))["items"] == []


def test_a_dry_run_says_what_the_cap_holds_back(ben):
    ben("seat", "cap", "acme", "ben", "1")
    found = as_json(ben(*SUBMIT, "--seat", "ben", "--dry-run", "--json"))
    assert (found["sent_at_once"], found["waiting_for"], found["waves_if_nobody_answers"]) == (1, "seat", None)
    told = ben(*SUBMIT, "--seat", "ben", "--dry-run")[1]
    assert "the rest waits for seat" in told
    assert "as many as months pass until the seat's cap has let all go" in told
