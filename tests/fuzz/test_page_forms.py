"""Whatever is sent to a reply link's pages without their nonce: an answer that is documented, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

import fakeredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.answers import answer
from engine.link_keys import LinkKeys, open_link_keys
from engine.links import link_for
from engine.store import Store
from tests.conftest import NOON_MS
from tests.factories import a_campaign, an_account, send_all
from tests.fuzz.profiles import fuzzed
from tests.web.pages.conftest import LIFETIME_MS, SECRET, Visitor, a_visitor, dump
from web import page_desk

FORM = "application/x-www-form-urlencoded"
NAMES = ["nonce", "answer", "reason", "until", "text", "action", "account", "address", "x", ""]
WORDS = ["accept", "decline", "not_now", "pay", "2027-03-02", "stop-all", "erase", "acme", "p0@example.org", "", "%00"]
BEYOND = ["", "/undo", "/message", "/choices", "/data", "/erase"]
EXPECTED = {200, 303, 307, 404, 405, 422}

values = st.sampled_from(WORDS) | st.text(max_size=30).map(lambda text: quote(text, errors="surrogatepass"))
fields = st.lists(st.builds("{}={}".format, st.sampled_from(NAMES), values), max_size=8).map("&".join)
bodies = fields.map(str.encode) | st.binary(max_size=80)
kinds = st.sampled_from([FORM, f"{FORM}; charset=utf-16", "", "multipart/form-data; boundary=x", "text/plain"])


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> Iterator[None]:
    """Refusals are not held back meanwhile."""
    was, page_desk.REFUSAL_S = page_desk.REFUSAL_S, 0.0
    yield
    page_desk.REFUSAL_S = was


@cache
def place() -> tuple[Store, LinkKeys, Visitor, list[str]]:
    """A store with an InMail that is unanswered and one that is answered, and the paths of their links."""
    store = Store(fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0)), at_ms=NOON_MS)
    an_account(store, credits_=2)
    send_all(store, a_campaign(store, to=2))
    keys = open_link_keys(store, SECRET)
    answer(store, "acme.1.1", address="p1@example.org", kind="accept")
    paths = [link_for(store, keys, it, base_url="", lifetime_ms=LIFETIME_MS) for it in ("acme.1.0", "acme.1.1")]
    return store, keys, a_visitor(store, keys), paths


@fuzzed
@given(st.integers(0, 1), st.sampled_from(BEYOND), bodies, kinds)
@example(0, "", b"answer=accept", FORM)
@example(0, "/erase", b"address=p0@example.org", FORM)
@example(1, "/message", b"text=" + b"%F0%9F%98%80" * 2000, FORM)
def test_any_body_without_the_pages_nonce_changes_nothing(which: int, beyond: str, body: bytes, kind: str) -> None:
    store, _, visitor, paths = place()
    before = dump(store)
    found = visitor.ask("POST", paths[which] + beyond, content=body, headers={"content-type": kind})
    assert found.status in EXPECTED
    assert dump(store) == before


@fuzzed
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.sampled_from(["GET", "HEAD", "POST"]))
@example("erased/../x", "GET")
@example(".", "GET")
@example("1.zzzzzz.acme.1.0.", "POST")
def test_any_token_is_refused_in_the_same_bytes(token: str, method: str) -> None:
    store, _, visitor, _ = place()
    before = dump(store)
    if not token or token == "erased":
        return
    found = visitor.ask(method, f"/r/{quote(token, safe='')}")
    # What a path cannot carry as one part leads to no page at all.
    if "/" not in token and token not in (".", ".."):
        assert (found.status, found.html) == (404, refusal(visitor, method))
    assert found.status in EXPECTED
    assert dump(store) == before


def refusal(visitor: Visitor, method: str) -> str:
    return visitor.ask(method, "/r/x").html
