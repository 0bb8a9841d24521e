"""Nobody sees another's: every endpoint with another account's ids answers as for ids that do not exist."""

import re

import pytest

from engine.answers import answer
from tests.factories import a_campaign, a_plan, an_account, send_all
from tests.waiting import wait_until
from web.cursors import sealed

pytestmark = pytest.mark.redis

BODIES = {
    "/v1/inmails/{inmail}/answer": [
        {"answer": "accept"},
        {"answer": "decline", "reason": "pay"},
        {"answer": "not_now", "until": "2027-03-01"},
    ],
    "/v1/inmails/{inmail}/messages": [{"text": "Hello?"}],
    "/v1/suppressions": [{"address": "{address}"}],
    "/v1/seats/{seat}": [{"cap_credits": None}],
}
QUERIES = {"/v1/conversations": {"folder": "awaiting"}}
VOLATILE = {"date", "ratelimit", "ratelimit-policy", "content-length"}


@pytest.fixture
def ids(acme, api):
    """By parameter: ids of globex's, and ids that do not exist which look alike."""
    an_account(api.store, "globex", credits_=100, plan=a_plan(slug="paying", fee_monthly=100))
    an_account(api.store, "third", credits_=100)
    globex = api.caller("globex")
    send_all(api.store, a_campaign(api.store, "globex", to=["one@example.org", "third@example.org"]))
    send_all(api.store, a_campaign(api.store, "third", to=["globex@example.org"]))
    answer(api.store, "globex.1.0", address="one@example.org", kind="accept", text="secret words")
    globex.post("/v1/inmails/globex.1.0/messages", json={"text": "more secret words"})
    globex.post("/v1/suppressions", json={"address": "hidden@example.org"})
    for seat in ("hidden-seat", "lead"):
        globex.post("/v1/seats", json={"seat": seat, "name": "secret", "email": "a@example.org"})
    for name in ("nurses", "hidden search"):
        assert globex.post("/v1/searches", json={"name": name, "query": "secret"}).status_code == 201
    taken = globex.post(
        "/v1/campaigns", data={"subject": "s", "body": "b"}, files={"file": ("l.csv", b"email\na@example.org\n")}
    )
    upload = taken.headers["Location"].rpartition("/")[2]
    wait_until(lambda: globex.get(taken.headers["Location"]).json()["state"] == "submitted")
    return {
        "campaign": (["globex.1", "globex.2"], ["globex.77", "nobody.1", "acme.77", "nonsense"]),
        "inmail": (
            ["globex.1.0", "globex.1.1", "third.1.0", "globex.2.0"],
            ["globex.77.0", "globex.1.77", "nobody.1.0", "acme.77.0", "nonsense"],
        ),
        "seat": (["hidden-seat", "lead"], ["nobody", "nonsense!"]),
        "name": (["nurses", "hidden search"], ["bakers", "no such search"]),
        "upload": ([upload], ["up_" + "0" * 32, "nonsense"]),
        "number": (["globex-0001"], ["globex-0077", "nobody-0001", "acme-0001", "nonsense"]),
        "address": (["hidden@example.org", "one@example.org"], ["nowhere@example.org"]),
        "code": (["no_key"], ["no_key"]),
        "cursor": (
            [sealed("globex.1.0"), sealed("third.1.0")],
            [sealed("globex.77.0"), sealed("nobody.1.0")],
        ),
    }


def operations(api):
    for path, found in api.app.openapi()["paths"].items():
        for method, operation in found.items():
            yield method.upper(), path, operation


def asked(caller, method, path, params, body, named):
    """What is answered, with what names the id made one, and without what differs from call to call."""
    filled = path.format(**named)
    text = (
        None
        if body is None
        else {k: v if v is None else str(v).replace("{address}", named.get("address", "")) for k, v in body.items()}
    )
    with caller.stream(method, filled, params=params, json=text) as got:
        stream = got.headers.get("content-type", "").startswith("text/event-stream")
        said = "" if stream else got.read().decode()
        headers = {name: value for name, value in got.headers.items() if name not in VOLATILE}
        status = got.status_code
    said = re.sub(r'"request_id":"[0-9a-f]{16}"', '"request_id":""', said)
    for one in named.values():
        said = said.replace(one, "ID")
        headers = {name: value.replace(one, "ID") for name, value in headers.items()}
    return status, said, headers


def whole(api):
    """All there is of globex and third, and every mailbox."""
    names = [*api.store.client.scan_iter("inmail:{globex}*"), *api.store.client.scan_iter("inmail:{third}*")]
    names += [*api.store.client.scan_iter("inmail:{mailboxes*"), *api.store.client.scan_iter("inmail:{upload*")]
    return {name: api.store.client.dump(name) for name in names}


def test_every_endpoint_answers_for_anothers_ids_as_for_ids_there_are_none_of(acme, api, ids):
    before, looked_at, covered = whole(api), 0, set()
    for method, path, operation in operations(api):
        names = re.findall(r"\{(\w+)\}", path)
        assert len(names) <= 1, "a route with two ids needs a matrix of two"
        assert set(names) <= set(ids), f"{path}: say here which ids are another's"
        for body in BODIES.get(path, [None]) if method != "DELETE" else [None]:
            if not names:
                continue
            theirs, none = ids[names[0]]
            answers = [asked(acme, method, path, QUERIES.get(path), body, {names[0]: one}) for one in [*theirs, *none]]
            assert all(one == answers[0] for one in answers), (method, path, answers)
            # To forget a saved search that is not there is no refusal.
            forgotten = (method, names[0], answers[0][0]) == ("DELETE", "name", 204)
            assert names[0] in ("address", "code") or forgotten or answers[0][0] == 404, (method, path, answers[0])
            assert "secret" not in answers[0][1]
            looked_at += len(answers)
            covered.add((method, path))
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] in ("campaign", "cursor") and not names:
                theirs, none = ids[parameter["name"]]
                base = QUERIES.get(path, {})
                answers = [
                    asked(acme, method, path, base | {parameter["name"]: one}, None, {"x": one})
                    for one in [*theirs, *none]
                ]
                assert all(one == answers[0] for one in answers), (method, path, answers)
                assert "secret" not in answers[0][1]
                looked_at += len(answers)
    assert whole(api) == before, "nothing of another account's was changed"
    assert len(covered) >= 14
    assert looked_at > 80


def test_a_campaign_of_ones_own_does_not_open_anothers_by_its_cursor_or_body(acme, api, ids):
    for field in ("account", "campaign", "inmail", "as"):
        answer = acme.post("/v1/suppressions", json={"address": "a@example.org", field: "globex"})
        assert answer.status_code == 422, field
    ones_own = ("/v1/account", "/v1/credits", "/v1/credits/outlook", "/v1/credits/log", "/v1/campaigns", "/v1/inbox")
    for path in (*ones_own, "/v1/searches"):
        assert acme.get(path, params={"account": "globex"}).status_code == 422
        assert "globex" not in acme.get(path).text


def test_an_account_is_its_own_sender_and_its_own_recipient_only(acme, api, ids):
    send_all(api.store, a_campaign(api.store, "acme", to=["third@example.org"]))
    third, globex = api.caller("third"), api.caller("globex")
    assert acme.get("/v1/inmails/acme.1.0").json()["recipient"]["email"] == "third@example.org"
    assert "recipient" not in third.get("/v1/inmails/acme.1.0").json()
    assert globex.get("/v1/inmails/acme.1.0").status_code == 404
    # Its sender cannot answer for its recipient, and its recipient cannot see it for its sender.
    assert acme.post("/v1/inmails/acme.1.0/answer", json={"answer": "accept"}).status_code == 404
    assert third.post("/v1/inmails/acme.1.0/seen").status_code == 404
