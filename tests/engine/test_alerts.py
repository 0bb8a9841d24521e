"""Alerts: what the balance was when the month's credits came, and the steps of it that a claim tells of, once each."""

import pytest
from dramatiq.brokers.stub import StubBroker
from structlog.testing import capture_logs

from engine import credits, refunds, subscriptions
from engine.offer import Offer
from tests.conftest import DAY_MS
from tests.factories import (
    LEASE_MS,
    a_campaign,
    a_plan,
    addresses,
    an_account,
    claim,
    put_in_mailboxes,
    release,
    reply,
    send,
    send_all,
    wallet,
)
from workers.actors import Actors

OFFER = Offer()


def monthly(store, n=100, **plan):
    """An account whose month began with so many credits."""
    return an_account(store, plan=a_plan(credits_a_month=n, **plan))


def use(store, n, start=0):
    """One claim of so many credits; the step it tells of."""
    campaign = a_campaign(store, to=addresses(n, start))
    (pack,) = release(store, campaign).packs
    held = claim(store, campaign, pack, token=f"from{start}")
    assert len(held.positions) == n
    return held.low


def told(store):
    """The steps the log tells of, in order, each with what was left."""
    return [(entry.n, entry.note) for entry in credits.log(store, "acme") if entry.kind == "low"]


@pytest.mark.parametrize(
    ("credits_", "used", "step"),
    [
        pytest.param(100, 1, "", id="much is left"),
        pytest.param(100, 80, "", id="exactly 20 % are left"),
        pytest.param(100, 81, "20", id="one under 20 %"),
        pytest.param(100, 95, "20", id="exactly 5 %"),
        pytest.param(100, 96, "5", id="one under 5 %: 20 % is not told as well"),
        pytest.param(100, 99, "5", id="the last one"),
        pytest.param(100, 100, "0", id="nothing: neither 20 % nor 5 % is told"),
        pytest.param(15, 12, "", id="3 of 15 are 20 %"),
        pytest.param(15, 13, "20", id="2 of 15"),
        pytest.param(15, 14, "20", id="1 of 15 is over 5 %"),
        pytest.param(15, 15, "0", id="none of 15"),
        pytest.param(1, 1, "0", id="the only one"),
        pytest.param(19, 18, "20", id="1 of 19 is over 5 %"),
        pytest.param(21, 20, "5", id="1 of 21 is under 5 %"),
    ],
)
def test_a_claim_tells_the_lowest_step_the_balance_fell_under(store, credits_, used, step):
    monthly(store, credits_)

    assert use(store, used) == step
    note = f"{credits_ - used} of {credits_} credits left"
    assert told(store) == ([(int(step), note)] if step else [])


def test_each_step_is_told_once_a_month(store):
    monthly(store)

    steps = [use(store, n, start) for start, n in ((0, 81), (81, 5), (86, 10), (96, 1), (97, 2), (99, 1))]

    assert steps == ["20", "", "5", "", "", "0"]
    assert [step for step, _ in told(store)] == [20, 5, 0]


def test_a_step_is_not_told_again_when_credits_came_home_and_went_again(store):
    monthly(store, 10)
    campaign = a_campaign(store, to=10)
    send_all(store, campaign)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    assert wallet(store)["available"] == 10

    assert [use(store, 9, 10), use(store, 1, 19)] == ["", ""]
    assert told(store) == [(0, "0 of 10 credits left")]


def test_a_months_grant_begins_anew_from_the_balance_it_makes(store):
    monthly(store)
    assert use(store, 96) == "5"
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, OFFER, "acme")
    assert wallet(store)["available"] == 104

    assert [use(store, 83, 96), use(store, 1, 179)] == ["", "20"]  # 21, then 20 of 104
    assert told(store)[-1] == (20, "20 of 104 credits left")


def test_a_months_grant_that_the_cap_cuts_begins_anew_as_well(store):
    monthly(store, 10, balance_cap_months=1)
    credits.grant(store, "acme", 90, reason="gift")
    assert use(store, 81) == "20"
    credits.grant(store, "acme", 1, reason="gift")
    assert use(store, 17, 81) == "20"
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, OFFER, "acme")
    assert wallet(store)["available"] == 10
    assert use(store, 9, 98) == "20"


def test_a_grant_by_hand_begins_anew_and_the_same_again_does_not(store):
    monthly(store, 10)
    assert use(store, 9) == "20"
    credits.grant(store, "acme", 9, reason="gift", key="k")
    assert use(store, 9, 9) == "20"
    credits.grant(store, "acme", 9, reason="gift", key="k")
    assert use(store, 1, 18) == "0"
    assert [step for step, _ in told(store)] == [20, 20, 0]


def test_an_account_that_never_had_a_months_credits_is_told_of_nothing(store):
    an_account(store, credits_=10)
    assert [use(store, 9), use(store, 1, 9)] == ["", ""]
    assert told(store) == []


def test_a_repeated_claim_tells_nothing_new_and_changes_nothing(store):
    monthly(store, 10)
    campaign = a_campaign(store, to=9)
    release(store, campaign)
    assert claim(store, campaign).low == "20"
    entries = list(credits.log(store, "acme"))

    again = claim(store, campaign)
    assert (again.low, again.positions) == ("", list(range(9)))
    assert list(credits.log(store, "acme")) == entries
    assert store.client.hget(store.keys.account("acme"), "alerted") == b"20"


def test_a_claim_that_debits_nothing_tells_nothing(store):
    monthly(store, 10, simultaneous_contacts=1)
    campaign = a_campaign(store, to=3)
    (pack,) = release(store, campaign).packs
    send(store, campaign, pack)
    credits_before = wallet(store)
    assert claim(store, campaign, pack, token="t2").low == ""
    assert wallet(store) == credits_before


def test_an_answer_under_the_other_rule_brings_no_second_alert(store):
    monthly(store, 10, refund_when="answered")
    campaign = a_campaign(store, to=9, refund_when="answered")
    release(store, campaign)
    held = claim(store, campaign)
    assert held.low == "20"
    put_in_mailboxes(store, held)
    for index in range(9):
        reply(store, f"{campaign}.{index}", address=f"p{index}@example.org", accept=True)
    assert wallet(store)["available"] == 10
    assert use(store, 9, 9) == ""


def test_a_worker_logs_each_step_with_the_account_and_nothing_of_anybody_else(store):
    monthly(store, 20)
    actors = Actors(StubBroker(), store, lease_ms=LEASE_MS)
    said = []
    for n, start in ((10, 0), (7, 10), (3, 17)):
        campaign = a_campaign(store, to=addresses(n, start))
        release(store, campaign)
        with capture_logs() as logs:
            actors.send_packs.fn([(campaign, 0)])
            actors.send_packs.fn([(campaign, 0)])  # delivered twice, told once
        said.append([entry for entry in logs if entry["event"].startswith("credits.")])

    assert said == [
        [],
        [{"event": "credits.low", "account": "acme", "step_percent": 20, "log_level": "warning"}],
        [{"event": "credits.depleted", "account": "acme", "step_percent": 0, "log_level": "warning"}],
    ]
