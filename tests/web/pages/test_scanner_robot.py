"""Link scanners, previews and prefetchers open every link and press what they find: nothing may come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from engine.links import page_nonce, sign
from tests.web.pages.conftest import LIFETIME_MS, Site, dump

HANDS = 4
PREFETCH = {"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch"}
ROBOT = {"User-Agent": "LinkScanner/1.0 (+https://example.org/bot)"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ANSWERS = ("accept", "decline", "not_now")
BEYOND = ("", "/undo", "/message", "/choices", "/data", "/erase")
# Over real HTTP and on a real Redis alone: what differs between stores is tested elsewhere.
pytestmark = [pytest.mark.redis, pytest.mark.parametrize("store", ["real"], indirect=True), pytest.mark.timeout(300)]

Request = tuple[str, str, str, dict[str, str], str]
"""What it is, method, path, headers, body."""


@pytest.mark.parametrize("rounds", [50, pytest.param(1000, marks=pytest.mark.proof)])
def test_a_robot_that_opens_and_submits_everything_time_and_again_changes_nothing(
    site: Site, sent: str, rounds: int
) -> None:
    path = urlsplit(site.link(sent)).path
    before = dump(site.store)

    with ThreadPoolExecutor(HANDS) as hands:
        told = hands.map(lambda hand: visit(site, path, range(hand, rounds, HANDS)), range(HANDS))
        answered: Counter[tuple[str, int]] = sum(told, Counter())

    assert dump(site.store) == before
    for kind in ("opened", "headed", "prefetched"):
        assert answered[kind, 200] == rounds
    for kind in ("empty form", "nonce without answer", "answer without nonce"):
        assert answered[kind, 422] == rounds
    assert {status for _, status in answered} <= {200, 404, 405, 422}


def test_a_robot_that_tries_every_form_of_every_page_changes_nothing(site: Site, sent: str) -> None:
    path, now_ms = urlsplit(site.link(sent)).path, site.store.now_ms()
    nonce = page_nonce(site.keys, path[3:], now_ms)
    # A link to a conversation that is none yet opens nothing.
    early = f"/r/{sign(site.keys, 'conversation', sent, now_ms + LIFETIME_MS)}"
    before, statuses = dump(site.store), set()

    connection = HTTPConnection(urlsplit(site.url).netloc)
    for start in (path, early):
        for beyond in BEYOND:
            for fields in (
                {},
                {
                    "nonce": nonce[:-1],
                    "answer": "accept",
                    "text": "x",
                    "action": "stop-all",
                    "address": "p0@example.org",
                },
                {"answer": "accept", "action": "stop-sender", "address": "p0@example.org", "text": "x"},
                {"nonce": nonce, "action": "", "answer": "", "address": "", "text": "x"},
            ):
                if (
                    beyond != "/undo" or "nonce" not in fields
                ):  # taking back what was not said is no change, but leads on
                    statuses.add(status(connection, "POST", start + beyond, FORM, urlencode(fields)))
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
                asked = f"{start}{beyond}?nonce={nonce}&answer=accept&action=stop-all"
                statuses.add(status(connection, method, asked, {}, ""))
    connection.close()
    assert statuses <= {200, 404, 405, 422}
    assert dump(site.store) == before


def visit(site: Site, path: str, rounds: range) -> Counter[tuple[str, int]]:
    """So many rounds over one connection; how often each request was answered with each status."""
    connection = HTTPConnection(urlsplit(site.url).netloc)
    told: Counter[tuple[str, int]] = Counter()
    for n in rounds:
        for kind, method, asked, headers, body in requests(site, path, n):
            told[kind, status(connection, method, asked, headers, body)] += 1
    connection.close()
    return told


def requests(site: Site, path: str, n: int) -> Iterator[Request]:
    """What a robot asks in one round."""
    nonce = page_nonce(site.keys, path[3:], site.store.now_ms())
    yield "opened", "GET", path, {}, ""
    yield "headed", "HEAD", path, {}, ""
    yield "prefetched", "GET", path, PREFETCH, ""
    yield "empty form", "POST", path, FORM, ""
    yield "nonce without answer", "POST", path, FORM, urlencode({"nonce": nonce, "text": "", "reason": "", "until": ""})
    yield "answer without nonce", "POST", path, FORM, urlencode({"answer": ANSWERS[n % 3], "until": "2027-03-02"})


def status(connection: HTTPConnection, method: str, path: str, headers: dict[str, str], body: str) -> int:
    """Ask, read it all, and say with which status it was answered."""
    connection.request(method, path, body=body or None, headers={**ROBOT, **headers})
    answer = connection.getresponse()
    answer.read()
    return answer.status
