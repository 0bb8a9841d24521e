"""The candidate's pages within the whole application, as it is served."""

import socket

import httpx
import pytest

from engine.link_keys import open_link_keys
from engine.links import link_for
from tests.factories import a_campaign, an_account, letters, send_all
from tests.web.conftest import problem
from web import limits
from web.page_shape import HEADERS
from web.serving import listening


def test_a_candidate_answers_over_the_served_application(api):
    an_account(api.store, credits_=1)
    send_all(api.store, a_campaign(api.store, to=1))
    keys = open_link_keys(api.store, None)
    url = link_for(api.store, keys, "acme.1.0", base_url=api.url, lifetime_ms=3_600_000)

    page = httpx.get(url)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    nonce = page.text.partition('name="nonce" value="')[2].partition('"')[0]
    done = httpx.post(url, data={"nonce": nonce, "answer": "accept"}, follow_redirects=True)
    assert "Your answer is with" in done.text
    assert letters(api.store, "acme.1") == "A"


def test_refusals_of_the_served_application_are_alike(api):
    found = [httpx.get(f"{api.url}/r/{token}") for token in ("x", "1.zzzz.acme.1.0.AAAAAAAAAAAAAAAAAAAAAA")]
    assert {each.status_code for each in found} == {404}
    assert len({each.content for each in found}) == 1
    assert len({repr(sorted((k, v) for k, v in each.headers.items() if k != "date")) for each in found}) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("beyond", ["", "/undo", "/choices", "/nothing/there"])
def test_what_the_pages_do_not_take_is_answered_with_the_headers_that_keep_a_link_secret(api, method, beyond):
    answer = httpx.request(method, f"{api.url}/r/x{beyond}")
    problem(answer, 404 if "there" in beyond else 405, "no_route" if "there" in beyond else "wrong_method")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "Referrer-Policy" not in httpx.put(f"{api.url}/v1/campaigns").headers


@pytest.mark.parametrize(("length", "status"), [(9_999_999, 413), (9, 408)])
def test_a_body_too_long_or_stalled_is_refused_with_those_headers_too(api, monkeypatch, length, status):
    monkeypatch.setattr(limits, "STALL_S", 0.1)
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(b"POST /r/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nnonce" % length)
        said = line.recv(65_536).decode("latin-1")
    assert said.startswith(f"HTTP/1.1 {status}")
    for name, value in HEADERS.items():
        assert f"{name}: {value}\r\n".lower() in said.lower()


def test_pages_are_not_in_the_api_document(api):
    assert not [path for path in api.client().get("/openapi.json").json()["paths"] if path.startswith("/r/")]


def test_the_inbox_carries_each_inmails_link(api):
    an_account(api.store, credits_=1)
    an_account(api.store, "globex")
    send_all(api.store, a_campaign(api.store, to=["globex@example.org"]))
    item = api.caller("globex").get("/v1/inbox").json()["items"][0]
    assert item["link"].startswith("http://127.0.0.1:8000/r/1.")
    assert httpx.get(f"{api.url}/r/{item['link'].rpartition('/')[2]}").status_code == 200


def test_what_the_server_accepts_is_answered_without_waiting_for_acknowledgements():
    with listening("127.0.0.1", 0) as line, socket.create_connection(line.getsockname()):
        accepted, _ = line.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
