"""Refunds and answers: they meet on one letter, and whoever comes first wins, once."""

import pytest

from engine import agenda, campaigns, credits, mailbox, refunds
from engine.accounts import account_ids
from engine.errors import Invalid, NotFound, Refused
from tests.conftest import DAY_MS
from tests.factories import (
    a_campaign,
    a_plan,
    addresses,
    an_account,
    claim,
    letters,
    put_in_mailboxes,
    reply,
    send,
    send_all,
    wallet,
)

MAIL = addresses(8)


def purse(store):
    found = wallet(store)
    return found["available"], found["held"], found["spent"]


def sent_campaign(store, n=3, **order):
    an_account(store, credits_=n)
    campaign = a_campaign(store, to=n, **order)
    send_all(store, campaign)
    return campaign


def test_an_inmail_unanswered_for_seven_days_gives_its_credit_back(store):
    campaign = sent_campaign(store)
    store.at_ms += 7 * DAY_MS

    assert refunds.refund(store, campaign, 0) == refunds.Refunded(3, 0, store.at_ms)
    assert (letters(store, campaign), purse(store)) == ("RRR", (3, 0, 0))
    assert campaigns.get_campaign(store, campaign).state == "closed"


def test_never_before_it_is_due(store):
    campaign = sent_campaign(store)
    due = store.at_ms + 7 * DAY_MS
    store.at_ms = due - 1

    assert refunds.refund(store, campaign, 0) == refunds.Refunded(0, due, store.at_ms)
    assert (letters(store, campaign), purse(store)) == ("SSS", (0, 3, 0))


def test_a_refund_repeated_changes_nothing(store):
    campaign = sent_campaign(store)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    entries = len(list(credits.log(store, "acme")))

    assert refunds.refund(store, campaign, 0) == refunds.Refunded(0, 0, store.at_ms)
    assert (purse(store), len(list(credits.log(store, "acme")))) == ((3, 0, 0), entries)


def test_inmails_of_one_pack_sent_at_two_times_fall_due_at_two_times(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=4)
    send_all(store, campaign)
    store.at_ms += DAY_MS
    credits.grant(store, "acme", 2, reason="more")
    send_all(store, campaign)
    store.at_ms += 6 * DAY_MS

    assert refunds.refund(store, campaign, 0) == refunds.Refunded(2, store.at_ms + DAY_MS, store.at_ms)
    assert letters(store, campaign) == "RRSS"
    store.at_ms += DAY_MS
    assert refunds.refund(store, campaign, 0) == refunds.Refunded(2, 0, store.at_ms)
    assert letters(store, campaign) == "RRRR"


def test_a_small_balance_reaches_a_long_list_wave_after_wave(store):
    an_account(store, credits_=10)
    campaign = a_campaign(store, to=35, pack_size=4)
    waves = 0
    while campaigns.get_campaign(store, campaign).queued:
        waves += 1
        send_all(store, campaign)
        store.at_ms += 7 * DAY_MS
        for packs in list(refunds.overdue(store, campaign, step=3)):
            for pack in packs:
                refunds.refund(store, campaign, pack)

    assert waves == 4
    assert (letters(store, campaign), purse(store)) == ("R" * 35, (10, 0, 0))
    assert [len(mailbox.inbox(store, address)[0]) for address in addresses(35)] == [1] * 35


ANSWERS = [
    # accept, days later → letter, (available, held, spent) of one credit
    (True, 0, "A", (0, 0, 1)),
    (False, 0, "D", (0, 0, 1)),
    (True, 8, "L", (1, 0, 0)),
    (False, 8, "L", (1, 0, 0)),
]


@pytest.mark.parametrize(("accept", "days", "letter", "after"), ANSWERS)
def test_an_answer_spends_the_credit_before_the_refund_and_changes_nothing_but_the_letter_after(
    store, accept, days, letter, after
):
    campaign = sent_campaign(store, n=1)
    store.at_ms += days * DAY_MS
    refunds.refund(store, campaign, 0)

    assert reply(store, f"{campaign}.0", address=MAIL[0], accept=accept, text="hi") == letter
    assert (letters(store, campaign), purse(store)) == (letter, after)
    # A refund that comes afterwards finds nothing; the same answer again is the same.
    store.at_ms += 8 * DAY_MS
    refunds.refund(store, campaign, 0)
    assert reply(store, f"{campaign}.0", address=MAIL[0], accept=accept, text="hi") == letter
    assert (letters(store, campaign), purse(store)) == (letter, after)


def test_an_answer_when_due_but_not_refunded_yet_counts(store):
    campaign = sent_campaign(store, n=1)
    store.at_ms += 8 * DAY_MS

    assert reply(store, f"{campaign}.0", address=MAIL[0], accept=True) == "A"
    assert refunds.refund(store, campaign, 0).closed == 0


def test_another_answer_after_the_first_is_refused(store):
    campaign = sent_campaign(store, n=1)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    with pytest.raises(Refused, match="answered before"):
        reply(store, f"{campaign}.0", address=MAIL[0], accept=False)
    assert letters(store, campaign) == "A"


def test_an_answer_that_arrives_while_the_worker_is_still_settling_counts(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    held = claim(store, campaign)
    put_in_mailboxes(store, held)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    from engine import sending

    sending.settle(store, held, held.positions)

    assert (letters(store, campaign), purse(store)) == ("AS", (0, 1, 1))


@pytest.mark.parametrize(
    ("inmail", "address"),
    [
        ("{c}.0", MAIL[1]),  # somebody else's
        ("{c}.9", MAIL[0]),  # beyond the list
        ("{c}.3", MAIL[3]),  # queued, not sent yet
        ("acme.99.0", MAIL[0]),  # no such campaign
        ("nonsense", MAIL[0]),
    ],
)
def test_nobody_can_answer_an_inmail_that_was_not_sent_to_them(store, inmail, address):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=4)
    send_all(store, campaign)
    with pytest.raises(NotFound, match="in the mailbox of"):
        reply(store, inmail.format(c=campaign), address=address, accept=True)
    assert letters(store, campaign) == "SSQQ"


def test_a_text_over_two_thousand_characters_is_invalid(store):
    campaign = sent_campaign(store, n=1)
    with pytest.raises(Invalid, match="2,000"):
        reply(store, f"{campaign}.0", address=MAIL[0], accept=True, text="x" * 2001)


def test_an_answer_frees_the_contact_so_that_a_waiting_campaign_goes_on(store):
    an_account(store, credits_=5, plan=a_plan(simultaneous_contacts=2))
    campaign = a_campaign(store, to=3)
    send_all(store, campaign)
    assert campaigns.get_campaign(store, campaign).waiting_for == "contacts"

    reply(store, f"{campaign}.0", address=MAIL[0], accept=False)
    send_all(store, campaign)

    assert (letters(store, campaign), purse(store)) == ("DSS", (2, 2, 1))


def test_nobody_gets_a_second_inmail_of_one_account_before_answering_or_falling_due(store):
    campaign = sent_campaign(store, n=2)
    credits.grant(store, "acme", 5, reason="more")
    second = a_campaign(store, to=2)
    send_all(store, second)
    assert letters(store, second) == "PP"

    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    third = a_campaign(store, to=2)
    send_all(store, third)
    assert letters(store, third) == "SS"


def test_two_accounts_may_write_to_the_same_person(store):
    sent_campaign(store, n=1)
    an_account(store, "other", credits_=1)
    campaign = a_campaign(store, "other", to=1)
    send_all(store, campaign)

    assert [item.campaign for item in mailbox.inbox(store, MAIL[0])[0]] == [campaign, "acme.1"]


def test_a_cancelled_campaigns_inmails_are_answered_and_refunded_as_ever(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=4)
    send_all(store, campaign)
    campaigns.steer(store, campaign, "cancel")
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)

    assert (letters(store, campaign), purse(store)) == ("ARKK", (1, 0, 1))
    assert store.client.zcard(store.keys.active("acme")) == 0


def test_a_network_that_pays_back_answers_is_the_same_scripts_the_other_way_round(store):
    campaign = sent_campaign(store, n=2, refund_when="answered", refund_after_ms=90 * DAY_MS)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    assert purse(store) == (1, 1, 0)
    store.at_ms += 90 * DAY_MS
    refunds.refund(store, campaign, 0)

    assert purse(store) == (1, 0, 1)


def test_how_late_refunds_are_is_told_by_the_campaigns_not_by_an_agenda_that_lags_behind(store):
    campaign = sent_campaign(store, n=2)
    due_ms = refunds.earliest_due_ms(store, campaign)
    agenda.expect_refund(store, campaign, due_ms)
    assert refunds.late_ms(store) == 0
    store.at_ms = due_ms + 5_000
    assert refunds.late_ms(store) == 5_000

    refunds.refund(store, campaign, 0)
    assert agenda.refunds_expected(store, before_ms=store.at_ms, most=9) == [campaign]
    assert refunds.late_ms(store) == 0


def test_every_account_is_found_though_there_are_many_and_a_name_without_an_account_is_not(store):
    store.client.sadd(store.keys.accounts, *(f"name{n}" for n in range(1_200)))
    for n in range(3):
        an_account(store, f"a{n}")
    assert sorted(account_ids(store)) == ["a0", "a1", "a2"]


def test_the_inbox_shows_the_rendered_message_newest_first_in_pages(store):
    an_account(store, credits_=9)
    made = []
    for i in range(3):
        an_account(store, f"sender{i}", credits_=1)
        campaign = a_campaign(store, f"sender{i}", to=1, subject=f"No {i}, {{{{ first_name | upper }}}}")
        send(store, campaign)
        made.append(f"{campaign}.0")
        store.at_ms += 1000

    page, following = mailbox.inbox(store, MAIL[0].upper(), most=2)
    assert [item.inmail for item in page] == [made[2], made[1]]
    assert page[0].subject == "No 2, N0"
    assert page[0].body == "A role for you, N0."
    rest, end = mailbox.inbox(store, MAIL[0], most=2, after=following)
    assert ([item.inmail for item in rest], end) == ([made[0]], None)


def test_a_cursor_of_another_mailbox_is_invalid(store):
    campaign = sent_campaign(store, n=2)
    with pytest.raises(Invalid, match="not an InMail of this mailbox"):
        mailbox.inbox(store, MAIL[0], after=f"{campaign}.1")


def test_the_same_answer_with_another_text_is_another_answer(store):
    campaign = sent_campaign(store)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True, text="yes")
    assert reply(store, f"{campaign}.0", address=MAIL[0], accept=True, text="yes") == "A"
    with pytest.raises(Refused, match="answered before"):
        reply(store, f"{campaign}.0", address=MAIL[0], accept=True, text="yes, but")


def test_what_falls_due_next_is_the_earliest_of_a_pack(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=3)
    for _ in range(3):
        store.at_ms += 31_000
        credits.grant(store, "acme", 1, reason="more")
        send_all(store, campaign)
    times = [recipient.sent_at_ms for recipient in campaigns.recipients(store, campaign)]
    # The last recipient's time is made the earliest: the order of the letters says nothing about it.
    earliest = min(times) - 1000
    store.client.setrange(store.keys.sent(campaign), 2 * 6, earliest.to_bytes(6, "big"))
    assert refunds.refund(store, campaign, 0).next_due_ms == earliest + 7 * DAY_MS


@pytest.mark.parametrize(("others", "closed"), [(0, 2), (1, 2), (2, 4), (3, 4), (1500, 10)])
def test_one_call_goes_over_other_packs_that_are_due_as_many_as_it_may(store, others, closed):
    an_account(store, credits_=10)
    campaign = a_campaign(store, to=10, pack_size=2)
    send_all(store, campaign)
    store.at_ms += 7 * DAY_MS

    assert refunds.refund(store, campaign, 2, others=others) == refunds.Refunded(closed, 0, store.at_ms, closed < 10)
    assert letters(store, campaign).count("R") == closed
    assert letters(store, campaign)[4:6] == "RR"
    assert store.client.hlen(store.keys.digests(campaign)) == (10 - closed) // 2


def test_other_packs_that_are_not_due_are_left(store):
    an_account(store, credits_=6)
    campaign = a_campaign(store, to=6, pack_size=2)
    for pack in (0, 1, 2):
        send(store, campaign, pack)
        store.at_ms += DAY_MS
    store.at_ms += 5 * DAY_MS  # the first and the second are due by now

    assert refunds.refund(store, campaign, 2).closed == 4
    assert letters(store, campaign) == "RRRRSS"
    assert refunds.refund(store, campaign, 2).next_due_ms == store.at_ms + DAY_MS


def test_a_refund_of_a_campaign_that_is_gone_is_not_found(store):
    with pytest.raises(NotFound):
        refunds.refund(store, "acme.1", 0)
