"""What a candidate may say, what each answer does to letter, credit and contact, and taking it back."""

import pytest

from engine import answers, campaigns, conversations, credits, refunds
from engine.errors import Invalid, NotFound, Refused
from engine.letters import LETTERS
from tests.conftest import DAY_MS
from tests.factories import a_campaign, a_plan, addresses, an_account, letters, send_all, wallet

MAIL = addresses(9)
DAY = "2027-03-01"  # the store's clock begins on 2027-01-15


@pytest.fixture
def campaign(store):
    an_account(store, credits_=3)
    made = a_campaign(store, to=3)
    send_all(store, made)
    return made


def say(store, campaign, index=0, kind="accept", **said):
    return answers.answer(store, f"{campaign}.{index}", address=MAIL[index], kind=kind, **said)


def undo(store, campaign, index=0):
    return answers.undo(store, f"{campaign}.{index}", address=MAIL[index])


def stands(store, campaign, index=0):
    return conversations.read_sent(store, f"{campaign}.{index}", account="acme").answer


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ({"kind": "accept", "text": "Yes, please.\nWhen?"}, "A"),
        ({"kind": "decline"}, "D"),
        ({"kind": "decline", "reason": "pay", "text": "Too little."}, "D"),
        ({"kind": "not_now", "until": DAY}, "D"),
        ({"kind": "not_now", "until": "2027-01-15", "text": "This very evening."}, "D"),
    ],
)
def test_an_answer_spends_the_credit_and_stands_as_it_was_said(store, campaign, said, letter):
    done = say(store, campaign, **said)

    assert (done.letter, done.state, done.undo_until_ms) == (letter, LETTERS[letter].word, store.at_ms + 600_000)
    assert letters(store, campaign) == f"{letter}SS"
    assert wallet(store) == {"available": 0, "held": 2, "spent": 1, "granted": 3, "expired": 0}
    found = stands(store, campaign)
    expected = {"reason": "", "until": "", "text": ""} | said
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.at_ms == store.at_ms


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"kind": "maybe"}, "bad_answer"),
        ({"kind": "accept", "reason": "pay"}, "bad_reason"),
        ({"kind": "decline", "reason": "weather"}, "bad_reason"),
        ({"kind": "not_now"}, "bad_date"),
        ({"kind": "not_now", "until": "2027-01-14"}, "bad_date"),
        ({"kind": "not_now", "until": "2031-01-01"}, "bad_date"),
        ({"kind": "not_now", "until": "2027-02-30"}, "bad_date"),
        ({"kind": "not_now", "until": "20270301"}, "bad_date"),
        ({"kind": "not_now", "until": DAY, "reason": "timing"}, "bad_reason"),
        ({"kind": "decline", "until": DAY}, "bad_date"),
        ({"kind": "accept", "text": "x" * 2001}, "too_long"),
    ],
)
def test_what_cannot_be_said_so_is_refused_and_changes_nothing(store, campaign, said, code):
    with pytest.raises(Invalid) as refused:
        say(store, campaign, **said)
    assert refused.value.code == code
    assert letters(store, campaign) == "SSS"


def test_the_same_answer_again_is_told_the_same_and_another_is_refused(store, campaign):
    first = say(store, campaign, kind="decline", reason="pay")
    store.at_ms += 5_000
    assert say(store, campaign, kind="decline", reason="pay") == first
    for other in ({"kind": "decline"}, {"kind": "accept"}, {"kind": "not_now", "until": DAY}):
        with pytest.raises(Refused, match="answered before"):
            say(store, campaign, **other)


@pytest.mark.parametrize("kind", ["accept", "decline"])
def test_an_answer_taken_back_leaves_everything_as_before_it(store, campaign, kind):
    before = (letters(store, campaign), wallet(store), campaigns.describe(store, campaign))
    say(store, campaign, kind=kind)
    store.at_ms += 600_000

    assert undo(store, campaign) == "sent"
    assert (letters(store, campaign), wallet(store), campaigns.describe(store, campaign)) == before
    assert stands(store, campaign) is None
    assert undo(store, campaign) == "sent"  # twice is once
    assert say(store, campaign, kind="decline").letter == "D"


def test_a_minute_too_late_the_answer_stands(store, campaign):
    say(store, campaign)
    store.at_ms += 600_001
    with pytest.raises(Refused, match="more than ten minutes ago") as refused:
        undo(store, campaign)
    assert refused.value.code == "undo_over"
    assert letters(store, campaign) == "ASS"


def test_a_campaign_closed_by_the_answer_is_sent_again_and_its_refund_comes(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    send_all(store, campaign)
    say(store, campaign)
    assert campaigns.get_campaign(store, campaign).state == "closed"
    assert undo(store, campaign) == "sent"
    assert campaigns.get_campaign(store, campaign).state == "sent"
    assert store.client.zscore(store.keys.due, campaign) == store.at_ms + 7 * DAY_MS

    store.at_ms += 7 * DAY_MS
    assert refunds.refund(store, campaign, 0).closed == 1
    assert campaigns.get_campaign(store, campaign).state == "closed"


def test_an_answer_taken_back_falls_due_when_it_would_have_though_the_rest_of_its_pack_has(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=3)
    send_all(store, campaign)
    store.at_ms += DAY_MS
    credits.grant(store, "acme", 1, reason="more")
    send_all(store, campaign)
    sent_ms = store.at_ms
    store.at_ms += 6 * DAY_MS
    say(store, campaign, 1)
    refunds.refund(store, campaign, 0)
    assert (letters(store, campaign), store.client.zscore(store.keys.campaign_due(campaign), "0")) == ("RAQ", None)

    assert undo(store, campaign, 1) == "sent"
    assert store.client.zscore(store.keys.campaign_due(campaign), "0") == sent_ms + 7 * DAY_MS
    store.at_ms = sent_ms + 7 * DAY_MS
    assert refunds.refund(store, campaign, 0).closed == 1


def test_a_late_answer_taken_back_is_refunded_again_without_a_credit_moving(store, campaign):
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    before = wallet(store)
    assert say(store, campaign).letter == "L"
    assert undo(store, campaign) == "refunded"
    assert letters(store, campaign) == "RRR"
    assert wallet(store) == before


def test_what_the_sender_wrote_since_keeps_the_answer(store, campaign):
    say(store, campaign)
    conversations.say(store, f"{campaign}.0", text="Splendid!", account="acme")
    with pytest.raises(Refused) as refused:
        undo(store, campaign)
    assert refused.value.code == "in_conversation"


def test_a_second_inmail_of_the_account_keeps_the_answer_to_the_first(store, campaign):
    say(store, campaign)
    credits.grant(store, "acme", 1, reason="more")
    send_all(store, a_campaign(store, to=1))
    with pytest.raises(Refused) as refused:
        undo(store, campaign)
    assert refused.value.code == "written_again"


def test_where_its_pack_fell_due_meanwhile_the_answer_stands(store, campaign):
    store.at_ms += 7 * DAY_MS - 1000
    say(store, campaign)
    store.at_ms += 1000
    refunds.refund(store, campaign, 0)
    with pytest.raises(Refused) as refused:
        undo(store, campaign)
    assert refused.value.code == "closed"
    assert letters(store, campaign) == "ARR"


def test_a_credit_an_answer_gave_back_and_that_is_used_keeps_the_answer(store):
    an_account(store, credits_=1, plan=a_plan(refund_when="answered"))
    first = a_campaign(store, to=1, refund_when="answered")
    send_all(store, first)
    say(store, first)
    assert wallet(store)["available"] == 1
    send_all(store, a_campaign(store, to=["other@example.org"], refund_when="answered"))
    with pytest.raises(Refused) as refused:
        undo(store, first)
    assert refused.value.code == "closed"


def test_nobody_takes_back_what_somebody_else_said_and_nobody_learns_that_it_is_there(store, campaign):
    say(store, campaign)
    told = []
    for inmail, address in ((f"{campaign}.0", MAIL[1]), (f"{campaign}.9", MAIL[1]), ("acme.77.0", MAIL[1])):
        with pytest.raises(NotFound) as refused:
            answers.undo(store, inmail, address=address)
        told.append(str(refused.value).replace(inmail, "X"))
    assert len(set(told)) == 1
    assert letters(store, campaign) == "ASS"


def test_of_a_closed_pack_the_row_says_whose_a_late_answer_is(store, campaign):
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    say(store, campaign)
    with pytest.raises(NotFound):
        answers.undo(store, f"{campaign}.0", address=MAIL[1])
    assert undo(store, campaign) == "refunded"
