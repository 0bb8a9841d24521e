"""Guards one would only miss on a bad day: each test goes red when its guard is taken out of the script."""

import pytest

from engine import agenda, campaigns, credits, refunds, sending, suppressions
from engine.errors import NotFound, Refused
from engine.identity import digest
from engine.mailbox_entries import Entry, entries
from engine.wake import wake
from tests.conftest import DAY_MS
from tests.factories import (
    LEASE_MS,
    a_campaign,
    a_plan,
    addresses,
    an_account,
    claim,
    letters,
    put_in_mailboxes,
    release,
    reply,
    send_all,
    wallet,
)

MAIL = addresses(4)


def log_length(store):
    return len(list(credits.log(store, "acme")))


def test_a_refunded_pack_is_due_no_more_and_a_later_part_at_its_own_time(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=2)
    send_all(store, campaign)
    store.at_ms += DAY_MS
    credits.grant(store, "acme", 1, reason="more")
    send_all(store, campaign)
    store.at_ms += 6 * DAY_MS
    refunds.refund(store, campaign, 0)
    assert refunds.earliest_due_ms(store, campaign) == store.at_ms + DAY_MS

    store.at_ms += DAY_MS
    assert list(refunds.overdue(store, campaign)) == [[0]]
    refunds.refund(store, campaign, 0)
    assert refunds.earliest_due_ms(store, campaign) is None


@pytest.mark.parametrize("letter", "QKOPF")
def test_an_inmail_that_was_never_delivered_cannot_be_answered(store, letter):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    before = wallet(store)
    store.client.setrange(store.keys.letters(campaign), 0, letter)

    reply = store.run("reply", store.keys.of_campaign(campaign), 0, digest(MAIL[0]), "A", "", "", "in_mailbox")
    assert (reply, letters(store, campaign), wallet(store)) == (["unknown"], letter, before)
    store.client.setrange(store.keys.letters(campaign), 0, "Q")


def test_an_open_inmail_is_answered_by_nobody_else(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    send_all(store, campaign)
    for inmail in (f"{campaign}.0", f"{campaign}.2", f"{campaign}.999"):
        with pytest.raises(NotFound):
            reply(store, inmail, address=MAIL[1], accept=True)

    assert letters(store, campaign) == "SS"


def test_an_inmail_not_delivered_yet_cannot_be_answered_by_guessing_its_id(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    held = claim(store, campaign)
    with pytest.raises(NotFound):
        reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    assert letters(store, campaign) == "C"

    put_in_mailboxes(store, held)
    assert reply(store, f"{campaign}.0", address=MAIL[0], accept=True) == "A"


def test_an_inmail_answered_before_it_was_settled_has_a_delivery_time(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    put_in_mailboxes(store, claim(store, campaign))
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)

    (recipient,) = campaigns.recipients(store, campaign)
    assert recipient.sent_at_ms == store.at_ms


def test_an_answer_stands_when_the_worker_then_reports_a_failed_delivery(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    held = claim(store, campaign)
    put_in_mailboxes(store, held)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    # The addresses of the failed are matched by position, also past one that no longer counts as failed.
    failures = [sending.Failure(0, "bounced"), sending.Failure(2, "bounced")]
    sending.settle(store, held, [1], failures)

    assert letters(store, campaign) == "ASF"
    assert wallet(store) == {"available": 1, "held": 1, "spent": 1, "granted": 3, "expired": 0}


def test_a_waiting_campaign_without_room_is_looked_at_without_a_trace(store):
    an_account(store)
    campaign = a_campaign(store, to=1)
    assert release(store, campaign).state == "waiting"
    before = log_length(store)

    assert release(store, campaign).state == "waiting"
    assert log_length(store) == before


@pytest.mark.drifts
def test_an_account_that_may_not_send_any_more_cannot_draft_or_submit(store):
    an_account(store, plan=a_plan(can_send=True))
    drafted = store.run("draft", store.keys.of_account("acme"), "call:x", "x")
    assert drafted == ["ok", "1"]
    store.client.hset(store.keys.staged("acme.1", "x"), "0", b"rows")
    store.client.hset(store.keys.account("acme"), "can_send", "0")

    fields = ("fingerprint", "f", "packs", 1)
    submitted = store.run("submit", store.keys.of_upload("acme.1", "x"), "acme.1", "x", 1, 0, *fields)
    assert submitted == ["cannot_send"]
    assert store.run("draft", store.keys.of_account("acme"), "call:y", "y") == ["cannot_send"]
    assert store.client.exists(store.keys.letters("acme.1")) == 0


def test_resuming_before_the_start_time_is_scheduled_again(store):
    an_account(store)
    campaign = a_campaign(store, to=1, start_at_ms=store.at_ms + DAY_MS)
    campaigns.steer(store, campaign, "pause")

    assert campaigns.steer(store, campaign, "resume") == "scheduled"


def test_a_pack_of_a_campaign_that_is_not_cancelled_keeps_its_letters(store):
    an_account(store)
    campaign = a_campaign(store, to=2)

    assert store.run("cancel_pack", store.keys.of_campaign(campaign), 0, 0, 2) == ["not_cancelled"]
    assert letters(store, campaign) == "QQ"


def test_a_second_delivery_keeps_the_time_of_the_first(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    held = claim(store, campaign)
    put_in_mailboxes(store, held)
    first = store.at_ms
    store.at_ms += 60_000
    put_in_mailboxes(store, held)

    assert entries(store, MAIL[0], most=9) == [Entry(campaign, 0, first)]


def test_an_account_woken_while_it_was_looked_at_stays_on_the_agenda(store):
    an_account(store)
    wake(store, "acme")
    (visit,) = agenda.due_accounts(store, most=10, look_again_ms=1000)
    wake(store, "acme")
    agenda.rest(store, visit.account, visit.next_ms)
    assert store.client.zscore(store.keys.runnable, "acme") == store.at_ms

    (visit,) = agenda.due_accounts(store, most=10, look_again_ms=1000)
    agenda.rest(store, visit.account, visit.next_ms)
    assert store.client.zscore(store.keys.runnable, "acme") is None


def test_closed_and_sent_campaigns_refuse_to_be_steered(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    send_all(store, campaign)
    for verb in ("pause", "resume", "cancel"):
        with pytest.raises(Refused, match="is sent"):
            campaigns.steer(store, campaign, verb)


def test_a_lease_that_ran_out_is_no_hindrance_even_before_the_scheduler_noticed(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    claim(store, campaign, token="dead")
    store.at_ms += LEASE_MS
    assert claim(store, campaign, token="alive").positions == [0, 1]


def test_a_steering_call_repeated_late_does_not_undo_what_was_asked_for_since(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    keys = store.keys.of_campaign(campaign)
    assert store.run("steer", keys, "pause", "call:first") == ["ok", "paused"]
    assert campaigns.steer(store, campaign, "resume") == "running"
    before = log_length(store)

    assert store.run("steer", keys, "pause", "call:first") == ["ok", "paused"]
    assert (campaigns.get_campaign(store, campaign).state, log_length(store)) == ("running", before)


def test_a_release_repeated_names_the_same_packs_and_takes_no_more(store):
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=9, pack_size=1)
    call = ("release", store.keys.of_campaign(campaign), LEASE_MS, 3, 0, "call", 0, "", 0)
    first = store.run(*call)
    again = store.run(*call)
    assert first[9:] == again[9:] == ["0", "1", "2"]
    assert store.client.zcard(store.keys.leases(campaign)) == 3


def test_an_operation_id_made_for_one_call_is_forgotten_after_a_day_and_a_key_never(store):
    an_account(store, credits_=1)
    credits.grant(store, "acme", 1, reason="kept", key="k")
    store.at_ms += DAY_MS + 1
    credits.grant(store, "acme", 1, reason="later")

    operations = [name.decode() for name in store.client.hkeys(store.keys.of_account("acme")[3])]
    assert sum(name.startswith("grant:call:") for name in operations) == 1
    assert "grant:key:k" in operations


def test_an_unanswered_inmail_is_refunded_and_an_answered_one_beside_it_is_not(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    send_all(store, campaign)
    reply(store, f"{campaign}.1", address=MAIL[1], accept=True)
    store.at_ms += 7 * DAY_MS

    assert refunds.refund(store, campaign, 0).closed == 2
    assert (letters(store, campaign), wallet(store)["spent"]) == ("RAR", 1)


def test_a_second_claim_takes_only_what_is_queued(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=3)
    held = claim(store, campaign, token="one")
    sending.settle(store, held, [], [sending.Failure(0, "bounced")])
    assert release(store, campaign).state == "running"
    again = claim(store, campaign, token="one")

    assert (again.letters, wallet(store)["held"]) == ("FCC", 2)
    put_in_mailboxes(store, again)
    sending.settle(store, again, again.positions)


def test_a_pack_a_worker_holds_is_not_released_beside_it(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    release(store, campaign)
    campaigns.steer(store, campaign, "pause")
    assert claim(store, campaign).letters == "QQ"
    campaigns.steer(store, campaign, "resume")

    held = claim(store, campaign, token="from a message that came twice")
    assert (held.letters, release(store, campaign).packs) == ("CC", ())
    put_in_mailboxes(store, held)
    assert sending.settle(store, held, held.positions) is not None


def test_a_claim_that_ends_a_campaign_says_so(store):
    suppressions.suppress(store, an_account(store, credits_=1), MAIL[0])
    campaign = a_campaign(store, to=1)
    assert claim(store, campaign).state == claim(store, campaign).state == "closed"


@pytest.mark.parametrize(("first", "then", "stands"), [("pause", "resume", "running"), ("resume", "pause", "paused")])
def test_a_repeat_of_a_call_that_found_its_state_already_undoes_nothing(store, first, then, stands):
    an_account(store, credits_=1)
    campaign = a_campaign(store)
    keys = store.keys.of_campaign(campaign)
    if first == "pause":
        campaigns.steer(store, campaign, "pause")
    assert store.run("steer", keys, first, "call:1")[0] == "ok"
    campaigns.steer(store, campaign, then)
    store.run("steer", keys, first, "call:1")
    assert campaigns.get_campaign(store, campaign).state == stands
