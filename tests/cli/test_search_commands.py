"""``inmail candidates search`` and ``inmail search``: what is found, told and kept."""

import json
from pathlib import Path

import pytest

from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.store import all_profiles
from engine.search.folder import IndexFolder
from engine.search.query import parse
from engine.store import Store, open_client
from tests.cli.conftest import as_json
from tests.cli.searching import CAP, HEAD, look, pages, stocked
from tests.search.reference import matches

FIELDS = {"id", "name", "title", "company", "location", "skills", "why", "mark"}


@pytest.fixture
def acme(cli, tmp_path):
    return stocked(cli, tmp_path)


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
    assert lines[3] == "  title: Nurse; skill: Care"
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
        page = look(acme, "nurse", "--after", beyond)
        assert ({item["id"] for item in page["items"]} <= set(seen), page["next"]) == (True, None)


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


def test_where_another_process_keeps_the_index_and_is_behind_that_is_told(acme, tmp_path):
    look(acme, "nurse")
    with IndexFolder(tmp_path / ".inmail" / "index" / "inmail").writing() as mine:
        assert mine
        assert acme("candidates", "search", "acme", "lujan", "--json")[2] == [], "it is not behind"
        acme("candidates", "remove", "nob")
        code, _, err = acme("candidates", "search", "acme", "lujan", "--json")
    warning = "another process keeps the search index and is behind: the newest changes are not in it yet"
    assert (code, err) == (0, [f"inmail: warning: {warning}"])


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
