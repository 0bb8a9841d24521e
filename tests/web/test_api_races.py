"""Answers over HTTP against refunds, in lock step: whoever comes first wins, once, and the caller is told which."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import refunds
from engine.audit import audit
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, letters, send_all, wallet

pytestmark = [pytest.mark.redis, pytest.mark.timeout(900)]

WORDS = {"A": "answered", "D": "declined", "L": "late"}


@pytest.mark.parametrize("races", [200, pytest.param(10_000, marks=pytest.mark.proof)])
def test_an_answer_over_http_and_a_refund_meet_on_one_letter_and_one_wins(api, races):
    store = api.store
    an_account(store, "acme", credits_=races)
    an_account(store, "reader")
    campaign, people = a_campaign(store, to=races, pack_size=1), addresses(races)
    send_all(store, campaign, in_flight=races)
    store.at_ms += 7 * DAY_MS
    caller, step, told = api.caller("reader"), threading.Barrier(2, timeout=60), []

    def answers():
        for i in range(races):
            # An account answers as its address: the reader is one candidate after the other.
            store.client.hset(store.keys.account("reader"), "email", people[i])
            step.wait()
            asked = {"answer": "accept" if i % 3 else "decline"}
            told.append(caller.post(f"/v1/inmails/{campaign}.{i}/answer", json=asked).json()["state"])

    def closes():
        closed = []
        for i in range(races):
            step.wait()
            for _ in range(i % 23 * 2):  # an answer takes a request and more trips than a refund: it gets a start
                store.client.ping()
            closed.append(refunds.refund(store, campaign, i, others=0).closed)
        return closed

    with ThreadPoolExecutor(2) as pool:
        answering, closing = pool.submit(answers), pool.submit(closes)
        answering.result(800)
        closed = closing.result(60)
    final = letters(store, campaign)
    assert told == [WORDS[letter] for letter in final], "who answered was told the state that stands"
    assert closed == [int(letter == "L") for letter in final], "so was who refunded"
    tally = Counter(final)
    assert set(tally) == {"A", "D", "L"}, "both sides win some"
    spent = tally["A"] + tally["D"]
    assert wallet(store) == {"available": tally["L"], "held": 0, "spent": spent, "granted": races, "expired": 0}
    assert audit(store, "acme").drift == []
