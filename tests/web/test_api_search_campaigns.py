"""Campaigns from a search over HTTP: a frozen list within the cap, once per key, and nobody who would be refused."""

import pytest

from engine import campaigns, choices, idempotency, refunds
from engine.directory.profile import Profile
from engine.directory.store import put_many, remove_many
from tests.conftest import DAY_MS
from tests.factories import a_campaign, a_plan, an_account, send_all, wallet
from tests.web.conftest import problem, searchable

pytestmark = pytest.mark.redis

CAP = 5
ORDER = {"name": "Nurses", "subject": "Hi {{ first_name }}", "body": "In {{ location }}?", "search": "title:nurse"}
KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture
def acme(api):
    """A caller whose plan shows five of nine nurses, all in the index."""
    an_account(api.store, "acme", credits_=100, plan=a_plan(profiles_per_search=CAP))
    people = [
        Profile(id=f"n{n}", name=f"Ana{n} Lima", title="Nurse", location="Bern", address=f"n{n}@example.org")
        for n in range(9)
    ]
    put_many(api.store, people)
    caller = api.caller("acme")
    searchable(caller)
    return caller


def shown(caller):
    found = caller.get("/v1/candidates/search", params={"q": "title:nurse"}).json()
    return [item["id"] for item in found["items"]]


def recipients(api, campaign):
    return [it.fields["email"].partition("@")[0] for it in campaigns.recipients(api.store, campaign)]


def test_a_search_becomes_a_campaign_within_the_cap_that_stays_as_it_was(acme, api):
    wanted = shown(acme)
    answer = acme.post("/v1/campaigns", json=ORDER)
    assert answer.status_code == 201, answer.text
    document = answer.json()
    assert (document["campaign"], document["accepted"], document["rejected"]) == ("acme.1", CAP, 0)
    assert document["search"] == {"query": "title:nurse", "total": 9, "shown": CAP, "left_out": {}}
    remove_many(api.store, wanted)
    assert recipients(api, "acme.1") == wanted
    send_all(api.store, "acme.1")
    assert wallet(api.store)["held"] == CAP


def test_a_saved_search_is_meant_by_its_name(acme):
    acme.post("/v1/searches", json={"name": "my nurses", "query": "title:nurse location:Bern"})
    document = acme.post("/v1/campaigns", json=ORDER | {"search": "my nurses"}).json()
    assert (document["accepted"], document["search"]["query"]) == (CAP, "title:nurse location:Bern")


def test_who_would_not_be_written_to_is_left_out_and_counted(acme, api):
    first, second, third, *rest = shown(acme)
    choices.stop_all(api.store, f"{first}@example.org")
    send_all(api.store, a_campaign(api.store, "acme", to=[f"{second}@example.org"]))
    acme.post("/v1/suppressions", json={"address": f"{third}@example.org"})
    document = acme.post("/v1/campaigns", json=ORDER).json()
    assert document["search"]["left_out"] == {"opted_out": 1, "open": 1, "suppressed": 1}
    assert recipients(api, document["campaign"]) == rest


def test_whom_the_account_wrote_to_lately_is_left_out_as_long_as_asked(acme, api):
    first, *rest = shown(acme)
    send_all(api.store, a_campaign(api.store, "acme", to=[f"{first}@example.org"]))
    api.store.at_ms += 10 * DAY_MS
    refunds.refund(api.store, "acme.1", 0)
    for days, left_out in ((30, {"contacted": 1}), (5, {}), (0, {})):
        asked = ORDER | {"contacted_days": days}
        found = acme.post("/v1/campaigns?dry_run=true", json=asked)
        assert found.status_code == 200
        assert found.json()["accepted"] == CAP - len(left_out)
    assert acme.post("/v1/campaigns", json=ORDER).json()["search"]["left_out"] == {"contacted": 1}
    assert recipients(api, "acme.2") == rest


def test_a_dry_run_tells_and_changes_nothing(acme, api):
    before = wallet(api.store)
    answer = acme.post("/v1/campaigns?dry_run=true", json=ORDER)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["credits_needed"]) == (200, CAP, CAP)
    assert answer.json()["messages"][0]["subject"].startswith("Hi Ana")
    assert acme.get("/v1/campaigns").json()["items"] == []
    assert wallet(api.store) == before


def test_the_same_request_twice_is_one_campaign(acme):
    first = acme.post("/v1/campaigns", json=ORDER, headers=KEY)
    again = acme.post("/v1/campaigns", json=ORDER, headers=KEY)
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    problem(acme.post("/v1/campaigns", json=ORDER | {"search": "nurse"}, headers=KEY), 422, "key_reused")
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1


def test_a_repeat_finds_its_campaign_again_where_the_record_of_it_was_lost(acme, api, monkeypatch):
    # The server dies between the campaign and its record: whoever is found by then has an open InMail.
    monkeypatch.setattr(idempotency, "finish", lambda *_, **__: True)
    first = acme.post("/v1/campaigns", json=ORDER, headers=KEY).json()
    monkeypatch.undo()
    send_all(api.store, "acme.1")
    api.store.at_ms += idempotency.LEASE_MS

    again = acme.post("/v1/campaigns", json=ORDER, headers=KEY)

    assert again.status_code == 201, again.text
    assert (again.json()["campaign"], again.json()["accepted"]) == (first["campaign"], CAP)
    assert again.headers["Location"] == "/v1/campaigns/acme.1"
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1
    assert wallet(api.store)["held"] == CAP


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"search": "title:astronaut"}, 422, "nobody"),
        ({"search": "title:("}, 422, "bad_query"),
        ({"search": "x" * 1001}, 422, "bad_query"),
        ({"recipients": [{"email": "a@example.org"}]}, 422, "bad_request_fields"),
        ({"contacted_days": 731}, 422, "bad_request_fields"),
        ({"subject": "{{ nothing }}"}, 422, "bad_template"),
    ],
)
def test_what_cannot_become_a_campaign_is_refused_and_nothing_is_left(acme, changes, status, code):
    problem(acme.post("/v1/campaigns", json=ORDER | changes, headers=KEY), status, code)
    assert acme.get("/v1/campaigns").json()["items"] == []
    # The same key is free for the order that was meant.
    assert acme.post("/v1/campaigns", json=ORDER, headers=KEY).status_code == 201


def test_when_all_of_them_were_written_to_there_is_nobody_left(acme, api):
    acme.post("/v1/campaigns", json=ORDER)
    send_all(api.store, "acme.1")
    told = problem(acme.post("/v1/campaigns", json=ORDER), 422, "nobody")
    assert told["detail"] == "the search finds nobody to write to (5 open)"
