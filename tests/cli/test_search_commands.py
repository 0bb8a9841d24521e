"""``inmail candidates search``, ``inmail search`` and ``campaign submit --search``: what is found, told and kept."""

import json
from pathlib import Path

import pytest

from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.store import all_profiles
from engine.search.query import parse
from engine.store import Store, open_client
from engine.suppressions import suppress
from tests.cli.conftest import as_json, snapshot
from tests.factories import send_all
from tests.search.reference import matches

HEAD = "Id,Name,Email,Title,Company,Location,Skills,Years\n"
NURSES = "".join(
    f"n{n:03},Núria Camp {n},n{n}@example.org,Nurse,Ward {n % 3},Bern,Care; Night shift,{n % 30}\n" for n in range(320)
)
OTHERS = "luj,Ben Ray Luján,ben@example.org,Senator,Democrat,NM,Indian Affairs,9\nnob,Bo Ek,,Baker,Mill,Oslo,,\n"
CAP = 300
FIELDS = {"id", "name", "title", "company", "location", "skills", "why", "mark"}
SUBMIT = ("campaign", "submit", "acme", "--subject", "Hi {{ first_name }}", "--body", "body.txt")


@pytest.fixture
def acme(cli, tmp_path):
    """An account on Business, whose plan shows 300, and 322 candidates in the directory."""
    (tmp_path / "people.csv").write_text(HEAD + NURSES + OTHERS)
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "business")
    assert cli("candidates", "import", "people.csv")[0] == 0
    return cli


def look(cli, *words):
    return as_json(cli("candidates", "search", "acme", *words, "--json"))


def test_a_search_gives_one_document_with_all_there_is_to_know(acme):
    found = look(acme, "lujan")
    assert {key: found[key] for key in ("total", "shown", "cap", "next")} == {
        "total": 1,
        "shown": 1,
        "cap": CAP,
        "next": None,
    }
    (item,) = found["items"]
    assert set(item) >= FIELDS
    assert (item["id"], item["name"], item["skills"], item["mark"]) == (
        "luj",
        "Ben Ray Luján",
        ["Indian Affairs"],
        None,
    )
    assert item["why"] == [{"field": "name", "text": "Luján"}]
    assert found["facets"]["location"] == [{"value": "NM", "count": 1}]


def test_the_index_is_built_by_the_first_who_searches_and_that_is_told_apart(acme, tmp_path):
    code, out, err = acme("candidates", "search", "acme", "lujan", "--json")
    assert (code, json.loads(out)["total"]) == (0, 1)
    assert err == [
        "inmail: warning: building the search index; with many profiles this takes a while, the first time only"
    ]
    assert (tmp_path / ".inmail" / "index" / "inmail" / "current").is_file()
    assert acme("candidates", "search", "acme", "lujan", "--json")[2] == []


def test_people_read_how_many_are_shown_of_how_many_and_why(acme):
    look(acme, "")
    code, out, err = acme("candidates", "search", "acme", "title:nurse skill:care", "--limit", "2")
    assert (code, err) == (0, [])
    lines = out.splitlines()
    assert lines[0] == "showing 300 of 320, your plan's limit"
    assert lines[1].split() == ["id", "name", "title", "company", "location"]
    assert [lines[n].split()[0] for n in (2, 4)] == [
        item["id"] for item in look(acme, "title:nurse skill:care")["items"]
    ][:2]
    assert lines[3] == "  Nurse; Care"
    assert "Bern 320" in out
    assert lines[-1].startswith("more: --after 2.n")


def test_pages_go_on_with_the_cursor_and_end_at_the_plans_limit(acme):
    seen, after = [], ""
    while after is not None:
        page = look(acme, "nurse", "--limit", "100", *(("--after", after) if after else ()))
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == CAP
    for beyond in ("300.x", "9999.x", "100000.x"):
        assert look(acme, "nurse", "--after", beyond)["items"] == []


def test_what_is_indexed_follows_the_directory(acme, tmp_path):
    assert look(acme, "company:mill")["total"] == 1
    (tmp_path / "more.csv").write_text(HEAD + "nob,Bo Ek,,Baker,Bakery,Oslo,,\n")
    acme("candidates", "import", "more.csv")
    assert (look(acme, "company:mill")["total"], look(acme, "company:bakery")["total"]) == (0, 1)
    acme("candidates", "hide", "ben@example.org")
    assert look(acme, "lujan")["total"] == 0
    acme("candidates", "unhide", "ben@example.org")
    acme("candidates", "remove", "nob")
    assert (look(acme, "lujan")["total"], look(acme, "baker")["total"]) == (1, 0)


def test_nobody_is_told_in_words_and_as_a_document(acme):
    assert acme("candidates", "search", "acme", "astronaut")[:2] == (0, "nobody matches\n")
    found = look(acme, "astronaut")
    assert (found["total"], found["shown"], found["items"], found["next"]) == (0, 0, [], None)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("skils:law",), 2, "query, position 1: there is no field 'skils'"),
        (("nurse and (",), 2, "query, position 12: "),
        (("active:<0d",), 2, "query, position 8: "),
        (("nurse", "--after", "nonsense"), 2, "the cursor is none of this search"),
        (("nurse", "--after", "1."), 2, "the cursor is none of this search"),
        (("nurse", "--limit", "0"), 2, "--limit"),
        (("nurse", "--limit", "101"), 2, "--limit"),
        (("nurse", "--contacted-days", "731"), 2, "--contacted-days"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where(acme, words, code, told):
    look(acme, "nurse")
    found = acme("candidates", "search", "acme", *words)
    assert (found[0], found[1], len(found[2])) == (code, "", 1)
    assert found[2][0].startswith("inmail: error: ")
    assert told in found[2][0]


def test_an_unknown_account_finds_nothing_and_saves_nothing(acme):
    look(acme, "nurse")
    for words in (
        ("candidates", "search", "nobody", "nurse"),
        ("search", "save", "nobody", "x", "nurse"),
        ("search", "list", "nobody"),
        ("search", "remove", "nobody", "x"),
    ):
        code, out, err = acme(*words)
        assert (code, out, len(err)) == (3, "", 1), words
        assert "no account 'nobody'" in err[0]


def test_searches_are_kept_under_a_name_and_meant_by_it(acme):
    assert acme("search", "list", "acme")[1] == "no saved search; keep one with: inmail search save\n"
    assert acme("search", "save", "acme", "senators", "title:senator")[1] == "'senators' is saved\n"
    assert acme("search", "save", "acme", "senators", "title:senator")[1] == "'senators' was saved so already\n"
    assert [item["id"] for item in look(acme, "senators")["items"]] == ["luj"]
    acme("search", "save", "acme", "senators", "title:senator location:NM")
    (kept,) = as_json(acme("search", "list", "acme", "--json"))["items"]
    assert (kept["name"], kept["query"]) == ("senators", "title:senator location:NM")
    assert "title:senator location:NM" in acme("search", "list", "acme")[1]
    assert acme("search", "remove", "acme", "senators")[1] == "'senators' is forgotten\n"
    assert acme("search", "remove", "acme", "senators")[:2] == (0, "there is no saved search 'senators'\n")


@pytest.mark.parametrize(("name", "query"), [("x", "title:("), ("", "nurse"), ("y" * 61, "nurse")])
def test_what_cannot_be_saved_is_refused(acme, name, query):
    code, out, err = acme("search", "save", "acme", name, query)
    assert (code, out, len(err)) == (2, "", 1)
    assert as_json(acme("search", "list", "acme", "--json"))["items"] == []


def test_a_campaign_takes_whom_a_search_finds_within_the_cap(acme, redis_url):
    look(acme, "nurse")
    store = Store(open_client(redis_url))
    suppress(store, "acme", "n7@example.org")
    code, out, err = acme(*SUBMIT, "--search", "nurse", "--json")
    found = json.loads(out)
    listed = acme("campaign", "recipients", found["campaign"], "--most", "500", "--json")
    store.client.close()
    assert (code, found["rejected"]) == (0, 0)
    within = sum(item["mark"] is None for item in pages(acme, "nurse"))
    assert found["accepted"] == within == len(as_json(listed)["items"])
    left_out = f", left out: {CAP - within} suppressed" if within < CAP else ""
    assert err[0] == (f"inmail: warning: the search finds 320, your plan shows {CAP}; {within} to write to{left_out}")
    assert as_json(acme("campaign", "show", found["campaign"], "--json"))["name"] == "nurse"


def of_acme(redis_url):
    return {name: value for name, value in snapshot(redis_url).items() if b"{acme}" in name}


def pages(cli, query):
    items, after = [], ""
    while after is not None:
        page = look(cli, query, "--limit", "100", *(("--after", after) if after else ()))
        items += page["items"]
        after = page["next"]
    return items


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
    code, out, err = acme(*SUBMIT, "--search", "baker", "--key", "k")
    assert (code, out) == (3, "")
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


REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "candidates.csv"


@pytest.mark.skipif(not REAL.is_file(), reason="no folder of real lists beside the project")
@pytest.mark.parametrize(
    "query", ["skill:Judiciary title:Senator", "lujan", "location:CA skill:any(Intelligence, Finance)"]
)
def test_the_real_lists_right_people_are_found_as_a_plain_scan_finds_them(cli, redis_url, query):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "executive")
    assert cli("candidates", "import", REAL)[0] == 0
    store = Store(open_client(redis_url))
    node = parse(query, now_ms=store.now_ms())
    wanted = {
        profile.id
        for shard in range(DIRECTORY_SHARDS)
        for profile in all_profiles(store, shard)
        if matches(node, profile)
    }
    store.client.close()
    found = pages(cli, query)
    assert {item["id"] for item in found} == wanted
    assert len(found) == len(wanted) == look(cli, query)["total"] > 0
    assert all(item["why"] for item in found)
