"""Release, claim and settle: letters and wallet before, the call, both after."""

import pytest

from engine import campaigns, credits, mailbox, sending, suppressions
from engine.identity import digest
from engine.mailbox_entries import deliver
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
    send,
    send_all,
    wallet,
)

MAIL = addresses(8)


def whole(store, campaign):
    """Letters, state, what it waits for, and (available, held, spent)."""
    it, purse = campaigns.get_campaign(store, campaign), wallet(store)
    return letters(store, campaign), it.state, it.waiting_for, (purse["available"], purse["held"], purse["spent"])


def test_a_campaign_is_sent_pack_by_pack_and_every_credit_is_held(store):
    an_account(store, credits_=7)
    campaign = a_campaign(store, to=7, pack_size=3)

    send_all(store, campaign)

    assert whole(store, campaign) == ("S" * 7, "sent", "", (0, 7, 0))
    assert [i.inmail for i in mailbox.inbox(store, MAIL[6])[0]] == [f"{campaign}.6"]


CLAIMS = [
    # credits, contacts limit, suppressed, open already → letters, state, waiting for, (available, held, spent)
    pytest.param(5, 0, [], [], "CCCC", "running", "", (1, 4, 0), id="enough for all"),
    pytest.param(2, 0, [], [], "CCQQ", "waiting", "credits", (0, 2, 0), id="credits run out"),
    pytest.param(0, 0, [], [], "QQQQ", "waiting", "credits", (0, 0, 0), id="no credit at all"),
    pytest.param(9, 3, [], [], "CCCQ", "waiting", "contacts", (6, 3, 0), id="contacts run out"),
    pytest.param(9, 4, [], [], "CCCC", "running", "", (5, 4, 0), id="just as many as contacts allow"),
    pytest.param(9, 0, [1], [], "COCC", "running", "", (6, 3, 0), id="suppressed before debited"),
    pytest.param(9, 0, [], [2], "CCPC", "running", "", (5, 4, 0), id="pair-locked before debited"),
    pytest.param(9, 0, [2], [2], "CCOC", "running", "", (5, 4, 0), id="suppressed comes before pair-locked"),
    pytest.param(2, 0, [], [3], "CQQP", "waiting", "credits", (0, 2, 0), id="pair-locked without credits left"),
    pytest.param(9, 0, [0, 1, 2, 3], [], "OOOO", "closed", "", (9, 0, 0), id="all suppressed, nothing to send"),
]


@pytest.mark.parametrize(("credits_", "limit", "out", "busy", "after", "state", "waits", "purse"), CLAIMS)
def test_claim_takes_suppressed_then_locked_then_as_many_as_there_is_room_for(
    store, credits_, limit, out, busy, after, state, waits, purse
):
    an_account(store, credits_=credits_, plan=a_plan(simultaneous_contacts=limit)) if credits_ else an_account(
        store, plan=a_plan(simultaneous_contacts=limit)
    )
    if busy:
        other = a_campaign(store, to=[MAIL[i] for i in busy])
        send(store, other)
    for i in out:
        suppressions.suppress(store, "acme", MAIL[i])
    campaign = a_campaign(store, to=4)

    claim(store, campaign)

    assert whole(store, campaign) == (after, state, waits, purse)


def test_claim_repeated_with_its_token_debits_nothing_more(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    first = claim(store, campaign)
    before = whole(store, campaign)

    assert claim(store, campaign).letters == first.letters == "CCC"
    assert whole(store, campaign) == before


def test_a_pack_leased_to_one_worker_is_refused_to_another(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    claim(store, campaign, token="t1")

    assert claim(store, campaign, token="t2") is None


def test_a_pack_whose_lease_ran_out_is_claimed_again_and_the_late_settle_changes_nothing(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    dead = claim(store, campaign, token="dead")
    store.at_ms += LEASE_MS + 1
    assert release(store, campaign).packs == (0,)
    alive = claim(store, campaign, token="alive")
    before = whole(store, campaign)

    assert alive.letters == "CCC"
    assert sending.settle(store, dead, dead.positions) is None
    assert whole(store, campaign) == before

    put_in_mailboxes(store, alive)
    sending.settle(store, alive, alive.positions)
    assert whole(store, campaign) == ("SSS", "sent", "", (0, 3, 0))


def test_a_claimed_pack_is_finished_even_after_the_campaign_was_cancelled(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=4)
    claim(store, campaign, token="dead")
    campaigns.steer(store, campaign, "cancel")
    assert letters(store, campaign) == "CCKK"
    store.at_ms += LEASE_MS + 1

    assert release(store, campaign).packs == (0,)
    send(store, campaign, token="alive")

    assert whole(store, campaign) == ("SSKK", "cancelled", "", (0, 2, 0))


def test_settle_repeated_changes_nothing_and_answers_the_same(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    held = claim(store, campaign)
    put_in_mailboxes(store, held)
    first = sending.settle(store, held, held.positions)
    before = whole(store, campaign), len(list(credits.log(store, "acme")))
    store.at_ms += 5_000
    again = sending.settle(store, held, held.positions)

    assert (again.due_ms, again.in_flight) == (first.due_ms, first.in_flight)
    assert (whole(store, campaign), len(list(credits.log(store, "acme")))) == before


def test_a_failed_delivery_gives_its_credit_back_and_frees_the_contact(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    held = claim(store, campaign)
    deliver(store, campaign, 0, [digest(MAIL[0]), digest(MAIL[2])])

    sending.settle(store, held, [0, 2], [sending.Failure(1, "no_such_mailbox")])

    assert whole(store, campaign) == ("SFS", "sent", "", (1, 2, 0))
    failed = list(campaigns.recipients(store, campaign, state="failed"))
    assert [(r.index, r.failure) for r in failed] == [(1, "no_such_mailbox")]
    again = a_campaign(store, to=[MAIL[1]])
    send(store, again)
    assert letters(store, again) == "S"


def test_a_pack_may_be_settled_in_small_steps(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    held = claim(store, campaign)
    put_in_mailboxes(store, held)

    sending.settle(store, held, [0])
    assert letters(store, campaign) == "SCC"
    store.at_ms += 1_000
    sending.settle(store, held, [1, 2])

    assert whole(store, campaign) == ("SSS", "sent", "", (0, 3, 0))
    times = [r.sent_at_ms for r in campaigns.recipients(store, campaign)]
    assert times == [store.at_ms - 1_000, store.at_ms, store.at_ms]


def test_an_address_is_written_to_once_however_often_a_pack_is_sent(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    held = claim(store, campaign)
    put_in_mailboxes(store, held)
    put_in_mailboxes(store, held)
    sending.settle(store, held, held.positions)

    assert [len(mailbox.inbox(store, address)[0]) for address in MAIL[:3]] == [1, 1, 1]


def test_few_packs_are_in_flight_and_no_more_than_there_are_credits_for(store):
    an_account(store, credits_=25)
    campaign = a_campaign(store, to=100, pack_size=10)

    assert release(store, campaign, in_flight=20).packs == (0, 1)
    assert release(store, campaign, in_flight=20).packs == ()
    send(store, campaign, 0)
    assert release(store, campaign, in_flight=100).packs == (2,)


def test_a_waiting_campaign_goes_on_by_itself_when_credits_come(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=5, pack_size=2)
    send_all(store, campaign)
    assert whole(store, campaign) == ("SSQQQ", "waiting", "credits", (0, 2, 0))

    credits.grant(store, "acme", 10, reason="more")
    send_all(store, campaign)

    assert whole(store, campaign) == ("SSSSS", "sent", "", (7, 5, 0))


def test_a_lost_message_is_sent_again_after_its_lease(store):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=2)
    assert release(store, campaign).packs == (0, 1)
    assert release(store, campaign).packs == ()
    store.at_ms += LEASE_MS + 1

    assert release(store, campaign).packs == (0, 1)


def test_a_scheduled_campaign_starts_when_its_time_has_come(store):
    an_account(store, credits_=2)
    start = store.at_ms + 60_000
    campaign = a_campaign(store, to=2, start_at_ms=start)

    early = release(store, campaign)
    assert (early.state, early.look_at_ms, early.packs) == ("scheduled", start, ())
    assert claim(store, campaign).positions == []
    store.at_ms = start

    send_all(store, campaign)
    assert whole(store, campaign) == ("SS", "sent", "", (0, 2, 0))


STEERING = [
    # state before (by verbs), verb → state after, or None where it is refused
    ([], "pause", "paused"),
    ([], "resume", "running"),
    ([], "cancel", "cancelled"),
    (["pause"], "pause", "paused"),
    (["pause"], "resume", "running"),
    (["pause"], "cancel", "cancelled"),
    (["cancel"], "cancel", "cancelled"),
    (["cancel"], "resume", None),
    (["cancel"], "pause", None),
]


@pytest.mark.parametrize(("before", "verb", "after"), STEERING)
def test_steering_goes_where_the_table_says(store, before, verb, after):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=2)
    for step in before:
        campaigns.steer(store, campaign, step)

    if after is None:
        with pytest.raises(campaigns.Refused, match="it cannot"):
            campaigns.steer(store, campaign, verb)
    else:
        assert campaigns.steer(store, campaign, verb) == after


def test_a_campaign_resumed_where_nothing_may_be_sent_waits_and_says_for_what(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=2)
    send_all(store, campaign)
    campaigns.steer(store, campaign, "pause")

    assert campaigns.steer(store, campaign, "resume") == "waiting"
    assert whole(store, campaign) == ("SQ", "waiting", "credits", (0, 1, 0))


def test_a_campaign_resumed_with_all_its_list_in_hand_waits_for_nothing(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    claim(store, campaign)
    campaigns.steer(store, campaign, "pause")

    assert campaigns.steer(store, campaign, "resume") == "running"


def test_a_paused_campaign_sends_nothing_and_goes_on_where_it_was(store):
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=2)
    send(store, campaign, release(store, campaign).packs[0])
    campaigns.steer(store, campaign, "pause")

    assert claim(store, campaign, 1).positions == []
    assert release(store, campaign).packs == ()
    assert letters(store, campaign) == "SSQQ"

    campaigns.steer(store, campaign, "resume")
    send_all(store, campaign)
    assert whole(store, campaign) == ("SSSS", "sent", "", (0, 4, 0))


def test_cancelling_marks_what_is_unsent_and_leaves_what_was_sent(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=5, pack_size=2)
    send_all(store, campaign)
    campaigns.steer(store, campaign, "cancel")

    assert whole(store, campaign) == ("SSKKK", "cancelled", "", (0, 2, 0))


def test_a_pack_of_one_works_as_well(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3, pack_size=1)
    send_all(store, campaign)

    assert whole(store, campaign) == ("SSS", "sent", "", (0, 3, 0))


def test_with_in_flight_far_over_the_packs_a_call_releases_at_most_five_hundred(store):
    an_account(store, credits_=1200)
    campaign = a_campaign(store, to=1200, pack_size=1)
    first = release(store, campaign, in_flight=100_000)

    assert len(first.packs) == 500
    assert first.more
    assert len(release(store, campaign, in_flight=100_000).packs) == 500
    assert len(release(store, campaign, in_flight=100_000).packs) == 200


def test_a_claim_may_be_bounded_and_the_rest_is_released_again(store):
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=5)
    release(store, campaign)
    for turn, standing in enumerate(("SSQQQ", "SSSSQ", "SSSSS")):
        held = sending.claim(store, campaign, 0, token=f"t{turn}", lease_ms=LEASE_MS, most=2)
        put_in_mailboxes(store, held)
        sending.settle(store, held, held.positions)
        assert letters(store, campaign) == standing
        assert release(store, campaign).packs == (() if turn == 2 else (0,))
    assert wallet(store)["held"] == 5


def test_a_bounded_claim_that_takes_the_last_credit_waits(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=5)
    held = sending.claim(store, campaign, 0, token="t", lease_ms=LEASE_MS, most=2)
    assert (held.letters, held.state) == ("CCQQQ", "waiting")
    put_in_mailboxes(store, held)
    sending.settle(store, held, held.positions)
