"""API keys: told once, kept as a digest, admitted by it alone, at a pace of their own."""

import pytest

from engine import api_keys
from engine.api_keys import Pace
from engine.errors import Invalid, NotFound, Refused
from tests.conftest import DAY_MS
from tests.factories import an_account

PACE = Pace(rate=10, burst=3)
WIDE = Pace(rate=1000, burst=1000)


@pytest.fixture
def key(store):
    an_account(store)
    return api_keys.create(store, "acme", name="CI")


def id_of(key):
    return key.partition(".")[0]


def test_a_key_admits_its_account_with_all_scopes_unless_some_are_named(store, key):
    found = api_keys.admit(store, key, WIDE)
    assert (found.account, found.scopes, found.key_id) == ("acme", frozenset(api_keys.SCOPES), id_of(key))
    few = api_keys.create(store, "acme", scopes=["credits:read", "mailbox:read"])
    assert api_keys.admit(store, few, WIDE).scopes == {"credits:read", "mailbox:read"}


def test_the_secret_is_nowhere_in_redis(store, key):
    secret = key.partition(".")[2].encode()
    for name in store.client.scan_iter("inmail:{apikey*"):
        kind = store.client.type(name)
        held = store.client.hgetall(name) if kind == b"hash" else store.client.zrange(name, 0, -1)
        assert secret not in repr(held).encode()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        ".",
        "imk_",
        "nothing.at-all",
        "imk_0000000000000000." + "A" * 43,
        "{id}." + "A" * 43,
        "{id}",
        "{id}.",
        "{key}x",
        "{key}\n",
        "{upper}",
    ],
)
def test_whatever_is_wrong_about_a_key_it_is_nobodys(store, key, wrong):
    presented = wrong.format(id=id_of(key), key=key, upper=key.upper())
    assert api_keys.admit(store, presented, WIDE) is None


def test_a_wrong_secret_uses_up_nothing_of_the_keys_pace(store, key):
    for _ in range(10):
        assert api_keys.admit(store, id_of(key) + "." + "A" * 43, PACE) is None
    assert api_keys.admit(store, key, PACE).left == 2


def test_a_key_asks_at_its_pace_and_is_told_when_it_may_again(store, key):
    assert [api_keys.admit(store, key, PACE).left for _ in range(3)] == [2, 1, 0]
    waits = api_keys.admit(store, key, PACE)
    assert (waits.wait_ms, waits.account) == (100, "acme")
    assert api_keys.admit(store, key, PACE).wait_ms == 100, "asking too often does not make the wait longer"
    store.at_ms += 100
    assert api_keys.admit(store, key, PACE).wait_ms == 0
    store.at_ms += 1_000
    assert api_keys.admit(store, key, PACE).left == 2


def test_a_key_expires_and_is_revoked_at_once(store, key):
    short = api_keys.create(store, "acme", lifetime_ms=1_000)
    assert api_keys.admit(store, short, WIDE)
    store.at_ms += 1_000
    assert api_keys.admit(store, short, WIDE) is None
    assert api_keys.revoke(store, id_of(key)) is True
    assert api_keys.admit(store, key, WIDE) is None
    assert api_keys.revoke(store, id_of(key)) is False
    states = [one.state(store.now_ms()) for one in api_keys.of_account(store, "acme")]
    assert sorted(states) == ["expired", "revoked"]


def test_a_rotated_keys_old_secret_stays_in_force_for_the_overlap(store, key):
    new = api_keys.rotate(store, id_of(key), overlap_ms=DAY_MS)
    assert id_of(new) == id_of(key)
    assert new != key
    assert api_keys.admit(store, new, WIDE)
    assert api_keys.admit(store, key, WIDE)
    store.at_ms += DAY_MS
    assert api_keys.admit(store, key, WIDE) is None
    assert api_keys.admit(store, new, WIDE)


def test_a_rotation_repeated_after_a_lost_reply_does_not_forget_the_old_secret(store, key):
    record, digest = store.keys.api_key(id_of(key)), "ab" * 32
    assert store.run("rotate_key", [record], digest, DAY_MS) == ["ok"]
    before = store.hash(record)
    assert store.run("rotate_key", [record], digest, DAY_MS) == ["ok"]
    assert store.hash(record) == before
    assert api_keys.admit(store, key, WIDE)


def test_a_key_that_is_over_or_unknown_is_not_rotated(store, key):
    with pytest.raises(NotFound):
        api_keys.rotate(store, "imk_nothing", overlap_ms=0)
    with pytest.raises(NotFound):
        api_keys.revoke(store, "imk_nothing")
    api_keys.revoke(store, id_of(key))
    with pytest.raises(Refused) as refused:
        api_keys.rotate(store, id_of(key), overlap_ms=0)
    assert refused.value.code == "key_over"


def test_a_key_admitted_before_may_go_on_until_it_is_revoked_or_expires(store, key):
    short = api_keys.create(store, "acme", lifetime_ms=1_000)
    assert api_keys.in_force(store, id_of(key))
    assert api_keys.in_force(store, id_of(short))
    store.at_ms += 1_000
    assert not api_keys.in_force(store, id_of(short))
    api_keys.revoke(store, id_of(key))
    assert not api_keys.in_force(store, id_of(key))
    assert not api_keys.in_force(store, "imk_nothing")


def test_when_it_was_last_used_is_noted_to_the_minute(store, key):
    api_keys.admit(store, key, WIDE)
    first = api_keys.get(store, id_of(key)).last_used_at_ms
    assert first == store.at_ms
    store.at_ms += 59_999
    api_keys.admit(store, key, WIDE)
    assert api_keys.get(store, id_of(key)).last_used_at_ms == first
    store.at_ms += 1
    api_keys.admit(store, key, WIDE)
    assert api_keys.get(store, id_of(key)).last_used_at_ms == store.at_ms


def test_what_cannot_be_a_key_is_refused_saying_why(store):
    with pytest.raises(NotFound):
        api_keys.create(store, "nobody")
    an_account(store)
    with pytest.raises(Invalid, match="no scope 'everything'"):
        api_keys.create(store, "acme", scopes=["everything"])
    with pytest.raises(Invalid, match="printable"):
        api_keys.create(store, "acme", name="x" * 121)
    for wrong in (-1, 91 * DAY_MS):
        with pytest.raises(Invalid):
            api_keys.rotate(store, "imk_x", overlap_ms=wrong)


def test_an_account_has_so_many_keys_and_those_long_over_make_room(store, key, monkeypatch):
    monkeypatch.setattr(api_keys, "KEYS_MAX", 2)
    short = api_keys.create(store, "acme", lifetime_ms=1_000)
    with pytest.raises(Refused) as refused:
        api_keys.create(store, "acme")
    assert refused.value.code == "too_many_keys"
    store.at_ms += 31 * DAY_MS
    api_keys.create(store, "acme")
    assert id_of(short) not in [one.id for one in api_keys.of_account(store, "acme")]
