"""A Redis that comes back older than it was: noticed, and sending stops until an operator accepts it."""

import dataclasses

import pytest

from engine import acceptance, campaigns, credits, mailbox, refunds, sending
from engine.audit import audit
from engine.errors import NotFound
from engine.identity import digest
from engine.mailbox_entries import deliver
from engine.store import Store
from engine.witness import Witness
from tests.conftest import DAY_MS
from tests.factories import (
    a_campaign,
    addresses,
    an_account,
    claim,
    letters,
    lose_mailbox,
    put_in_mailboxes,
    release,
    reply,
    send,
    send_all,
    wallet,
)

MAIL = addresses(4)


@pytest.fixture
def went_back(store):
    """An account of four credits whose log went back by one settled pack after this process had seen it."""
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=2)
    send(store, campaign, 0)
    older = {key: store.client.dump(key) for key in store.client.scan_iter(match="*{acme}*")}
    send(store, campaign, 1)
    for key in store.client.scan_iter(match="*{acme}*"):
        store.client.delete(key)
    for key, dump in older.items():
        store.client.restore(key, 0, dump)
    for address in MAIL[2:]:
        lose_mailbox(store, address)
    return campaign


@pytest.mark.redis
@pytest.mark.parametrize("store", ["real"], indirect=True)
class TestALogThatWentBack:
    def test_stops_sending_and_says_so_until_it_is_accepted(self, store, went_back):
        held = claim(store, went_back, 1, "t2")
        assert held.positions == []
        found = campaigns.describe(store, went_back)
        assert (letters(store, went_back), found["state"], found["waiting_for"]) == ("SSQQ", "waiting", "audit")
        assert "the log ends at" in acceptance.stopped_for(store, "acme")
        report = audit(store, "acme")
        assert (report.drift, report.stopped) == ([], acceptance.stopped_for(store, "acme"))
        assert release(store, went_back).waiting_for == "audit"
        an_account(store, "other")
        assert list(acceptance.stopped_accounts(store, ["other", "acme"], step=1)) == [("acme", report.stopped)]

        assert acceptance.accept(store, "acme") == report.stopped
        assert acceptance.accept(store, "acme") is None
        send_all(store, went_back)
        assert letters(store, went_back) == "SSSS"
        assert [e.kind for e in credits.log(store, "acme") if e.kind in ("stop", "accept")] == ["stop", "accept"]

    def test_is_noticed_by_the_scheduler_as_well(self, store, went_back):
        found = release(store, went_back)
        assert (found.state, found.waiting_for, found.packs) == ("waiting", "audit", ())

    def test_is_not_noticed_by_a_process_that_has_seen_nothing(self, store, went_back):
        fresh = Store(store.client, at_ms=store.at_ms)
        assert claim(fresh, went_back, 1, "t2").positions == [0, 1]
        send(fresh, went_back, 1, "t2")

    def test_is_noticed_though_others_went_on_past_what_was_seen(self, store, went_back):
        fresh = Store(store.client, at_ms=store.at_ms + 1)
        for n in range(9):
            credits.grant(fresh, "acme", 1, reason=f"more {n}")
        claim(store, went_back, 1, "t2")
        assert "is not the one that was seen" in acceptance.stopped_for(store, "acme")

    def test_answers_and_refunds_go_on(self, store, went_back):
        release(store, went_back)
        reply(store, f"{went_back}.0", address=MAIL[0], accept=True)
        store.at_ms += 7 * DAY_MS
        refunds.refund(store, went_back, 0)
        assert letters(store, went_back) == "ARQQ"
        assert wallet(store)["available"] == 3

    def test_that_lost_the_acceptance_too_is_noticed(self, store, went_back):
        older = {key: store.client.dump(key) for key in store.client.scan_iter(match="*{acme}*")}
        release(store, went_back)
        acceptance.accept(store, "acme")
        release(store, went_back)
        for key, dump in older.items():
            store.client.restore(key, 0, dump, replace=True)
        release(store, went_back)
        assert "was seen" in acceptance.stopped_for(store, "acme")


def test_a_log_that_only_grew_is_no_reason_to_stop(store):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=1)
    other = Store(store.client, at_ms=store.at_ms)
    for pack in range(4):
        send(store if pack % 2 else other, campaign, pack)
    assert acceptance.stopped_for(store, "acme") is None
    assert letters(store, campaign) == "SSSS"


def test_accepting_an_account_that_is_not_there_is_refused(store):
    with pytest.raises(NotFound):
        acceptance.accept(store, "nobody")


def test_a_witness_keeps_the_furthest_mark_of_each_account():
    witness = Witness()
    assert witness.seen("a") == ""
    for mark in ("0 5 77", "0 4 66", "1 2 55", "0 9 44"):
        witness.note("a", mark)
    witness.note("b", "0 1 1")
    assert (witness.seen("a"), witness.seen("b")) == ("1 2 55", "0 1 1")


def test_an_inmail_of_before_whose_id_is_somebody_elses_by_now_is_neither_shown_nor_answered(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=["new@example.org"])
    send_all(store, campaign)
    for which, pack in ((campaign, 0), (campaign, 7), ("acme.99", 0)):
        deliver(store, which, pack, [digest("old@example.org")])

    assert mailbox.inbox(store, "old@example.org") == ([], None)
    for inmail in (f"{campaign}.0", f"{campaign}.3500", "acme.99.0"):
        with pytest.raises(NotFound):
            reply(store, inmail, address="old@example.org", accept=True)
    assert reply(store, f"{campaign}.0", address="new@example.org", accept=True) == "A"


def marked(store):
    return store.witness.seen("acme").split(" ")


@pytest.mark.parametrize("by", ["refund", "settle", "late settle", "claim", "release"])
def test_each_of_a_workers_calls_notices_that_the_log_went_back(store, by):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=1)
    send(store, campaign, 0)
    held = claim(store, campaign, 1, "t2")
    history, seq, _ = marked(store)
    store.witness.note("acme", f"{history} {int(seq) + 5} 1")
    put_in_mailboxes(store, held)
    late = dataclasses.replace(held, pack=0, token="gone")
    {
        "refund": lambda: refunds.refund(store, campaign, 0),
        "settle": lambda: sending.settle(store, held, [0]),
        "late settle": lambda: sending.settle(store, late, [0]),
        "claim": lambda: claim(store, campaign, 2, "t3"),
        "release": lambda: release(store, campaign),
    }[by]()
    assert f"log entry {int(seq) + 5} was seen" in acceptance.stopped_for(store, "acme")


@pytest.mark.parametrize("by", ["refund", "settle", "claim", "release"])
def test_each_of_a_workers_calls_remembers_how_far_the_log_has_come(store, by):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=1)
    send(store, campaign, 0)
    held = claim(store, campaign, 1, "t2")
    put_in_mailboxes(store, held)
    store.at_ms += 7 * DAY_MS
    store.witness = Witness()
    {
        "refund": lambda: refunds.refund(store, campaign, 0),
        "settle": lambda: sending.settle(store, held, [0]),
        "claim": lambda: claim(store, campaign, 2, "t3"),
        "release": lambda: release(store, campaign),
    }[by]()
    assert int(marked(store)[1]) == credits.last_seq(store, "acme")
    if by == "claim":
        put_in_mailboxes(store, claim(store, campaign, 2, "t3"))


def test_after_an_acceptance_a_second_rollback_is_noticed_and_a_lost_acceptance_is_no_false_alarm(store):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=1)
    release(store, campaign)
    for _ in range(2):
        history, seq, _ = marked(store)
        store.witness.note("acme", f"{history} {int(seq) + 50} 1")
        release(store, campaign)
        assert acceptance.stopped_for(store, "acme") is not None
        store.at_ms += 1000
        keys = store.keys.of_account("acme")
        assert store.run("accept", keys, "call:a") == store.run("accept", keys, "call:a")
        assert acceptance.stopped_for(store, "acme") is None
        store.client.hdel(keys[3], "accept:call:a")
        release(store, campaign)
        assert acceptance.stopped_for(store, "acme") is None
        assert int(marked(store)[0]) == store.at_ms
    store.client.hset(store.keys.account("acme"), "history", 5)  # the acceptance was lost with the rest
    release(store, campaign)
    assert acceptance.stopped_for(store, "acme") is not None
    store.at_ms += 1000
    acceptance.accept(store, "acme")
    release(store, campaign)
    assert acceptance.stopped_for(store, "acme") is None


def test_what_was_sent_after_the_point_the_log_went_back_to_is_no_drift(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    deliver(store, campaign, 0, [digest(MAIL[0])])
    release(store, campaign)
    store.witness.note("acme", "0 99 1")
    release(store, campaign)
    assert audit(store, "acme").drift == []
    assert acceptance.accept(store, "acme") is not None
    store.at_ms += 31_000  # what was released before it stopped
    send_all(store, campaign)
    assert letters(store, campaign) == "SS"
