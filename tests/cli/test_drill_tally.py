"""A drill notices what it is there to notice: each row breaks one promise after a round that kept all of them."""

import pytest

from cli.drill_tally import Tally, tally
from engine import refunds
from tests.factories import a_campaign, add_entry, addresses, an_account, letters, lose_mailbox, reply, send_all

MAIL = addresses(4)
TOLD = {0: "A", 1: "D"}


@pytest.fixture
def over(store):
    """A campaign of four that is over: one yes, one no, two refunded."""
    an_account(store, credits_=4)
    campaign = a_campaign(store, to=4, pack_size=2, refund_after_ms=1000)
    send_all(store, campaign)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    reply(store, f"{campaign}.1", address=MAIL[1], accept=False)
    store.at_ms += 1000
    refunds.refund(store, campaign, 1)
    assert letters(store, campaign) == "ADRR"
    return campaign


def test_a_round_that_kept_every_promise_counts_nothing(store, over):
    assert tally(store, over, TOLD) == Tally()


def settle_once_more(store, campaign):
    entry = store.client.xrange(store.keys.log("acme"))[-1][1]
    entry |= {b"moves": b"CS1", b"kind": b"settle"}
    store.client.xadd(store.keys.log("acme"), entry, id="999-0")


BROKEN = {
    "an InMail in no mailbox": (
        lambda s, c: lose_mailbox(s, MAIL[2]),
        lambda found: found.lost == 1 and found.drift,
    ),
    "a recipient never delivered to": (
        lambda s, c: s.client.setrange(s.keys.letters(c), 2, "Q"),
        lambda found: found.lost == 1,
    ),
    "a second copy in a mailbox": (
        lambda s, c: add_entry(s, MAIL[2], c, 99),
        lambda found: found.doubled == 1,
    ),
    "an InMail settled twice": (settle_once_more, lambda found: found.doubled == 1),
    "an answer that does not stand": (
        lambda s, c: s.client.setrange(s.keys.letters(c), 0, "R"),
        lambda found: found.answers_lost == 1,
    ),
    "a credit gone": (
        lambda s, c: s.client.hincrby(s.keys.wallet("acme"), "available", -1),
        lambda found: any("should have spent" in line for line in found.drift),
    ),
}


@pytest.mark.drifts
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_counted(store, over, name):
    break_it, noticed = BROKEN[name]
    break_it(store, over)
    found = tally(store, over, TOLD)
    assert noticed(found)
    assert not found.clean
