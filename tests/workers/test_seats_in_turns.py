"""A seat's cap and the scheduler: who has reached theirs waits, and nobody else does."""

import pytest

from engine import campaigns, seats, subscriptions
from engine.offer import Offer
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, letters
from tests.workers.test_scheduler import Stage


@pytest.fixture
def stage(store):
    an_account(store, credits_=100)
    seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=4)
    seats.add(store, "acme", "ada", name="Ada", email="ada@example.org", cap=9)
    return Stage(store)


def test_at_the_cap_its_campaigns_wait_and_all_others_go_on(store, stage):
    his = [a_campaign(store, to=addresses(6, 10 * i), pack_size=2, seat="ben") for i in range(3)]
    hers = a_campaign(store, to=addresses(9, 40), pack_size=2, seat="ada")
    more = a_campaign(store, to=addresses(6, 50), pack_size=2, seat="ben")
    ours = a_campaign(store, to=addresses(9, 60), pack_size=2)
    stage.run()

    assert [letters(store, one).count("S") for one in (hers, ours)] == [9, 9]
    assert sum(letters(store, one).count("S") for one in [*his, more]) == 4
    assert {campaigns.get_campaign(store, one).waiting_for for one in [*his, more]} == {"seat"}
    assert seats.get(store, "acme", "ben").left_credits == 0


def test_a_cap_that_is_raised_and_a_month_that_begins_let_them_go_on_by_themselves(store, stage):
    campaign = a_campaign(store, to=12, pack_size=3, seat="ben")
    stage.run()
    assert letters(store, campaign).count("S") == 4
    seats.set_cap(store, "acme", "ben", 5)
    stage.run()
    assert letters(store, campaign).count("S") == 5
    store.at_ms += 31 * DAY_MS
    subscriptions.advance(store, Offer(), "acme")
    stage.run()
    assert letters(store, campaign).count("S") == 10
    seats.remove(store, "acme", "ben")
    stage.run()
    assert letters(store, campaign).count("S") == 12
