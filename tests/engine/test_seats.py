"""Seats: several people on one account's credits, each within a monthly cap of their own, if they have one."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import api_keys, campaigns, credits, refunds, releasing, seats, sending, submitting, subscriptions
from engine.accounts import get_account
from engine.api_keys import Pace
from engine.audit import audit
from engine.errors import Invalid, NotFound, Refused
from engine.forecast import Terms, forecast
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.offer import Offer
from engine.store import Store, open_client
from tests.conftest import DAY_MS, NOON_MS
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
    send,
    send_all,
    wallet,
)

WIDE = Pace(1000, 1000)
MONTH_MS = 31 * DAY_MS


@pytest.fixture
def ben(store):
    """Acme with 100 credits, and Ben on it with a cap of 5."""
    an_account(store, credits_=100)
    seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=5)
    return "ben"


def used(store, seat="ben"):
    return seats.get(store, "acme", seat).used_credits


def waits(store, campaign):
    return campaigns.get_campaign(store, campaign).waiting_for


def kinds(store):
    return [(entry.kind, entry.at, entry.n, entry.note) for entry in credits.log(store, "acme") if "seat" in entry.kind]


def id_of(key):
    return key.partition(".")[0]


class TestTheSeatsOfAnAccount:
    def test_are_added_once_changed_and_taken_away_and_the_log_tells_it(self, store, ben):
        found = seats.get(store, "acme", ben)
        assert (found.name, found.email, found.cap_credits, found.used_credits) == ("Ben", "ben@example.org", 5, 0)
        assert (found.month, found.created_at_ms, found.left_credits) == ("s1.0", NOON_MS, 5)
        assert not seats.add(store, "acme", "ben", name=" Ben ", email="BEN@example.org", cap=5)
        assert seats.set_cap(store, "acme", "ben", 9)
        assert not seats.set_cap(store, "acme", "ben", 9)
        assert seats.set_cap(store, "acme", "ben", None)
        assert seats.get(store, "acme", "ben").left_credits is None
        seats.add(store, "acme", "ada", name="Ada", email="ada@example.org")
        assert [one.id for one in seats.of_account(store, "acme")] == ["ada", "ben"]
        assert seats.remove(store, "acme", "ben") == 0
        assert [one.id for one in seats.of_account(store, "acme")] == ["ada"]
        assert kinds(store) == [
            ("seat_add", "ben", 5, "cap 5"),
            ("seat_cap", "ben", 9, "cap 9"),
            ("seat_cap", "ben", 0, "no cap"),
            ("seat_add", "ada", 0, "no cap"),
            ("seat_remove", "ben", 0, ""),
        ]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"seat": "Ben"}, "bad_seat_id"),
            ({"seat": "a.b"}, "bad_seat_id"),
            ({"seat": ""}, "bad_seat_id"),
            ({"name": " "}, "bad_name"),
            ({"name": "x" * 121}, "bad_name"),
            ({"email": "nobody"}, "bad_address"),
            ({"cap": -1}, "bad_cap"),
            ({"cap": 10**9 + 1}, "bad_cap"),
            ({"account": "globex"}, "no_account"),
            ({"name": "Benno"}, "seat_exists"),
            ({"email": "other@example.org"}, "seat_exists"),
            ({"cap": 6}, "seat_exists"),
            ({"cap": None}, "seat_exists"),
        ],
    )
    def test_are_refused_by_code_and_stay_as_they_were(self, store, ben, changes, code):
        asked = {"account": "acme", "seat": "ben", "name": "Ben", "email": "ben@example.org", "cap": 5} | changes
        before = seats.of_account(store, "acme")
        with pytest.raises((Invalid, Refused)) as refused:
            seats.add(store, asked.pop("account"), asked.pop("seat"), **asked)
        assert refused.value.code == code
        assert seats.of_account(store, "acme") == before

    def test_what_is_not_there_is_told_by_code(self, store, ben):
        for call in (
            lambda: seats.get(store, "acme", "ada"),
            lambda: seats.set_cap(store, "acme", "ada", 1),
            lambda: seats.remove(store, "acme", "ada"),
            lambda: api_keys.create(store, "acme", seat="ada"),
        ):
            with pytest.raises(NotFound) as missing:
                call()
            assert missing.value.code == "no_seat"
        for call in (
            lambda: seats.get(store, "globex", "ada"),
            lambda: seats.of_account(store, "globex"),
            lambda: seats.remove(store, "globex", "ada"),
        ):
            with pytest.raises(NotFound) as missing:
                call()
            assert missing.value.code == "no_account"
        with pytest.raises(Invalid, match="a cap is from 0"):
            seats.set_cap(store, "acme", "ben", -1)

    def test_are_so_many_and_one_taken_away_makes_room(self, store, ben, monkeypatch):
        monkeypatch.setattr(seats, "SEATS_MAX", 2)
        seats.add(store, "acme", "ada", name="Ada", email="ada@example.org")
        with pytest.raises(Refused) as refused:
            seats.add(store, "acme", "eve", name="Eve", email="eve@example.org")
        assert refused.value.code == "too_many_seats"
        assert not seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=5), "a repeat is no other"
        seats.remove(store, "acme", "ada")
        seats.add(store, "acme", "eve", name="Eve", email="eve@example.org")

    def test_a_call_repeated_after_its_answer_was_lost_changes_nothing(self, store, ben):
        keys, call = store.keys.of_seats("acme"), ("cap", "call:1", "ben", "7", 200, "")
        assert store.run("seat", keys, *call) == ["ok", "1"]
        seats.set_cap(store, "acme", "ben", 9)
        assert store.run("seat", keys, *call) == ["ok", "1"]
        assert seats.get(store, "acme", "ben").cap_credits == 9


class TestTheCap:
    def test_bounds_a_pack_bigger_than_it_and_the_campaign_waits_for_the_seat(self, store, ben):
        campaign = a_campaign(store, to=8, seat=ben)
        assert campaigns.describe(store, campaign)["seat"] == "ben"
        send(store, campaign)
        assert (letters(store, campaign), used(store), waits(store, campaign)) == ("SSSSSQQQ", 5, "seat")
        assert wallet(store)["available"] == 95

    def test_is_of_all_the_seats_campaigns_together_and_of_nobody_elses(self, store, ben):
        seats.add(store, "acme", "ada", name="Ada", email="ada@example.org", cap=3)
        mine, second = (a_campaign(store, to=addresses(4, 10 * i), seat=ben) for i in range(2))
        hers = a_campaign(store, to=addresses(4, 40), seat="ada")
        ours = a_campaign(store, to=addresses(4, 60))
        for campaign in (mine, second, hers, ours):
            send_all(store, campaign)
        found = [(letters(store, one), waits(store, one)) for one in (mine, second, hers, ours)]
        assert found == [("SSSS", ""), ("SQQQ", "seat"), ("SSSQ", "seat"), ("SSSS", "")]
        assert (used(store), used(store, "ada")) == (5, 3)

    @pytest.mark.parametrize("cap", [0, 5])
    def test_when_it_is_reached_a_new_campaign_waits_from_the_start_and_so_does_a_resumed_one(self, store, ben, cap):
        seats.set_cap(store, "acme", ben, cap)
        send_all(store, a_campaign(store, to=cap + 1, seat=ben))
        late = a_campaign(store, to=addresses(2, 20), seat=ben)
        assert waits(store, late) == "seat"
        campaigns.steer(store, late, "pause")
        assert campaigns.steer(store, late, "resume") == "waiting"
        assert waits(store, late) == "seat"

    def test_is_not_reopened_by_a_refund_nor_by_an_answer_and_the_credit_is_the_accounts(self, store, ben):
        campaign = a_campaign(store, to=7, pack_size=7, seat=ben)
        send(store, campaign)
        reply(store, f"{campaign}.0", address="p0@example.org", accept=True)
        store.at_ms += 7 * DAY_MS
        refunds.refund(store, campaign, 0)
        assert wallet(store) == {"available": 99, "held": 0, "spent": 1, "granted": 100, "expired": 0}
        assert used(store) == 5
        assert release(store, campaign).packs == ()
        assert waits(store, campaign) == "seat"
        ours = a_campaign(store, to=addresses(99, 100))
        send_all(store, ours)
        assert wallet(store)["available"] == 0, "who has no cap goes on with it"

    def test_a_failed_delivery_does_not_reopen_it(self, store, ben):
        campaign = a_campaign(store, to=6, seat=ben)
        held = claim(store, campaign)
        put_in_mailboxes(store, held)
        sending.settle(store, held, held.positions[1:], [sending.Failure(held.positions[0], "gone")])
        assert letters(store, campaign) == "FSSSSQ"
        assert (used(store), wallet(store)["available"]) == (5, 96)

    def test_is_open_again_in_a_new_month(self, store, ben):
        campaign = a_campaign(store, to=12, pack_size=12, seat=ben)
        send(store, campaign)
        for label, sent in (("s1.1", 10), ("s1.2", 12)):
            store.at_ms += MONTH_MS
            store.client.delete(store.keys.runnable)
            subscriptions.advance(store, Offer(), "acme")
            assert seats.get(store, "acme", ben).month == label
            assert used(store) == 0
            assert store.client.zscore(store.keys.runnable, "acme") is not None, "the scheduler is woken"
            send_all(store, campaign)
            assert letters(store, campaign).count("S") == sent
            assert audit(store, "acme").drift == []
        assert used(store) == 2

    def test_is_open_again_after_an_upgrade_to_another_cycle_as_that_begins_new_months(self, store):
        offer = Offer()
        an_account(store, credits_=50, plan=a_plan(slug="small", fee_monthly=100, fee_annual=1000))
        seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=2)
        campaign = a_campaign(store, to=4, seat="ben")
        send_all(store, campaign)
        dearer = a_plan(slug="big", fee_monthly=200, fee_annual=2000)
        subscriptions.change(store, offer, "acme", dearer)
        assert (used(store), seats.get(store, "acme", "ben").month) == (2, "s1.0"), "the same month goes on"
        assert audit(store, "acme").drift == []
        subscriptions.change(store, offer, "acme", dearer, annual=True)
        assert (used(store), seats.get(store, "acme", "ben").month) == (0, "s2.0")
        send_all(store, campaign)
        assert letters(store, campaign) == "SSSS"

    @pytest.mark.parametrize("cap", [7, None])
    def test_raised_or_gone_lets_its_campaigns_go_on_and_wakes_the_scheduler(self, store, ben, cap):
        campaign = a_campaign(store, to=7, seat=ben)
        send_all(store, campaign)
        store.client.delete(store.keys.runnable)
        seats.set_cap(store, "acme", ben, cap)
        assert store.client.zscore(store.keys.runnable, "acme") is not None
        send_all(store, campaign)
        assert (letters(store, campaign), used(store)) == ("SSSSSSS", 7)

    def test_lowered_under_what_was_used_stops_at_once_and_takes_nothing_back(self, store, ben):
        campaign = a_campaign(store, to=5, pack_size=3, seat=ben)
        send(store, campaign)
        seats.set_cap(store, "acme", ben, 2)
        assert claim(store, campaign, 1).positions == []
        assert (used(store), seats.get(store, "acme", ben).left_credits) == (3, 0)

    def test_a_lease_that_ran_out_and_is_claimed_again_counts_once(self, store, ben):
        campaign = a_campaign(store, to=4, seat=ben)
        assert len(claim(store, campaign, token="gone").positions) == 4
        store.at_ms += LEASE_MS + 1
        assert len(claim(store, campaign, token="other").positions) == 4
        assert len(claim(store, campaign, token="other").positions) == 4
        assert used(store) == 4

    def test_what_others_have_in_flight_does_not_hold_up_a_seat_with_little_left(self, store, ben):
        campaign = a_campaign(store, to=3, seat=ben)
        released = releasing.release(store, campaign, releasing.Terms(LEASE_MS, 4000, spoken_for=97))
        assert released.packs == (0,)

    def test_without_it_and_without_a_seat_nothing_is_bounded(self, store, ben):
        seats.set_cap(store, "acme", ben, None)
        mine, ours = a_campaign(store, to=30, seat=ben), a_campaign(store, to=addresses(30, 30))
        send_all(store, mine)
        send_all(store, ours)
        assert letters(store, mine) + letters(store, ours) == "S" * 60


class TestASeatThatIsTakenAway:
    def test_has_its_campaigns_go_on_without_a_cap_and_new_ones_refused(self, store, ben):
        campaign = a_campaign(store, to=8, seat=ben)
        send_all(store, campaign)
        store.client.delete(store.keys.runnable)
        seats.remove(store, "acme", ben)
        assert store.client.zscore(store.keys.runnable, "acme") is not None
        send_all(store, campaign)
        assert letters(store, campaign) == "SSSSSSSS"
        with pytest.raises(Refused) as refused:
            a_campaign(store, to=1, seat=ben)
        assert refused.value.code == "no_seat"
        left = [name for name in store.hash(store.keys.account("acme")) if name.endswith(":ben")]
        assert left == []

    def test_added_again_counts_from_nothing_and_bounds_the_campaigns_under_its_id(self, store, ben):
        campaign = a_campaign(store, to=20, pack_size=20, seat=ben)
        send_all(store, campaign)
        seats.remove(store, "acme", ben)
        seats.add(store, "acme", ben, name="Benno", email="benno@example.org", cap=2)
        assert used(store) == 0
        send_all(store, campaign)
        assert (letters(store, campaign).count("S"), used(store)) == (7, 2)

    def test_is_refused_where_it_went_away_while_the_list_was_read(self, store, ben, monkeypatch):
        monkeypatch.setattr(submitting, "check_order", lambda *_: seats.remove(store, "acme", "ben"))
        with pytest.raises(Refused) as refused:
            a_campaign(store, to=1, seat=ben)
        assert refused.value.code == "no_seat"
        assert store.client.zcard(store.keys.drafts("acme")) == 0, "nothing is left behind"

    def test_an_order_repeated_with_its_key_is_answered_all_the_same_and_is_nobody_elses(self, store, ben):
        seats.add(store, "acme", "ada", name="Ada", email="ada@example.org")
        campaign = a_campaign(store, to=2, seat=ben, key="k")
        assert a_campaign(store, to=2, seat=ben, key="k") == campaign
        with pytest.raises(Refused) as refused:
            a_campaign(store, to=2, seat="ada", key="k")
        assert refused.value.code == "key_reused"


class TestADryRun:
    @pytest.mark.parametrize(
        ("seat", "to", "granted", "at_once", "waiting_for", "waves"),
        [
            ("ben", 3, 100, 2, "seat", None),
            ("ben", 2, 100, 2, None, 1),
            ("ben", 3, 5, 1, "credits", None),
            ("ada", 3, 100, 3, None, 1),
            ("", 3, 100, 3, None, 1),
        ],
    )
    def test_tells_what_the_cap_lets_go(self, store, seat, to, granted, at_once, waiting_for, waves):
        an_account(store, credits_=granted)
        seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=5)
        seats.add(store, "acme", "ada", name="Ada", email="ada@example.org")
        send_all(store, a_campaign(store, to=addresses(2, 10), seat="ben"))
        a_campaign(store, to=addresses(1, 20), seat="ben")
        a_campaign(store, to=addresses(1, 30), seat="ada")
        found = dry_run(store, seat, to)
        assert found["sent_at_once"] == at_once
        assert found["waiting_for"] == waiting_for
        assert found["waves_if_nobody_answers"] == waves

    def test_of_a_seat_there_is_none_of_is_refused(self, store, ben):
        with pytest.raises(NotFound):
            dry_run(store, "ada", 1)


def dry_run(store, seat, to):
    text = "email\n" + "".join(f"{address}\n" for address in addresses(to))
    with open_list("-", stdin=io.BytesIO(text.encode())) as listed:
        message = parse_message("s", "b", columns=listed.columns)
        return forecast(store, get_account(store, "acme"), listed, message, Terms(7 * DAY_MS, seat=seat))


class TestTheKeysOfASeat:
    def test_are_its_own_and_cannot_change_seats_unless_they_are_told_to(self, store, ben):
        key = api_keys.create(store, "acme", seat=ben)
        found = api_keys.admit(store, key, WIDE)
        assert (found.account, found.seat) == ("acme", "ben")
        assert set(api_keys.SCOPES) - found.scopes == {"seats:write", "billing:write"}
        assert api_keys.get(store, id_of(key)).seat == "ben"
        lead = api_keys.create(store, "acme", seat=ben, scopes=["seats:write"])
        assert api_keys.admit(store, lead, WIDE).scopes == {"seats:write"}
        assert api_keys.admit(store, api_keys.create(store, "acme"), WIDE).seat == ""

    def test_are_revoked_with_it_and_the_others_stay(self, store, ben):
        his, ours = api_keys.create(store, "acme", seat=ben), api_keys.create(store, "acme")
        assert seats.remove(store, "acme", ben) == 1
        assert api_keys.admit(store, his, WIDE) is None
        assert not api_keys.in_force(store, id_of(his))
        assert api_keys.get(store, id_of(his)).revoked_at_ms == NOON_MS
        assert api_keys.admit(store, ours, WIDE)
        assert api_keys.in_force(store, id_of(ours))

    def test_are_out_of_force_though_it_died_before_it_revoked_them_and_a_repeat_revokes_them(
        self, store, ben, monkeypatch
    ):
        key = api_keys.create(store, "acme", seat=ben)
        with monkeypatch.context() as patched:
            patched.setattr(api_keys, "revoke", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                seats.remove(store, "acme", ben)
        assert api_keys.admit(store, key, WIDE) is None
        assert not api_keys.in_force(store, id_of(key))
        seats.add(store, "acme", ben, name="Benno", email="benno@example.org")
        assert api_keys.admit(store, key, WIDE) is None, "another person of that id has keys of their own"
        seats.remove(store, "acme", ben)
        with pytest.raises(NotFound):
            seats.remove(store, "acme", ben)

    def test_a_removal_that_died_is_finished_by_the_next(self, store, ben, monkeypatch):
        key = api_keys.create(store, "acme", seat=ben)
        with monkeypatch.context() as patched:
            patched.setattr(api_keys, "of_account", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                seats.remove(store, "acme", ben)
        assert seats.remove(store, "acme", ben) == 1
        assert api_keys.get(store, id_of(key)).revoked_at_ms

    def test_a_seat_has_so_many_and_they_do_not_take_the_accounts(self, store, ben, monkeypatch):
        monkeypatch.setattr(api_keys, "KEYS_OF_SEAT_MAX", 1)
        monkeypatch.setattr(api_keys, "KEYS_MAX", 1)
        api_keys.create(store, "acme", seat=ben)
        with pytest.raises(Refused) as refused:
            api_keys.create(store, "acme", seat=ben)
        assert refused.value.code == "too_many_keys"
        api_keys.create(store, "acme")


DAMAGE = {
    "a credit used that nobody debited": (
        lambda s, account, there: s.hset(account, "used:ben", "s1.0 4"),
        "seat ben: 4 credits are counted as used in this month, the log debited 5",
    ),
    "what was used forgotten": (lambda s, account, there: s.hdel(account, "used:ben"), "seat ben: 0 credits are"),
    "of another month": (lambda s, account, there: s.hset(account, "used:ben", "s1.1 5"), "seat ben: 0 credits are"),
    "a cap nobody set": (
        lambda s, account, there: s.hset(account, "cap:ben", "50"),
        "seat ben: its cap is 50, the log says 5",
    ),
    "a cap lost": (lambda s, account, there: s.hdel(account, "cap:ben"), "seat ben: its cap is none, the log says 5"),
    "a seat lost": (lambda s, account, there: s.hdel(there, "ben"), "seat ben: it is not there as the log"),
    "a seat of another entry": (lambda s, account, there: s.hset(account, "seat:ben", "1"), "seat ben: it is not"),
    "a seat nobody added": (lambda s, account, there: s.hset(there, "eve", "{}"), "seat eve: it is not there"),
    "a cap of nobody": (lambda s, account, there: s.hset(account, "cap:eve", "1"), "seat eve: its cap is 1"),
    "credits of nobody": (lambda s, account, there: s.hset(account, "used:eve", "s1.0 1"), "seat eve: 1 credits"),
}


@pytest.mark.drifts
@pytest.mark.parametrize("damage", DAMAGE)
def test_the_auditor_names_a_seat_that_is_not_as_the_log_says(store, ben, damage):
    send_all(store, a_campaign(store, to=7, seat=ben))
    assert audit(store, "acme").drift == []
    harm, told = DAMAGE[damage]
    harm(store.client, store.keys.account("acme"), store.keys.seats("acme"))
    (line,) = audit(store, "acme").drift
    assert line.startswith(told)


@pytest.mark.redis
@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.proof)])
def test_workers_that_claim_at_once_never_take_more_than_the_cap(redis_url, rounds):
    stores = [Store(open_client(redis_url), at_ms=NOON_MS) for _ in range(8)]
    first = stores[0]
    first.client.flushdb()
    for turn in range(rounds):
        account, start = an_account(first, f"acme{turn}", credits_=100), threading.Barrier(8, timeout=30)
        seats.add(first, account, "ben", name="Ben", email="ben@example.org", cap=13)
        ids = [a_campaign(first, account, to=addresses(20, 20 * i), pack_size=5, seat="ben") for i in range(2)]

        def spend(i, ids=ids, start=start):
            start.wait()
            held = sending.claim(stores[i], ids[i % 2], i // 2, token=f"t{i}", lease_ms=LEASE_MS)
            put_in_mailboxes(stores[i], held)
            return len(held.positions)

        with ThreadPoolExecutor(8) as pool:
            spent = list(pool.map(spend, range(8)))
        assert sum(spent) == 13 == seats.get(first, account, "ben").used_credits
        assert wallet(first, account)["held"] == 13
        assert audit(first, account).drift == []
    for store in stores:
        store.client.close()
