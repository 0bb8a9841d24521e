"""Whoever writes to the directory may die half way or lose a reply: done again, it stands as if nothing had been."""

from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from benchmarks.candidates import candidates
from engine.directory import store as directory
from engine.directory import wishes
from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.profile import Profile
from engine.store import RedisTrouble, Store

GIVEN = list(candidates(12))
SHARED = [replace(each, address="ana@example.org") for each in GIVEN]


class Dying(Store):
    """A store that dies before its n-th call of a script, or after it (the reply is lost)."""

    def __init__(self, store, left, *, after):
        super().__init__(store.client, store.keys.namespace, store.at_ms)
        self.spread, self.left, self.after = store.spread, left, after

    def run(self, name, keys, *args):
        return self.one(lambda: super(Dying, self).run(name, keys, *args))

    def run_many(self, calls):
        return [self.run(name, keys, *args) for name, keys, args in calls]

    def one(self, call):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise RedisConnectionError("gone")
        done = call()
        if self.left == 0:
            raise RedisConnectionError("the reply is gone")
        return done


def standing(store):
    """All that counts of the directory: who is there, hidden, erased, and who is found by an address."""
    found = {}
    for shard in range(DIRECTORY_SHARDS):
        for kind in ("profiles", "hidden", "erased", "addresses"):
            key = getattr(store.keys, kind)(shard)
            found.update({(kind, field): value for field, value in store.client.hgetall(key).items()})
    return found


WRITES = {
    "put": lambda store: directory.put_many(store, GIVEN),
    "change": lambda store: directory.put_many(store, [replace(each, name="New") for each in SHARED]),
    "remove": lambda store: directory.remove_many(store, [each.id for each in SHARED]),
    "hide": lambda store: wishes.hide(store, "ana@example.org"),
    "show": lambda store: wishes.show(store, "ana@example.org"),
    "erase": lambda store: wishes.erase(store, "ana@example.org"),
}


def begin(store, verb):
    for key in list(store.client.scan_iter("*")):
        store.client.delete(key)
    if verb != "put":
        directory.put_many(store, SHARED)
    if verb == "show":
        wishes.hide(store, "ana@example.org")


@pytest.mark.parametrize("after", [False, True], ids=["before a call", "after a call"])
@pytest.mark.parametrize("verb", WRITES)
def test_whoever_dies_at_any_call_and_comes_again_leaves_what_one_go_leaves(store, verb, after):
    begin(store, verb)
    WRITES[verb](store)
    whole, steps = standing(store), 0
    while True:
        steps += 1
        begin(store, verb)
        try:
            WRITES[verb](Dying(store, steps, after=after))
        except RedisTrouble:
            WRITES[verb](store)
            assert standing(store) == whole
        else:
            break
    assert steps > 2


@pytest.mark.parametrize("verb", ["hide", "erase"])
def test_a_wish_that_died_half_way_holds_already_for_whoever_is_put_then(store, verb):
    with pytest.raises(RedisTrouble):
        WRITES[verb](Dying(store, 1, after=True))
    directory.put_many(store, SHARED)
    assert [each for each in directory.visible_many(store, [each.id for each in SHARED]) if each] == []


def test_whoever_is_refused_leaves_no_trace(store):
    wishes.erase(store, "ana@example.org")
    stands = standing(store)
    assert len(directory.put_many(store, SHARED).erased) == 12
    assert standing(store) == stands


@pytest.mark.redis
def test_with_memory_full_nothing_is_put_but_everything_can_be_hidden_erased_and_removed(redis_url):
    from engine.store import open_client
    from tests.conftest import NOON_MS

    store = Store(open_client(redis_url), at_ms=NOON_MS)
    store.client.flushdb()
    directory.put_many(store, [*SHARED, Profile(id="ben", name="Ben")])
    store.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            directory.put_many(store, [Profile(id="cay")])
        assert wishes.hide(store, "ana@example.org") == 12
        assert wishes.show(store, "ana@example.org") == 12
        assert wishes.erase(store, "ana@example.org") == 12
        assert directory.remove_many(store, ["ben"]) == 1
    finally:
        store.client.config_set("maxmemory", 0)
    assert directory.count(store) == 0
    store.client.close()
