"""Every call: whose it is, what it may do, how often and how much, and what is said of what is wrong."""

import re
import socket

import pytest

from config.settings import Settings
from engine import api_keys
from engine.api_keys import SCOPES
from tests.conftest import DAY_MS
from tests.factories import an_account
from tests.web.conftest import opened, problem, searchable
from web import limits
from web.problem_kinds import KINDS

pytestmark = pytest.mark.redis

SLOW = Settings(api_rate=1, api_burst=2, api_body_bytes_max=1_000, api_upload_bytes_max=100_000)
TINY = {"name": "n", "subject": "s", "body": "b", "recipients": [{"email": "a@example.org"}]}


@pytest.fixture
def strict(stage, redis_url):
    yield from opened(stage, redis_url, SLOW)


def raw(api, text):
    """What the server says to bytes no client library would send."""
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(text)
        return line.recv(65_536).decode("latin-1")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Basic YTpi", "Bearer {id}." + "A" * 43, "bearer imk_x.y", "{key}"],
)
def test_without_a_key_in_force_every_answer_is_the_same_401(acme, api, authorization):
    key = acme.headers["Authorization"].removeprefix("Bearer ")
    sent = {} if authorization is None else {"Authorization": authorization.format(id=key.partition(".")[0], key=key)}
    answer = api.client().get("/v1/account", headers=sent)
    document = problem(answer, 401, "no_key")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="inmail"'
    del document["request_id"]
    assert document == {
        "type": "/problems/no_key",
        "title": KINDS["no_key"].title,
        "status": 401,
        "detail": KINDS["no_key"].title,
        "code": "no_key",
        "mend": KINDS["no_key"].mend,
    }


def test_a_revoked_and_an_expired_key_are_refused_at_once(acme, api):
    key_id = acme.headers["Authorization"].removeprefix("Bearer ").partition(".")[0]
    short = api.caller("acme", lifetime_ms=DAY_MS)
    assert short.get("/v1/account").status_code == acme.get("/v1/account").status_code == 200
    api_keys.revoke(api.store, key_id)
    problem(acme.get("/v1/account"), 401, "no_key")
    api.store.at_ms += DAY_MS
    problem(short.get("/v1/account"), 401, "no_key")


def test_the_scheme_is_read_whatever_its_case(acme, api):
    key = acme.headers["Authorization"].removeprefix("Bearer ")
    assert api.client({"Authorization": f"bearer {key}"}).get("/v1/credits").status_code == 200


def routes(api):
    """Every (method, path, scope) under /v1, from the app's own description of itself."""
    for path, operations in api.app.openapi()["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1/"):
                yield method.upper(), re.sub(r"\{\w+\}", "x", path), operation["x-scope"]


def test_every_route_needs_a_key_and_its_own_scope_and_no_other(acme, api):
    found = list(routes(api))
    assert len(found) >= 24
    assert {scope for _, _, scope in found} == set(SCOPES)
    searchable(acme)
    nobody = api.client()
    others = {scope: api.caller("acme", scopes=[one for one in SCOPES if one != scope]) for scope in SCOPES}
    for method, path, scope in found:
        problem(nobody.request(method, path), 401, "no_key")
        document = problem(others[scope].request(method, path), 403, "no_scope")
        assert document["scope"] == scope
        allowed = api.caller("acme", scopes=[scope]) if method == "GET" and "events" not in path else None
        if allowed is not None:
            assert allowed.request(method, path).status_code in (200, 404, 422)


def test_a_key_that_asks_too_often_is_told_when_it_may_again(strict):
    an_account(strict.store, "acme")
    caller, other = strict.caller("acme"), strict.caller("acme")
    first = caller.get("/v1/credits")
    assert first.headers["RateLimit-Policy"] == '"key";q=2;w=2'
    assert first.headers["RateLimit"].startswith('"key";r=1;t=')
    caller.get("/v1/credits")
    answer = caller.get("/v1/credits")
    document = problem(answer, 429, "too_often")
    assert answer.headers["Retry-After"] == "1"
    assert document["resets_at_ms"] == strict.store.at_ms + document["retry_after_ms"]
    assert other.get("/v1/credits").status_code == 200, "each key has a pace of its own"
    strict.store.at_ms += document["retry_after_ms"]
    assert caller.get("/v1/credits").status_code == 200


def test_a_body_over_the_limit_is_refused_by_its_length_before_it_is_read(strict):
    an_account(strict.store, "acme")
    caller = strict.caller("acme")
    document = problem(caller.post("/v1/suppressions", content=b"x" * 1_001), 413, "too_large")
    assert document["limit"] == 1_000
    key = caller.headers["Authorization"]
    said = raw(
        strict,
        b"POST /v1/suppressions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n"
        b"Authorization: %s\r\n\r\n" % key.encode(),
    )
    assert said.startswith("HTTP/1.1 413")


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson", "multipart/form-data; boundary=b"])
def test_a_body_without_a_length_is_counted_as_it_arrives(stage, redis_url, kind):
    for api in opened(stage, redis_url, SLOW.model_copy(update={"api_burst": 100})):
        an_account(api.store, "acme", credits_=5)
        limit = 1_000 if kind == "application/json" else 100_000
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="l.csv"\r\n\r\nemail\n'
        head = form if kind.startswith("multipart") else b'{"subject": "s", "body": "b"}\nemail\n'
        rows = [b"x" * 100 + b"\n"] * (limit // 100 + 2)

        caller = api.caller("acme")
        answer = caller.post("/v1/campaigns", content=iter([head, *rows]), headers={"Content-Type": kind})
        assert problem(answer, 413, "too_large")["limit"] == limit


@pytest.mark.parametrize("second", ["multipart/form-data; boundary=b", "application/x-ndjson"])
def test_a_second_content_type_lifts_no_limit(strict, second):
    an_account(strict.store, "acme")
    types = [("Content-Type", "application/json"), ("Content-Type", second)]
    caller = strict.caller("acme")
    assert (
        problem(caller.post("/v1/campaigns", content=b" " * 1_001, headers=types), 413, "too_large")["limit"] == 1_000
    )
    counted = caller.post("/v1/campaigns", content=iter([b" " * 600] * 2), headers=types)
    assert problem(counted, 413, "too_large")["limit"] == 1_000


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "application/x-ndjson"])
def test_the_limit_of_a_list_is_that_of_the_route_that_takes_one(strict, kind):
    an_account(strict.store, "acme")
    answer = strict.caller("acme").post("/v1/suppressions", content=b"x" * 1_001, headers={"Content-Type": kind})
    assert problem(answer, 413, "too_large")["limit"] == 1_000


def test_a_body_that_stalls_is_given_up(acme, api, monkeypatch):
    monkeypatch.setattr(limits, "STALL_S", 0.1)
    key = acme.headers["Authorization"].encode()
    head = b"POST /v1/suppressions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n"
    said = raw(api, head + b"Authorization: %s\r\n\r\n" % key + b'{"address": ')
    assert said.startswith("HTTP/1.1 408")


def test_a_body_of_another_type_is_refused_naming_those_taken(acme):
    answer = acme.post("/v1/suppressions", content=b"address=a@example.org", headers={"Content-Type": "text/plain"})
    assert problem(answer, 415, "wrong_type")["accepted"] == ["application/json"]
    answer = acme.post("/v1/campaigns", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert len(problem(answer, 415, "wrong_type")["accepted"]) == 3


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"address": "\xed\xa0\x80"}', b"nul\0"], ids=range(6)
)
def test_what_is_no_json_is_a_400_or_422_never_a_500(acme, body):
    for path in ("/v1/suppressions", "/v1/campaigns"):
        answer = acme.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_fields_and_wrong_ones_are_named_where_they_stand(acme):
    body = {"answer": "maybe", "txt": "hello", "reason": 3}
    document = problem(acme.post("/v1/inmails/acme.1.0/answer", json=body), 422, "bad_request_fields")
    places = {one["pointer"]: one["detail"] for one in document["errors"]}
    assert places["#/txt"] == "there is no such field"
    assert set(places) == {"#/answer", "#/txt", "#/reason"}
    document = problem(acme.post("/v1/campaigns", json=TINY | {"recipient": []}), 422, "bad_request_fields")
    assert document["errors"] == [{"pointer": "#/recipient", "detail": "there is no such field"}]


def test_a_route_that_takes_no_body_refuses_one_and_does_nothing(acme):
    campaign = acme.post("/v1/campaigns", json=TINY).json()["campaign"]
    path = f"/v1/campaigns/{campaign}/pause"
    document = problem(acme.post(path, json={"until": "2027-01-01"}), 422, "bad_request_fields")
    assert document["errors"] == [{"pointer": "#", "detail": "this route takes no body"}]
    assert acme.get(f"/v1/campaigns/{campaign}").json()["state"] == "running"
    assert acme.post(path, json={}).status_code == 200
    assert acme.post(path).status_code == 200


def test_unknown_and_wrong_parameters_are_named(acme):
    document = problem(acme.get("/v1/campaigns", params={"limt": 3}), 422, "bad_request_fields")
    assert document["errors"][0]["parameter"] == "limt"
    assert "cursor, limit" in document["errors"][0]["detail"]
    document = problem(acme.get("/v1/campaigns", params={"limit": 0}), 422, "bad_request_fields")
    assert document["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/inbox", "/v1/suppressions", "/v1/conversations?folder=late"])
@pytest.mark.parametrize("cursor", ["x", "%00", "!!!!", "eA", "LTE", "w6k", "A" * 600, "MTIzNDU2Nzg5MDEyMzQ1"])
def test_a_cursor_of_no_list_is_refused(acme, path, cursor):
    answer = acme.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert answer.json()["code"] in ("bad_cursor", "bad_request_fields")


def test_unknown_routes_and_methods_are_problems_too(api):
    nobody = api.client()
    problem(nobody.get("/v1/nothing"), 404, "no_route")
    answer = nobody.delete("/v1/account")
    problem(answer, 405, "wrong_method")
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/campaigns", "GET, POST"),
        ("/v1/campaigns/acme.1/pause", "POST"),
        ("/v1/suppressions", "GET, POST"),
        ("/openapi.json", "GET"),
        ("/r/x", "GET, HEAD, POST"),
        ("/r/x/undo", "POST"),
        ("/r/x/choices", "GET, HEAD, POST"),
    ],
)
def test_a_wrong_method_is_told_all_that_the_path_takes(api, path, allowed):
    answer = api.client().put(path)
    problem(answer, 405, "wrong_method")
    assert answer.headers["Allow"] == allowed


def test_what_each_code_means_is_served_where_its_type_points(api):
    nobody = api.client()
    for code, kind in KINDS.items():
        assert nobody.get(f"/problems/{code}").json() == {
            "code": code,
            "status": kind.status,
            "title": kind.title,
            "mend": kind.mend,
        }
    problem(nobody.get("/problems/nothing"), 404, "no_problem")


@pytest.mark.parametrize(
    "lines",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET /v1/account HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        b"GET /v1/campaigns/%ff%00%0d%0a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /problems/%f0%28%8c%28 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_garbage_on_the_line_is_no_500(api, lines):
    assert re.match(r"HTTP/1\.1 4\d\d", raw(api, lines))


def test_an_empty_body_is_told_as_that_and_a_field_there_is_none_of_comes_first(acme):
    answer = acme.post("/v1/campaigns", content=b"", headers={"Content-Type": "application/json"})
    assert problem(answer, 400, "bad_body")["detail"] == "the body is empty: send a JSON document"
    document = problem(acme.post("/v1/campaigns", json={"x": 1}), 422, "bad_request_fields")
    assert document["detail"].startswith("#/x: there is no such field; ")
    assert {one["pointer"] for one in document["errors"]} >= {"#/x", "#/subject", "#/body", "#/recipients"}
