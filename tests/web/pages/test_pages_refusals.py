"""Tokens that open nothing look alike from outside, and take alike."""

import statistics
import time

import pytest

from engine.answers import UNDO_MS
from engine.link_keys import open_link_keys
from engine.links import sign
from engine.store import Store, open_client
from tests.conftest import NOON_MS
from tests.factories import a_campaign, an_account, send_all
from tests.web.pages import conftest
from tests.web.pages.conftest import LIFETIME_MS, dump
from web import page_desk

FORM = {"nonce": "x", "answer": "accept"}
PATHS = [("GET", ""), ("HEAD", ""), ("POST", ""), ("POST", "/undo"), ("POST", "/message")]
PATHS += [("GET", "/choices"), ("HEAD", "/choices"), ("POST", "/choices"), ("POST", "/data"), ("POST", "/erase")]


@pytest.fixture
def bad(store, keys, visitor, sent, link):
    """A token of each kind that opens nothing."""
    good, later = link(sent)[3:], store.at_ms + LIFETIME_MS
    elsewhere = open_link_keys(store, "one:another-secret-of-more-than-32-characters")
    found = {
        "forged": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "of another purpose": sign(keys, "page", sent, later),
        "of an unknown key": "none" + good[3:],
        "another's": sign(elsewhere, "answer", sent, later),
        "expired": sign(keys, "answer", sent, store.at_ms - 3_600_000),
        "foreign": sign(keys, "answer", "acme.9.0", later),
        "of nobody": sign(keys, "answer", "acme.1.3", later),
        "of no account": sign(keys, "answer", "nobody.1.0", later),
        "for a conversation that is not": sign(keys, "conversation", "acme.1.1", later),
        "too long": good + "x" * 500,
        "no token": "x",
        "odd": "%00%ff",
    }
    visitor.send(f"/r/{good}", good, answer="accept")
    store.at_ms += UNDO_MS
    return found | {"used": good}


@pytest.mark.parametrize(("method", "beyond"), PATHS)
def test_forged_expired_foreign_and_used_tokens_are_answered_in_the_same_bytes(store, visitor, bad, method, beyond):
    before = dump(store)
    options = {"data": FORM} if method == "POST" else {}
    answers = {}
    for kind, token in bad.items():
        page = visitor.ask(method, f"/r/{token}{beyond}", **options)
        answers[kind] = (page.status, sorted(page.headers.items()), page.html)
    assert len({repr(answer) for answer in answers.values()}) == 1, answers
    assert answers["used"][0] == 404
    assert dump(store) == before


def test_bodies_of_any_kind_to_a_bad_token_are_answered_alike(visitor, bad):
    kinds = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", ""]
    answers = set()
    for token in (bad["forged"], bad["used"], bad["foreign"]):
        for kind in kinds:
            for body in (b"", b"x" * 100_000, b"nonce=1&nonce=2", b"\xff"):
                page = visitor.ask("POST", f"/r/{token}", content=body, headers={"content-type": kind})
                answers.add((page.status, repr(sorted(page.headers.items())), page.html))
    assert len(answers) == 1


@pytest.mark.redis
def test_a_refusal_takes_the_same_time_whatever_was_wrong(request, monkeypatch):
    client = open_client(request.getfixturevalue("redis_url"))
    client.flushdb()
    store = Store(client, at_ms=NOON_MS)
    keys = open_link_keys(store, conftest.SECRET)
    an_account(store, credits_=3)
    send_all(store, a_campaign(store))
    visitor = conftest.a_visitor(store, keys)
    monkeypatch.setattr(page_desk, "REFUSAL_S", 0.05)
    good = sign(keys, "answer", "acme.1.0", store.at_ms + LIFETIME_MS)
    visitor.send(f"/r/{good}", good, answer="accept")
    store.at_ms += UNDO_MS
    tokens = {"used": good, "forged": good[:-1] + "!", "foreign": sign(keys, "answer", "acme.9.0", 2**42)}
    took = {kind: [] for kind in tokens}
    for _ in range(9):
        for kind, token in tokens.items():
            began = time.perf_counter()
            assert visitor.ask("GET", f"/r/{token}").status == 404
            took[kind].append(time.perf_counter() - began)
    middle = {kind: statistics.median(each) for kind, each in took.items()}
    assert min(min(each) for each in took.values()) >= 0.05
    assert max(middle.values()) - min(middle.values()) < 0.02, middle
    client.close()
