"""Both refund rules, one table: the same letters on the same scripts, and only the place a credit goes to differs.

``unanswered after P7D``: silence gives the credit back, an answer spends it. ``answered within P90D``: the other way
round. The auditor goes over the account after each step.
"""

from dataclasses import dataclass, replace

import pytest

from engine import answers, campaigns, credits, refunds, sending, subscriptions
from engine.accounts import get_account
from engine.audit import audit
from engine.choices import stop_all
from engine.errors import Refused
from engine.offer import Offer
from engine.payments import record_paid
from tests.conftest import DAY_MS
from tests.factories import (
    a_campaign,
    a_plan,
    addresses,
    an_account,
    claim,
    letters,
    put_in_mailboxes,
    send_all,
    wallet,
)

MAIL = addresses(9)
OFFER = Offer()


@dataclass(frozen=True)
class Rule:
    """A refund rule, and where a credit goes under it."""

    when: str
    days: int
    answered: str
    silent: str

    def __str__(self):
        return f"{self.when} P{self.days}D"

    def plan(self, **changes):
        return a_plan(slug=self.when, refund_when=self.when, refund_after_ms=self.days * DAY_MS, **changes)


UNANSWERED = Rule("unanswered", 7, answered="spent", silent="available")
ANSWERED = Rule("answered", 90, answered="available", silent="spent")


@pytest.fixture(params=[UNANSWERED, ANSWERED], ids=str)
def rule(request):
    return request.param


class Desk:
    """An account under a rule, its campaigns submitted under what its plan says at that time."""

    def __init__(self, store, rule, credits_=1, to=1, **plan):
        self.store, self.rule = store, rule
        an_account(store, credits_=credits_, plan=rule.plan(**plan))
        self.campaign = self.submit(to)

    def submit(self, to, start=0):
        owner = get_account(self.store, "acme")
        order = {"refund_when": owner.refund_when, "refund_after_ms": owner.refund_after_ms}
        return a_campaign(self.store, to=addresses(to, start), **order)

    def sent(self):
        send_all(self.store, self.campaign)
        self.due_ms = self.store.at_ms + self.rule.days * DAY_MS
        return self

    def say(self, kind="accept", index=0, **said):
        said = {"until": "2027-12-01"} if kind == "not_now" else said
        done = answers.answer(self.store, f"{self.campaign}.{index}", address=MAIL[index], kind=kind, **said)
        return done.letter

    def undo(self, index=0):
        return answers.undo(self.store, f"{self.campaign}.{index}", address=MAIL[index])

    def fall_due(self):
        self.store.at_ms = max(self.store.at_ms, self.due_ms)
        return refunds.refund(self.store, self.campaign, 0).closed

    def stands(self, column, **where):
        """The column and where the credits are; nothing anywhere else, and nothing the auditor minds."""
        assert letters(self.store, self.campaign) == column
        found = {name: n for name, n in wallet(self.store).items() if n and name != "granted"}
        assert found == {name: n for name, n in where.items() if n}
        assert audit(self.store, "acme").drift == []


@pytest.mark.parametrize(("kind", "letter"), [("accept", "A"), ("decline", "D"), ("not_now", "D")])
def test_any_answer_in_time_is_an_answer(store, rule, kind, letter):
    desk = Desk(store, rule).sent()
    assert desk.say(kind) == letter
    desk.stands(letter, **{rule.answered: 1})
    assert desk.fall_due() == 0
    assert desk.say(kind) == letter, "the same again is the same"
    desk.stands(letter, **{rule.answered: 1})


@pytest.mark.parametrize(("kind", "letter"), [("accept", "A"), ("decline", "D"), ("not_now", "D")])
def test_an_answer_when_it_is_due_and_nobody_closed_it_yet_is_in_time(store, rule, kind, letter):
    desk = Desk(store, rule).sent()
    store.at_ms = desk.due_ms
    assert desk.say(kind) == letter
    assert desk.fall_due() == 0
    desk.stands(letter, **{rule.answered: 1})


def test_silence_is_closed_when_due_not_before_and_once(store, rule):
    desk = Desk(store, rule).sent()
    store.at_ms = desk.due_ms - 1
    assert refunds.refund(store, desk.campaign, 0).closed == 0
    desk.stands("S", held=1)
    assert (desk.fall_due(), desk.fall_due()) == (1, 0)
    desk.stands("R", **{rule.silent: 1})
    assert campaigns.get_campaign(store, desk.campaign).state == "closed"


@pytest.mark.parametrize("kind", ["accept", "decline", "not_now"])
def test_an_answer_after_it_fell_due_moves_no_credit_and_neither_does_taking_it_back(store, rule, kind):
    desk = Desk(store, rule).sent()
    desk.fall_due()
    assert desk.say(kind) == "L"
    desk.stands("L", **{rule.silent: 1})
    assert desk.undo() == "refunded"
    desk.stands("R", **{rule.silent: 1})


@pytest.mark.parametrize("kind", ["accept", "decline", "not_now"])
def test_an_answer_taken_back_before_it_is_due_is_as_if_it_had_not_been_given(store, rule, kind):
    desk = Desk(store, rule).sent()
    desk.say(kind)
    assert (desk.undo(), desk.undo()) == ("sent", "sent")
    desk.stands("S", held=1)
    assert desk.fall_due() == 1
    desk.stands("R", **{rule.silent: 1})


def test_an_answer_taken_back_when_it_is_due_is_silence_at_the_next_refund(store, rule):
    desk = Desk(store, rule).sent()
    store.at_ms = desk.due_ms - 1_000
    desk.say()
    store.at_ms = desk.due_ms + 1_000
    assert desk.undo() == "sent"
    desk.stands("S", held=1)
    assert desk.fall_due() == 1
    desk.stands("R", **{rule.silent: 1})


def test_an_answer_to_a_pack_that_was_closed_meanwhile_stands(store, rule):
    desk = Desk(store, rule, credits_=2, to=2).sent()
    store.at_ms = desk.due_ms - 1_000
    desk.say()
    desk.fall_due()
    with pytest.raises(Refused) as refused:
        desk.undo()
    assert refused.value.code == "closed"
    desk.stands("AR", available=1, spent=1)


def test_of_several_each_credit_goes_its_own_way(store, rule):
    desk = Desk(store, rule, credits_=5, to=5).sent()
    desk.say("accept", 0)
    desk.say("decline", 1)
    desk.say("not_now", 2)
    desk.say("accept", 3)
    desk.undo(3)
    desk.stands("ADDSS", held=2, **{rule.answered: 3})
    desk.fall_due()
    desk.stands("ADDRR", **{rule.answered: 3, rule.silent: 2})


def test_what_could_not_be_delivered_comes_home_under_either_rule(store, rule):
    desk = Desk(store, rule, credits_=3, to=3)
    held = claim(store, desk.campaign)
    put_in_mailboxes(store, replace(held, digests=held.digests[:24], letters=held.letters[:2]))
    sending.settle(store, held, [0, 1], [sending.Failure(2, "no_such_mailbox")])
    desk.due_ms = store.at_ms + rule.days * DAY_MS
    desk.stands("SSF", held=2, available=1)
    desk.say()
    desk.fall_due()
    desk.stands("ARF", available=2, spent=1)


def test_who_lets_nobody_write_costs_nothing_under_either_rule(store, rule):
    stop_all(store, MAIL[0])
    desk = Desk(store, rule)
    held = claim(store, desk.campaign)
    put_in_mailboxes(store, held)
    sending.settle(store, held, [], [], [0])
    desk.stands("O", available=1)


def test_an_answer_that_comes_while_the_worker_settles_counts(store, rule):
    desk = Desk(store, rule)
    held = claim(store, desk.campaign)
    put_in_mailboxes(store, held)
    assert desk.say() == "A"
    sending.settle(store, held, held.positions)
    desk.stands("A", **{rule.answered: 1})


def test_a_cancelled_campaigns_inmails_go_on_under_their_rule(store, rule):
    desk = Desk(store, rule, credits_=3, to=4).sent()
    campaigns.steer(store, desk.campaign, "cancel")
    desk.stands("SSSK", held=3)
    desk.say("accept", 0)
    desk.say("decline", 1)
    desk.undo(1)
    desk.fall_due()
    desk.stands("ARRK", **{rule.answered: 1, rule.silent: 2})
    assert desk.say("accept", 1) == "L"
    desk.stands("ALRK", **{rule.answered: 1, rule.silent: 2})


def test_a_credit_an_answer_gave_back_and_that_is_used_keeps_the_answer(store, rule):
    desk = Desk(store, rule).sent()
    desk.say()
    later = desk.submit(1, start=5)
    send_all(store, later)
    if rule is UNANSWERED:
        assert (letters(store, later), desk.undo()) == ("Q", "sent")  # its credit was spent, and is held again
        return
    assert letters(store, later) == "S"
    with pytest.raises(Refused) as refused:
        desk.undo()
    assert refused.value.code == "closed"
    desk.stands("A", held=1)


def test_what_gives_credits_back_lets_a_waiting_campaign_go_on(store, rule):
    desk = Desk(store, rule, credits_=2, to=2).sent()
    later = desk.submit(2, start=5)
    send_all(store, later)
    assert campaigns.get_campaign(store, later).waiting_for == "credits"
    desk.say("accept", 0)
    send_all(store, later)
    assert letters(store, later) == {"spent": "QQ", "available": "SQ"}[rule.answered]
    desk.fall_due()
    send_all(store, later)
    assert letters(store, later) == "SQ"
    assert audit(store, "acme").drift == []


@pytest.mark.parametrize("kind", ["accept", "silence"])
def test_a_campaign_keeps_the_rule_it_was_sent_under_when_the_plan_changes(store, rule, kind):
    other = ANSWERED if rule is UNANSWERED else UNANSWERED
    desk = Desk(store, rule, credits_=4, to=2, fee_monthly=100).sent()
    before = wallet(store)["granted"]
    subscriptions.change(store, OFFER, "acme", other.plan(fee_monthly=200))
    assert (get_account(store, "acme").refund_when, wallet(store)["granted"]) == (other.when, before)
    second = desk.submit(2, start=4)
    send_all(store, second)
    sent_ms = store.at_ms

    for campaign, start, its in ((desk.campaign, 0, rule), (second, 4, other)):
        was = credits.wallet(store, "acme").as_dict()
        inmail = f"{campaign}.0"
        if kind == "accept":
            answers.answer(store, inmail, address=f"p{start}@example.org", kind="accept")
            expected, moved = its.answered, 1
        else:
            store.at_ms = sent_ms + its.days * DAY_MS
            refunds.refund(store, campaign, 0)
            expected, moved = its.silent, 2
        now = credits.wallet(store, "acme").as_dict()
        assert {name: now[name] - was[name] for name in now if now[name] != was[name]} == {
            "held": -moved,
            expected: moved,
        }
        shown = campaigns.describe(store, campaign)
        assert (shown["refund_when"], shown["refund_after_ms"]) == (its.when, its.days * DAY_MS)
        assert audit(store, "acme").drift == []


def test_a_downgrade_at_the_periods_end_leaves_a_campaign_its_rule(store, rule):
    other = ANSWERED if rule is UNANSWERED else UNANSWERED
    desk = Desk(store, rule, credits_=2, to=2, fee_monthly=200)
    subscriptions.change(store, OFFER, "acme", other.plan(fee_monthly=100))
    desk.sent()
    assert get_account(store, "acme").refund_when == rule.when
    store.at_ms += 3 * DAY_MS
    desk.say()
    store.at_ms += 30 * DAY_MS
    # The first month is not paid by then, so that the second waits, and with it the change, until it is.
    record_paid(store, OFFER, "acme", "acme-0001")
    assert get_account(store, "acme").refund_when == other.when
    desk.fall_due()
    desk.stands("AR", **{rule.answered: 1, rule.silent: 1})


@pytest.mark.parametrize("done", ["answer", "refund"])
def test_the_end_of_the_subscription_decides_nothing_of_what_is_held(store, rule, done):
    desk = Desk(store, rule, credits_=3, to=2, fee_monthly=100).sent()
    subscriptions.cancel(store, OFFER, "acme")
    store.at_ms += 10 * DAY_MS
    record_paid(store, OFFER, "acme", "acme-0001")
    if done == "answer":
        desk.say()
    store.at_ms += 21 * DAY_MS
    assert subscriptions.advance(store, OFFER, "acme").state == "ended"
    desk.fall_due()
    found = wallet(store)
    assert (found["held"], audit(store, "acme").drift) == (0, [])
    assert sum(found[name] for name in ("available", "spent", "expired")) == found["granted"] == 3
