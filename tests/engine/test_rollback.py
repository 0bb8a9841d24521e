"""A Redis that comes back older than it was: noticed, and sending stops until an operator accepts it."""

import pytest

from engine import acceptance, campaigns, credits, mailbox, refunds
from engine.audit import audit
from engine.errors import NotFound
from engine.store import Store
from engine.witness import Witness
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, claim, letters, release, send, send_all, wallet

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
    store.client.delete(store.keys.mailbox(MAIL[2]), store.keys.mailbox(MAIL[3]))
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
        mailbox.reply(store, f"{went_back}.0", address=MAIL[0], accept=True)
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
