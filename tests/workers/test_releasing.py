"""Who comes when: accounts by weight, campaigns of an account in turn, small ones together in one message."""

from collections import Counter

import pytest

from engine import accounts, agenda, campaigns
from engine.agenda import Visit
from engine.wake import wake
from tests.factories import LEASE_MS, a_campaign, addresses, an_account, letters
from tests.workers.test_scheduler import Stage
from workers.actors import Actors
from workers.releasing import Releaser, loads
from workers.shares import Shares


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([3], [[0]]),
        ([1, 1, 1], [[0, 1], [2]]),
        ([500, 500, 10], [[0], [1], [2]]),
        ([3, 1, 1, 1], [[0], [1, 2, 3]]),
        ([500, 100, 100, 300, 100], [[0], [1, 2, 3], [4]]),
    ],
)
def test_packs_are_put_together_to_messages_of_bounded_size(sizes, expected):
    packs = [("acme.1", i, size) for i, size in enumerate(sizes)]
    assert list(loads(packs, most=max([*sizes, 2]))) == [[("acme.1", i) for i in found] for found in expected]


def test_small_campaigns_share_a_message_of_the_size_of_their_packs(store):
    stage = Stage(store)
    an_account(store, credits_=100)
    ids = [a_campaign(store, to=addresses(3, start=i * 10), pack_size=10) for i in range(6)]
    stage.scheduler.turn()

    assert len(stage.broker.queues["send"].queue) == 2
    stage.work()
    assert [letters(store, campaign) for campaign in ids] == ["SSS"] * 6


def test_one_pack_that_cannot_be_read_holds_up_none_that_came_with_it(store):
    stage = Stage(store)
    an_account(store, credits_=100)
    ids = [a_campaign(store, to=addresses(3, start=i * 10), pack_size=10) for i in range(3)]
    rows = store.client.hget(store.keys.rows(ids[1]), "0")
    store.client.delete(store.keys.rows(ids[1]))
    stage.scheduler.turn()
    with pytest.raises(Exception, match="lost the rows"):
        stage.work()
    assert [letters(store, campaign) for campaign in ids] == ["SSS", "QQQ", "SSS"]

    store.client.hset(store.keys.rows(ids[1]), "0", rows)
    store.at_ms += LEASE_MS + 1
    stage.run()
    assert letters(store, ids[1]) == "SSS"


def served(store, weights, turns, messages=10, people=6_000):
    """How many recipients each account had released when the queue took so many messages a turn."""
    stage, had = Stage(store, in_flight=100_000), Counter()
    for account, weight in weights.items():
        an_account(store, account, credits_=20_000)
        accounts.weigh(store, account, weight)
        a_campaign(store, account, to=people, pack_size=10)
    for _ in range(turns):
        room = messages
        visits = agenda.due_accounts(store, most=64, look_again_ms=LEASE_MS)
        stage.scheduler.releaser.deal(visits, room)
        for place, visit in enumerate(visits):
            if room <= 0:
                stage.scheduler.releaser.put_back(visits[place:])
                break
            turn = stage.scheduler.releaser.serve(visit, 0)
            room -= turn.messages
            had[visit.account] += turn.recipients
        store.at_ms += 20
    return had


@pytest.mark.parametrize("store", ["fake"], indirect=True)
@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 1, "b": 3}, {"a": 1, "b": 2, "c": 5}])
def test_accounts_share_by_weight(store, weights):
    had = served(store, weights, turns=60)
    total, whole = sum(had.values()), sum(weights.values())

    assert total >= 60 * 10 * 10 * 0.9
    for account, weight in weights.items():
        assert abs(had[account] / total - weight / whole) < 0.05, had


@pytest.mark.parametrize("store", ["fake"], indirect=True)
def test_a_queue_that_takes_two_messages_a_turn_serves_ten_accounts_alike(store):
    had = served(store, {f"a{i}": 1 for i in range(10)}, turns=100, messages=2, people=1_000)

    assert max(had.values()) - min(had.values()) <= 20


def test_a_short_list_of_the_same_account_does_not_wait_for_a_long_one(store):
    stage = Stage(store, in_flight=40)
    an_account(store, credits_=1000)
    long = a_campaign(store, to=300, pack_size=10)
    stage.scheduler.turn()
    short = a_campaign(store, to=addresses(5, start=900), pack_size=10)
    stage.scheduler.turn()
    stage.work()

    assert letters(store, short) == "S" * 5
    assert "Q" in letters(store, long)


def test_what_was_saved_up_is_bounded_and_debts_are_paid():
    shares = Shares()
    for _ in range(100):
        shares.deal({"a": 1, "b": 1}, 100)
    assert shares.of("a") == 1_000
    shares.take("a", 1_500)
    assert shares.of("a") == 0
    for _ in range(10):
        shares.deal({"a": 1, "b": 1}, 100)
    assert shares.of("a") == 0
    shares.deal({"a": 1, "b": 1}, 100)
    assert shares.of("a") == 50
    shares.forget("a")
    assert shares.of("a") == 0


def test_an_account_in_debt_is_looked_at_again_after_the_others(store):
    stage = Stage(store)
    an_account(store, credits_=10)
    a_campaign(store, to=5)
    wake(store, "acme")
    releaser = Releaser(store, stage.actors, lease_ms=LEASE_MS, in_flight=4000)
    releaser._shares.take("acme", 500)
    turn = releaser.serve(Visit("acme", store.at_ms, store.at_ms + LEASE_MS, 1), 0)

    assert (turn.packs, turn.more) == ([], True)
    assert store.client.zscore(store.keys.runnable, "acme") == store.at_ms


def test_a_campaign_held_back_for_one_that_then_took_less_goes_on_at_once(store):
    stage = Stage(store)
    an_account(store, credits_=6)
    held = a_campaign(store, to=2)
    stage.run()
    first = a_campaign(store, to=4)  # two of them have an open InMail
    second = a_campaign(store, to=addresses(4, start=10))
    for _ in range(3):
        stage.run()

    assert (letters(store, held), letters(store, first)) == ("SS", "PPSS")
    assert letters(store, second).count("S") == 2, "the credits that are left"


def test_a_long_list_is_not_starved_by_a_flow_of_tiny_ones(store, monkeypatch):
    stage = Stage(store)
    an_account(store, "big", credits_=3_000)
    long = a_campaign(store, "big", to=3_000, pack_size=50)
    for i in range(5):
        an_account(store, f"tiny{i}", credits_=100)
    monkeypatch.setattr(Actors, "backlog", lambda _: 0)
    stage.scheduler.releaser.pace = type("Ten", (), {"room": lambda _: 10, "put": lambda *_: None})()
    for turn in range(12):
        for i in range(5):
            a_campaign(store, f"tiny{i}", to=addresses(1, start=10_000 + turn * 5 + i))
        stage.scheduler.turn()
        stage.work()
        store.at_ms += 20

    assert letters(store, long) == "S" * 3_000


def test_every_campaign_that_has_no_room_any_more_says_so_at_once(store):
    stage = Stage(store)
    an_account(store, credits_=4)
    ids = [a_campaign(store, to=addresses(5, start=i * 10)) for i in range(4)]
    stage.run()
    found = [campaigns.get_campaign(store, campaign) for campaign in ids]

    assert sum(letters(store, campaign).count("S") for campaign in ids) == 4
    assert [(it.state, it.waiting_for) for it in found] == [("waiting", "credits")] * 4
