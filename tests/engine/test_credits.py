"""Accounts, grants, the wallet and its log."""

import pytest

from engine import accounts, credits, opening, plans, suppressions
from engine.errors import Invalid, NotFound, Refused
from tests.factories import a_plan, an_account, wallet


def test_an_account_on_a_premium_plan_begins_with_its_first_months_credits(store):
    an_account(store, plan=a_plan(credits_a_month=15))

    assert wallet(store) == {"available": 15, "held": 0, "spent": 0, "granted": 15, "expired": 0}
    assert [(e.seq, e.kind, e.n) for e in credits.log(store, "acme")] == [(1, "open", 0), (2, "grant", 15)]


def test_a_basic_account_has_no_credits_and_cannot_send(store):
    an_account(store, plan=a_plan(slug="basic", can_send=False))

    assert wallet(store)["granted"] == 0
    assert accounts.get_account(store, "acme").can_send is False


def test_opening_the_same_account_twice_is_once(store):
    an_account(store, plan=a_plan(credits_a_month=15))
    again = opening.open_account(store, "acme", email="ACME@example.org", name="Acme", plan=a_plan(credits_a_month=15))

    assert again is False
    assert wallet(store)["granted"] == 15


def test_an_account_begins_with_the_weight_of_its_plan(store):
    an_account(store, plan=a_plan(weight=7))
    assert accounts.get_account(store, "acme").weight == 7


def test_an_account_opened_before_there_were_weights_has_weight_1(store):
    an_account(store, plan=a_plan(weight=7))
    store.client.hdel(store.keys.account("acme"), "weight")
    assert accounts.get_account(store, "acme").weight == 1


def test_opening_an_account_again_does_not_set_its_weight_back(store):
    an_account(store, plan=a_plan(weight=7))
    accounts.weigh(store, "acme", 3)
    an_account(store, plan=a_plan(weight=7))
    an_account(store, plan=a_plan(weight=9))  # the plan weighs more by now: it is the same plan all the same

    assert accounts.get_account(store, "acme").weight == 3


@pytest.mark.parametrize("bad", [0, -1, plans.WEIGHT_MAX + 1, 10**30])
def test_a_weight_out_of_bounds_is_invalid_and_changes_nothing(store, bad):
    an_account(store, plan=a_plan(weight=7))
    with pytest.raises(Invalid, match="from 1 to 100"):
        accounts.weigh(store, "acme", bad)
    assert accounts.get_account(store, "acme").weight == 7


def test_nobody_is_weighed_who_is_not_there(store):
    with pytest.raises(NotFound, match="no account 'nobody'"):
        accounts.weigh(store, "nobody", 3)
    assert not store.client.exists(store.keys.account("nobody"))


def test_opening_an_id_that_is_taken_by_another_is_refused(store):
    an_account(store)
    with pytest.raises(Refused, match="already open with another"):
        opening.open_account(store, "acme", email="other@example.org", name="Acme", plan=a_plan())


@pytest.mark.parametrize("bad", ["", "Acme", "-acme", "acme.1", "a" * 41, "sched", "a b", "acmé"])
def test_an_account_id_that_keys_could_not_carry_is_invalid(store, bad):
    with pytest.raises(Invalid, match="is not usable"):
        opening.open_account(store, bad, email="a@example.org", name="A", plan=a_plan())


def test_a_grant_adds_credits_and_stands_in_the_log(store):
    an_account(store)
    seq = credits.grant(store, "acme", 5, reason="a gift")

    assert wallet(store) == {"available": 5, "held": 0, "spent": 0, "granted": 5, "expired": 0}
    entry = list(credits.log(store, "acme"))[-1]
    assert (entry.seq, entry.kind, entry.n, entry.note, entry.wallet.available) == (seq, "grant", 5, "a gift", 5)


def test_a_grant_repeated_with_its_key_is_granted_once_and_answers_the_same(store):
    an_account(store)
    first = credits.grant(store, "acme", 5, reason="a gift", key="k")
    second = credits.grant(store, "acme", 5, reason="a gift", key="k")

    assert first == second
    assert wallet(store)["granted"] == 5


@pytest.mark.parametrize(("n", "reason"), [(6, "a gift"), (5, "another gift")])
def test_a_key_used_for_another_grant_is_refused(store, n, reason):
    an_account(store)
    credits.grant(store, "acme", 5, reason="a gift", key="k")
    with pytest.raises(Refused, match="used for another grant"):
        credits.grant(store, "acme", n, reason=reason, key="k")
    assert wallet(store)["granted"] == 5


@pytest.mark.parametrize("n", [0, -1, -(10**30), 10**9 + 1, 10**30])
def test_an_amount_out_of_bounds_is_invalid_and_nothing_is_granted(store, n):
    an_account(store)
    with pytest.raises(Invalid, match="grant from 1 to"):
        credits.grant(store, "acme", n, reason="r")
    assert wallet(store)["granted"] == 0


def test_grants_stop_below_the_numbers_lua_could_not_count(store):
    an_account(store)
    store.client.hset(store.keys.wallet("acme"), mapping={"granted": 2**52 - 1, "available": 2**52 - 1})
    with pytest.raises(Refused, match=r"2\^52"):
        credits.grant(store, "acme", 2, reason="r")
    store.client.hset(store.keys.wallet("acme"), mapping={"granted": 0, "available": 0})


def test_an_unknown_account_is_not_found_by_any_of_them(store):
    for call in (
        lambda: credits.grant(store, "nobody", 1, reason="r"),
        lambda: credits.wallet(store, "nobody"),
        lambda: accounts.get_account(store, "nobody"),
        lambda: suppressions.suppress(store, "nobody", "a@example.org"),
    ):
        with pytest.raises(NotFound):
            call()


def test_the_log_is_read_in_steps_and_from_any_entry_on(store):
    an_account(store)
    for i in range(5):
        credits.grant(store, "acme", 1, reason=f"r{i}")

    assert [e.seq for e in credits.log(store, "acme", after_seq=2, most=3)] == [3, 4, 5]


def test_a_key_is_never_forgotten_whatever_it_is_called(store):
    an_account(store)
    first = credits.grant(store, "acme", 10, reason="r", key="order:call:7")
    store.at_ms += 2 * 86_400_000
    credits.grant(store, "acme", 1, reason="other")
    assert credits.grant(store, "acme", 10, reason="r", key="order:call:7") == first
    assert credits.wallet(store, "acme").granted == 11
