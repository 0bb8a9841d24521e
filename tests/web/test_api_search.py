"""Candidates and saved searches over HTTP: as many as the plan shows, page by page, as fresh as the directory."""

import shutil

import pytest

from engine import choices
from engine.directory import wishes
from engine.directory.profile import Profile
from engine.directory.store import put_many, remove_many
from engine.search.folder import IndexFolder
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import a_campaign, a_plan, an_account, send_all
from tests.waiting import wait_until
from tests.web.conftest import problem, searchable
from web.cursors import sealed

pytestmark = pytest.mark.redis

CAP = 5
PATH = "/v1/candidates/search"
FINDABLE_S = 2.0


def nurse(n, **changes):
    """One of many who are found by the same words."""
    ward = ("Ward A", "Ward B", "Ward C")[n % 3]
    fields = {"id": f"n{n}", "name": f"Núria {n}", "title": "Nurse", "company": ward, "skills": ("Care", ward)}
    return Profile(**{**fields, "location": "Bern", "address": f"n{n}@example.org", **changes})


@pytest.fixture
def acme(api):
    """A caller whose plan shows five, a directory of nine nurses and a baker, and an index of them."""
    an_account(api.store, "acme", credits_=100, plan=a_plan(profiles_per_search=CAP))
    put_many(api.store, [nurse(n) for n in range(9)])
    put_many(api.store, [Profile(id="b", name="Bo Ek", title="Baker", address="bo@example.org", consent=False)])
    caller = api.caller("acme")
    searchable(caller)
    return caller


def found(caller, q="title:nurse", **params):
    answer = caller.get(PATH, params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(document):
    return [item["id"] for item in document["items"]]


def test_a_search_shows_what_the_plan_allows_and_says_so(acme):
    document = found(acme, limit=100)
    assert (document["total"], document["shown"], document["cap"], document["next"]) == (9, CAP, CAP, None)
    assert len(document["items"]) == CAP
    first = document["items"][0]
    assert (first["title"], first["location"], first["mark"]) == ("Nurse", "Bern", None)
    assert first["why"] == [{"field": "title", "text": "Nurse"}]
    assert "address" not in first
    assert "example.org" not in acme.get(PATH, params={"q": "title:nurse"}).text
    assert document["facets"]["location"] == [{"value": "Bern", "count": 9}]


def test_facets_are_counted_only_where_they_are_asked_for(acme):
    assert found(acme, facets="false")["facets"] == {}


def test_pages_make_up_what_is_shown_and_lead_nowhere_beyond(acme):
    whole, pages, after = ids(found(acme, limit=100)), [], None
    while True:
        page = found(acme, limit=2, **({"after": after} if after else {}))
        pages.append(ids(page))
        after = page["next"]
        if after is None:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each for page in pages for each in page] == whole
    for place in (CAP, CAP + 1, 99_999, 100_000):
        beyond = found(acme, after=sealed(f"{place}.n8"))
        assert (set(ids(beyond)) <= set(whole), beyond["next"]) == (True, None)


@pytest.mark.parametrize("cursor", ["%%%", "", sealed("no place"), sealed("-1.n1"), sealed("1."), sealed("٣.n1")])
def test_what_is_no_cursor_of_this_list_is_told(acme, cursor):
    problem(acme.get(PATH, params={"q": "title:nurse", "after": cursor}), 422, "bad_cursor")


def test_a_wrong_query_is_told_with_the_position(acme):
    told = problem(acme.get(PATH, params={"q": "skils:law"}), 422, "bad_query")
    assert told["position"] == 0
    assert told["detail"].startswith("query, position 1: there is no field 'skils'")
    assert problem(acme.get(PATH, params={"q": "(nurse or"}), 422, "bad_query")["position"] == 9
    told = problem(acme.get(PATH, params={"q": "a " * 501}), 422, "bad_query")
    assert (told["position"], told["detail"]) == (
        1000,
        "query, position 1001: a query has at most 1,000 characters, this one has 1,002",
    )


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 101}, {"contacted_days": -1}, {"cap": 9}])
def test_a_parameter_that_cannot_be_is_refused(acme, wrong):
    problem(acme.get(PATH, params=wrong), 422, "bad_request_fields")


def test_until_the_index_is_built_a_search_is_told_to_ask_again(api):
    an_account(api.store, "acme")
    put_many(api.store, [nurse(1)])
    acme, folder = api.caller("acme"), IndexFolder(api.app.state.services.settings.index_dir)
    with folder.writing() as mine:  # nobody else builds it meanwhile
        assert mine
        answer = acme.get(PATH, params={"q": "nuria"})
        told = problem(answer, 503, "no_index")
        assert str(folder.path) not in told["detail"]
        assert int(answer.headers["Retry-After"]) > 0
        campaign = {"subject": "s", "body": "b", "search": "nuria"}
        problem(acme.post("/v1/campaigns", json=campaign), 503, "no_index")
    wait_until(lambda: acme.get(PATH, params={"q": "nuria"}).status_code == 200)
    assert ids(found(acme, "nuria")) == ["n1"]


def test_a_change_is_findable_within_two_seconds(acme, api):
    put_many(api.store, [nurse(1, title="Astronaut")])
    wait_until(lambda: ids(found(acme, "title:astronaut")) == ["n1"], FINDABLE_S)
    put_many(api.store, [nurse(77, title="Astronaut")])
    wait_until(lambda: found(acme, "title:astronaut")["total"] == 2, FINDABLE_S)
    remove_many(api.store, ["n1"])
    wait_until(lambda: ids(found(acme, "title:astronaut")) == ["n77"], FINDABLE_S)


def test_a_deleted_index_is_built_anew_while_the_server_runs(acme, api):
    path = api.app.state.services.settings.index_dir
    before = IndexFolder(path).current()
    shutil.rmtree(path)
    wait_until(lambda: IndexFolder(path).current() not in (None, before))
    assert found(acme)["total"] == 9


def test_who_hides_or_is_erased_is_in_no_page_at_once(acme, api):
    hidden, erased = ids(found(acme))[:2]
    wishes.hide(api.store, f"{hidden}@example.org")
    choices.erase(api.store, f"{erased}@example.org")
    assert not {hidden, erased} & set(ids(found(acme, limit=100)))
    wait_until(lambda: found(acme)["total"] == 7, FINDABLE_S)


def test_marks_say_whom_not_to_write_to_and_until_when(acme, api):
    send_all(api.store, a_campaign(api.store, "acme", to=["n3@example.org"]))
    choices.stop_all(api.store, "n4@example.org")
    marks = {item["id"]: item["mark"] for item in found(acme, "id:n3 or id:n4 or id:n5")["items"]}
    assert marks == {
        "n3": {"kind": "open", "until_ms": NOON_MS + 7 * DAY_MS, "at_ms": NOON_MS},
        "n4": {"kind": "opted_out", "until_ms": None, "at_ms": None},
        "n5": None,
    }
    an_account(api.store, "globex")
    assert found(api.caller("globex"), "id:n3")["items"][0]["mark"] is None


def test_searches_are_saved_shown_and_forgotten(acme):
    answer = acme.post("/v1/searches", json={"name": " night  nurses ", "query": "title:nurse"})
    kept = {"name": "night nurses", "query": "title:nurse", "saved_at_ms": NOON_MS}
    assert (answer.status_code, answer.json()) == (201, kept)
    acme.post("/v1/searches", json={"name": "bakers and cooks", "query": "title:any(baker, cook)"})
    listed = acme.get("/v1/searches").json()
    assert ([each["name"] for each in listed["items"]], listed["next"]) == (["bakers and cooks", "night nurses"], None)
    assert acme.get("/v1/searches/night nurses").json() == kept
    for _ in range(2):
        assert acme.delete("/v1/searches/night nurses").status_code == 204
    problem(acme.get("/v1/searches/night nurses"), 404, "no_search")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"name": "x", "query": "skill:any()"}, "bad_query"),
        ({"name": "x" * 61, "query": "a"}, "bad_name"),
        ({"name": " ", "query": "a"}, "bad_name"),
        ({"name": "a\nb\x07", "query": "a"}, "bad_name"),
        ({"name": "x", "query": "a" * 1001}, "bad_query"),
        ({"name": "x"}, "bad_request_fields"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_not_kept(acme, asked, code):
    problem(acme.post("/v1/searches", json=asked), 422, code)
    assert acme.get("/v1/searches").json()["items"] == []


def test_one_account_never_sees_anothers_saved_searches(acme, api):
    an_account(api.store, "globex")
    globex = api.caller("globex")
    assert globex.post("/v1/searches", json={"name": "secret", "query": "title:nurse"}).status_code == 201
    assert acme.get("/v1/searches").json()["items"] == []
    problem(acme.get("/v1/searches/secret"), 404, "no_search")
    assert acme.delete("/v1/searches/secret").status_code == 204
    assert len(globex.get("/v1/searches").json()["items"]) == 1
    # Elsewhere than with its account the name is a query like any other: nobody is called so.
    problem(acme.post("/v1/campaigns", json={"subject": "s", "body": "b", "search": "secret"}), 422, "nobody")


def test_a_key_does_what_its_scopes_say(acme, api):
    reads = api.caller(scopes=["candidates:read"])
    writes = api.caller(scopes=["candidates:write"])
    other = api.caller(scopes=["campaigns:read", "campaigns:write"])
    asked = {"name": "x", "query": "nurse"}
    assert (reads.get(PATH).status_code, reads.get("/v1/searches").status_code) == (200, 200)
    problem(reads.post("/v1/searches", json=asked), 403, "no_scope")
    assert writes.post("/v1/searches", json=asked).status_code == 201
    problem(reads.delete("/v1/searches/x"), 403, "no_scope")
    problem(writes.get(PATH), 403, "no_scope")
    for path in (PATH, "/v1/searches", "/v1/searches/x"):
        assert problem(other.get(path), 403, "no_scope")["scope"] == "candidates:read"
    assert writes.delete("/v1/searches/x").status_code == 204
