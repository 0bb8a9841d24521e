"""``campaign submit --search``: whom a search finds becomes a campaign's list, once, and frozen."""

import json

import pytest

from engine.store import Store, open_client
from engine.suppressions import suppress
from tests.cli.conftest import as_json, snapshot
from tests.cli.searching import CAP, look, pages, stocked
from tests.factories import send_all

SUBMIT = ("campaign", "submit", "acme", "--subject", "Hi {{ first_name }}", "--body", "body.txt")


@pytest.fixture
def acme(cli, tmp_path):
    return stocked(cli, tmp_path)


def test_a_campaign_takes_whom_a_search_finds_within_the_cap(acme, redis_url):
    first = look(acme, "nurse")["items"][0]["id"]
    store = Store(open_client(redis_url))
    suppress(store, "acme", f"n{int(first[1:])}@example.org")
    store.client.close()
    code, out, err = acme(*SUBMIT, "--search", "nurse", "--json")
    found = json.loads(out)
    assert (code, found["accepted"], found["rejected"]) == (0, CAP - 1, 0)
    told = f"the search finds 320, your plan shows {CAP} of them; {CAP - 1} to write to, left out: 1 suppressed"
    assert err[0] == f"inmail: {told}"
    written = as_json(acme("campaign", "recipients", found["campaign"], "--most", "500", "--json"))["items"]
    shown = [item["id"] for item in pages(acme, "nurse")]
    assert [it["fields"]["id"] for it in written] == shown[1:]
    assert as_json(acme("campaign", "show", found["campaign"], "--json"))["name"] == "nurse"


def test_a_name_that_is_no_saved_search_is_told_to_whoever_has_some(acme):
    acme("search", "save", "acme", "senators", "title:senator")
    assert acme(*SUBMIT, "--search", "senator", "--dry-run")[2][0] == (
        "inmail: no saved search is called 'senator': read as a query"
    )
    assert "read as a query" not in " ".join(acme(*SUBMIT, "--search", "senators", "--dry-run")[2])


def test_contacted_days_go_with_a_search_alone(acme):
    words = (*SUBMIT, "--contacted-days", "0", "--dry-run")
    assert acme(*words, "--search", "nurse")[0] == 0
    code, _, err = acme(*words[:3], "list.csv", *words[3:])
    assert (code, err) == (2, ["inmail: error: --contacted-days goes with --search: whom a FILE names is written to"])


def of_acme(redis_url):
    return {name: value for name, value in snapshot(redis_url).items() if b"{acme}" in name}


def test_a_saved_search_is_submitted_by_its_name_and_frozen(acme):
    acme("search", "save", "acme", "senators", "title:senator")
    found = as_json(acme(*SUBMIT, "--search", "senators", "--json"))
    acme("candidates", "remove", "luj")
    (it,) = as_json(acme("campaign", "recipients", found["campaign"], "--json"))["items"]
    assert "ben@example.org" in json.dumps(it)
    assert as_json(acme("campaign", "show", found["campaign"], "--json"))["name"] == "senators"


def test_the_same_key_twice_is_one_campaign_also_when_others_are_found_by_then(acme, redis_url):
    words = (*SUBMIT, "--search", "company:'Ward 1' years:..1", "--key", "k", "--json")
    words = tuple(word.replace("'", '"') for word in words)
    first = as_json(acme(*words))
    store = Store(open_client(redis_url))
    send_all(store, first["campaign"])
    store.client.close()
    again = as_json(acme(*words))
    assert (again["campaign"], again["accepted"], again["repeated"]) == (first["campaign"], first["accepted"], True)
    assert len(as_json(acme("campaign", "list", "acme", "--json"))["items"]) == 1
    acme("seat", "add", "acme", "ben", "--name", "Ben", "--email", "ben@example.org")
    for other in (("--search", "baker"), (*words[-5:-1], "--seat", "ben"), (*words[-5:-1], "--start-at", "PT2H")):
        code, out, err = acme(*SUBMIT, "--key", "k", *other)
        assert (code, out) == (3, ""), other
        assert "key 'k' was used for another order" in err[0]


def test_a_dry_run_of_a_search_forecasts_and_changes_nothing(acme, redis_url, tmp_path):
    look(acme, "nurse")
    before, files = of_acme(redis_url), sorted(path.name for path in tmp_path.iterdir())
    found = as_json(acme(*SUBMIT, "--search", "title:nurse", "--dry-run", "--json"))
    assert (found["accepted"], found["credits_available"]) == (CAP, 15)
    assert found["messages"][0]["subject"] == "Hi Núria"
    assert of_acme(redis_url) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == files


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "name a FILE or give --search, one of them"),
        (("list.csv", "--search", "nurse"), 2, "name a FILE or give --search, one of them"),
        (("--search", "title:("), 2, "query, position 7"),
        (("--search", "astronaut"), 3, "the search finds nobody to write to (nobody matches)"),
        (("--search", "baker"), 3, "the search finds nobody to write to (1 no_address)"),
        (("--search", "astronaut", "--dry-run"), 3, "nobody to write to"),
    ],
)
def test_what_cannot_be_submitted_is_one_line_and_leaves_nothing(acme, words, code, told):
    look(acme, "nurse")
    found = acme(*SUBMIT[:3], *words, *SUBMIT[3:])
    assert (found[0], found[1], len(found[2])) == (code, "", 1)
    assert told in found[2][0]
    assert as_json(acme("campaign", "list", "acme", "--json"))["items"] == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "everybody"),
        ("location:Oslo/Bern or title:senator", "location:Oslo/Bern or title:senator"),
        ("title:senator " * 20, ("title:senator " * 20)[:120].rstrip()),
    ],
)
def test_a_campaign_is_called_after_its_query_whatever_that_is(acme, query, name):
    found = as_json(acme(*SUBMIT, "--search", query, "--json"))
    assert as_json(acme("campaign", "show", found["campaign"], "--json"))["name"] == name
