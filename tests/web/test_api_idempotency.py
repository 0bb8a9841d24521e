"""What comes twice is done once: a lost reply, a repeat in the middle, a process that died after the effect."""

import threading

import pytest

from engine import idempotency, suppressions
from engine.answers import answer
from tests.conftest import NOON_MS
from tests.factories import a_campaign, an_account, send_all
from tests.web.conftest import problem
from web import routes_suppressions

pytestmark = pytest.mark.redis

ORDER = {"name": "n", "subject": "s", "body": "b", "recipients": [{"email": "a@example.org"}]}
KEY = {"Idempotency-Key": "k-1"}


def test_a_repeat_is_answered_the_same_and_marked(acme, api):
    first = acme.post("/v1/campaigns", json=ORDER, headers=KEY)
    again = acme.post("/v1/campaigns", json=ORDER, headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1


def test_without_a_key_each_is_a_request_of_its_own(acme):
    for _ in range(2):
        assert acme.post("/v1/campaigns", json=ORDER).status_code == 201
    assert len(acme.get("/v1/campaigns").json()["items"]) == 2


def test_a_key_that_comes_with_another_body_or_query_is_refused(acme):
    acme.post("/v1/campaigns", json=ORDER, headers=KEY)
    problem(acme.post("/v1/campaigns", json=ORDER | {"name": "m"}, headers=KEY), 422, "key_reused")
    problem(acme.post("/v1/campaigns?dry_run=true", json=ORDER, headers=KEY), 422, "key_reused")


def test_each_account_and_each_route_has_keys_of_its_own(acme, api):
    an_account(api.store, "globex", credits_=10)
    globex = api.caller("globex")
    for caller, campaign in ((acme, "acme.1"), (globex, "globex.1")):
        assert caller.post("/v1/campaigns", json=ORDER, headers=KEY).json()["campaign"] == campaign
        assert caller.post(f"/v1/campaigns/{campaign}/pause", headers=KEY).json()["state"] == "paused"
        assert caller.post(f"/v1/campaigns/{campaign}/resume", headers=KEY).json()["state"] == "running"


@pytest.mark.parametrize("key", ["x" * 256, "a b", "\u00fc".encode().decode("latin-1"), "tab\there"])
def test_a_key_that_cannot_be_used_is_refused_before_anything_is_done(acme, key):
    answer = acme.post("/v1/campaigns", json=ORDER, headers={"Idempotency-Key": key.encode("latin-1")})
    problem(answer, 422, "bad_key")
    assert acme.get("/v1/campaigns").json()["items"] == []


def test_one_that_is_being_carried_out_has_the_repeat_wait(acme, api, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    real = suppressions.suppress

    def slow(*args):
        begun.set()
        assert go_on.wait(20)
        return real(*args)

    monkeypatch.setattr(routes_suppressions.suppressions, "suppress", slow)
    told = []
    body = {"address": "a@example.org"}
    first = threading.Thread(target=lambda: told.append(acme.post("/v1/suppressions", json=body, headers=KEY)))
    first.start()
    assert begun.wait(20)
    other = api.client(dict(acme.headers))
    waits = other.post("/v1/suppressions", json=body, headers=KEY)
    problem(waits, 409, "in_progress")
    assert 1 <= int(waits.headers["Retry-After"]) <= 2
    problem(other.post("/v1/suppressions", json={"address": "b@example.org"}, headers=KEY), 422, "key_reused")
    go_on.set()
    first.join(20)
    assert told[0].status_code == 201
    replayed = other.post("/v1/suppressions", json=body, headers=KEY)
    assert (replayed.content, replayed.headers["Idempotent-Replayed"]) == (told[0].content, "true")


def test_a_refusal_has_done_nothing_and_the_same_request_is_looked_at_anew(acme, api):
    campaign = a_campaign(api.store, to=["a@example.org"])
    send_all(api.store, campaign)
    said = {"text": "Hello?"}
    problem(acme.post("/v1/inmails/acme.1.0/messages", json=said, headers=KEY), 409, "not_answered")
    answer(api.store, "acme.1.0", address="a@example.org", kind="accept")
    assert acme.post("/v1/inmails/acme.1.0/messages", json=said, headers=KEY).status_code == 201


def died_before_the_record(monkeypatch):
    """From now on a process dies between the effect of a request and the record of its answer."""
    monkeypatch.setattr(idempotency, "finish", lambda *_, **__: True)


EFFECTS = {
    "campaigns": ("/v1/campaigns", ORDER),
    "messages": ("/v1/inmails/acme.1.0/messages", {"text": "Hello?"}),
    "answer": ("/v1/inmails/globex.1.0/answer", {"answer": "decline", "reason": "pay", "text": "no"}),
    "pause": ("/v1/campaigns/acme.1/pause", None),
    "seen": ("/v1/inmails/acme.1.0/seen", None),
    "suppressions": ("/v1/suppressions", {"address": "b@example.org"}),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_process_that_dies_after_the_effect_leaves_it_once(acme, api, monkeypatch, name):
    path, body = EFFECTS[name]
    an_account(api.store, "globex", credits_=10)
    for account, to in (("acme", ["a@example.org", "c@example.org"]), ("globex", ["acme@example.org"])):
        send_all(api.store, a_campaign(api.store, account, to=to))
    answer(api.store, "acme.1.0", address="a@example.org", kind="accept")
    if name == "pause":
        acme.post("/v1/campaigns", json=ORDER | {"recipients": [{"email": "x@example.org"}]})
        path = "/v1/campaigns/acme.2/pause"
    died_before_the_record(monkeypatch)
    first = acme.post(path, json=body, headers=KEY)
    assert first.is_success, first.text
    problem(acme.post(path, json=body, headers=KEY), 409, "in_progress")
    before = {key: api.store.client.dump(key) for key in api.store.client.scan_iter("inmail:{acme}*")}
    monkeypatch.undo()
    api.store.at_ms += idempotency.LEASE_MS
    again = acme.post(path, json=body, headers=KEY)
    assert again.is_success, again.text
    assert "Idempotent-Replayed" not in again.headers
    assert {"campaign": None, "inmail": None} | first.json() == {
        "campaign": None,
        "inmail": None,
    } | again.json() or name in ("suppressions",)
    changed = {
        key.decode().rpartition(":")[2]
        for key in api.store.client.scan_iter("inmail:{acme}*")
        if before.get(key) != api.store.client.dump(key)
    }
    assert changed <= {"ops", "calls", "drafts"}, changed


def test_a_pause_carried_out_again_does_not_undo_what_was_asked_since(acme, api, monkeypatch):
    acme.post("/v1/campaigns", json=ORDER)
    died_before_the_record(monkeypatch)
    acme.post("/v1/campaigns/acme.1/pause", headers=KEY)
    monkeypatch.undo()
    acme.post("/v1/campaigns/acme.1/resume")
    api.store.at_ms += idempotency.LEASE_MS
    assert acme.post("/v1/campaigns/acme.1/pause", headers=KEY).json()["state"] == "paused"
    assert acme.get("/v1/campaigns/acme.1").json()["state"] == "running", "the one answer of that one request"


def test_a_crash_in_the_middle_of_a_repeat_and_many_at_once_make_one_campaign(acme, api):
    callers = [api.client(dict(acme.headers)) for _ in range(8)]
    told = []

    def ask(caller):
        while (answer := caller.post("/v1/campaigns", json=ORDER, headers=KEY)).status_code == 409:
            pass
        told.append(answer.json()["campaign"])

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert told == ["acme.1"] * 8
    assert api.store.at_ms == NOON_MS
    assert len(acme.get("/v1/campaigns").json()["items"]) == 1


def test_every_post_of_the_api_takes_an_idempotency_key(api):
    for path, operations in api.app.openapi()["paths"].items():
        if "post" in operations and path.startswith("/v1/"):
            names = [parameter["name"] for parameter in operations["post"]["parameters"]]
            assert names.count("Idempotency-Key") == 1, path
    from web import routes_campaigns, routes_mailbox, routes_submit

    for module in (routes_campaigns, routes_mailbox, routes_submit, routes_suppressions):
        for route in module.router.routes:
            if "POST" in route.methods:
                assert getattr(route.endpoint, "__once__", False), route.path
