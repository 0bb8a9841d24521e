"""The directory: what is put, changed, left the same, removed and read; and what a repeat does."""

from dataclasses import replace

import pytest

from benchmarks.candidates import candidates
from engine.directory import store as directory
from engine.directory.changes import changes_since, positions
from engine.directory.keys import DIRECTORY_SHARDS, shard_of
from engine.directory.profile import Profile
from engine.directory.store import Put
from engine.errors import Invalid, NotFound
from tests.conftest import NOON_MS

ANA = Profile(id="c1", name="Ana Luján", title="Engineer", skills=("Go", "SQL"), years=7, address="ana@example.org")
BEN = Profile(id="c2", name="Ben", address="ben@example.org", consent=False)
NOBODY = Profile(id="c3")


def stamped(profile, at_ms=NOON_MS):
    return replace(profile, updated_at_ms=at_ms)


def everything(store):
    return {key: store.client.dump(key) for key in sorted(store.client.scan_iter("*"))}


def changed_since(store, seqs):
    found = changes_since(store, seqs)
    return sorted(ident for share in found.ids.values() for ident in share)


PUTS = [
    # there before → put → what became of it, what is there then
    ([], [ANA], Put(new=1), [ANA]),
    ([], [ANA, BEN, NOBODY], Put(new=3), [ANA, BEN, NOBODY]),
    ([], [BEN, Profile(id="c2", name="Benny")], Put(new=1), [Profile(id="c2", name="Benny")]),
    ([ANA], [ANA], Put(same=1), [ANA]),
    ([ANA], [ANA, BEN], Put(new=1, same=1), [ANA, BEN]),
    ([ANA, BEN], [Profile(id="c1", name="Ana")], Put(changed=1), [Profile(id="c1", name="Ana"), BEN]),
    ([], [], Put(), []),
]


@pytest.mark.parametrize(("before", "put", "became", "after"), PUTS)
def test_profiles_are_put_changed_or_left_the_same(store, before, put, became, after):
    directory.put_many(store, before)
    seqs = positions(store)
    assert directory.put_many(store, put) == became
    found = directory.get_many(store, ["c1", "c2", "c3"])
    assert [each for each in found if each] == [stamped(each) for each in after]
    assert directory.count(store) == len(after)
    assert len(changed_since(store, seqs)) == became.new + became.changed

    stands, seqs = everything(store), positions(store)
    again = directory.put_many(store, put)
    assert (again.new, again.changed) == (0, 0)
    assert everything(store) == stands
    assert changed_since(store, seqs) == []


def test_what_is_the_same_keeps_its_time_and_what_changed_has_a_new_one(store):
    directory.put_many(store, [ANA, BEN])
    store.at_ms += 5
    directory.put_many(store, [ANA, Profile(id="c2", name="Benny")])
    assert [each.updated_at_ms for each in directory.get_many(store, ["c1", "c2"])] == [NOON_MS, NOON_MS + 5]


def test_a_thousand_profiles_lie_in_all_shards_and_come_back_as_they_were(store):
    given = list(candidates(1000))
    assert directory.put_many(store, given) == Put(new=1000)

    assert directory.get_many(store, [each.id for each in given]) == [stamped(each) for each in given]
    by_shard = {shard: list(directory.all_profiles(store, shard)) for shard in range(DIRECTORY_SHARDS)}
    assert all(shard_of(each.id) == shard for shard, found in by_shard.items() for each in found)
    assert sorted(each.id for found in by_shard.values() for each in found) == [each.id for each in given]
    seen = [each for shard in by_shard for each in directory.all_profiles(store, shard, visible=True)]
    assert {each.id for each in seen} == {each.id for each in given if each.consent}
    assert changed_since(store, {}) == [each.id for each in given]
    assert directory.count(store) == 1000


def test_more_profiles_of_one_shard_than_fit_a_call_are_put_and_removed(store):
    of_one = [Profile(id=f"x{i}") for i in range(60_000) if shard_of(f"x{i}") == 7][:600]
    assert directory.put_many(store, of_one) == Put(new=600)
    assert len(list(directory.all_profiles(store, 7))) == 600
    assert directory.remove_many(store, [each.id for each in of_one]) == 600
    assert directory.count(store) == 0


def test_removed_is_gone_once_and_may_come_back(store):
    directory.put_many(store, [ANA, BEN])
    seqs = positions(store)
    assert directory.remove_many(store, ["c1", "c1", "nobody", "not an id", ""]) == 1
    assert directory.get_many(store, ["c1", "c2"]) == [None, stamped(BEN)]
    assert changed_since(store, seqs) == ["c1"]
    stands = everything(store)
    assert directory.remove_many(store, ["c1"]) == 0
    assert directory.remove_many(store, []) == 0
    assert everything(store) == stands
    assert directory.put_many(store, [ANA]) == Put(new=1)


def test_one_is_got_or_not_found(store):
    directory.put_many(store, [BEN])
    assert directory.get(store, "c2") == stamped(BEN)
    with pytest.raises(NotFound, match="no candidate 'c9'") as caught:
        directory.get(store, "c9")
    assert caught.value.code == "no_candidate"


def test_many_are_got_in_their_order_twice_where_asked_twice(store):
    directory.put_many(store, [ANA, BEN])
    found = directory.get_many(store, ["c2", "c9", "c1", "c2"])
    assert [each and each.id for each in found] == ["c2", None, "c1", "c2"]
    assert directory.get_many(store, []) == []
    assert [each and each.id for each in directory.visible_many(store, ["c2", "c9", "c1"])] == [None, None, "c1"]


def test_every_profile_of_an_address_is_found_and_none_that_has_another_by_now(store):
    twin = Profile(id="a0", address="ana@example.org")
    directory.put_many(store, [ANA, twin, BEN])
    assert [each.id for each in directory.by_address(store, " ANA@example.org")] == ["a0", "c1"]
    directory.put_many(store, [Profile(id="c1", address="lu@example.org")])
    assert [each.id for each in directory.by_address(store, "ana@example.org")] == ["a0"]
    assert [each.id for each in directory.by_address(store, "lu@example.org")] == ["c1"]
    assert directory.by_address(store, "nobody@example.org") == []
    with pytest.raises(Invalid):
        directory.by_address(store, "nobody")


def test_an_address_of_too_many_profiles_is_refused_with_the_ids(store, monkeypatch):
    monkeypatch.setattr(directory, "PROFILES_PER_ADDRESS_MAX", 3)
    given = [Profile(id=f"p{i}", address="info@example.org") for i in range(5)]
    found = directory.put_many(store, given)
    assert (found.new, len(found.crowded), directory.count(store)) == (3, 2, 3)
    assert directory.put_many(store, given) == Put(same=3, crowded=found.crowded)


def test_a_profile_out_of_bounds_is_refused_before_anything_is_put(store):
    with pytest.raises(Invalid, match="title is longer than 200"):
        directory.put_many(store, [ANA, Profile(id="c9", title="x" * 201)])
    assert everything(store) == {}


def test_every_key_of_a_shard_lies_in_its_slot(store):
    keys = store.keys
    for shard in (0, 7, DIRECTORY_SHARDS - 1):
        every = [*keys.of_shard(shard), keys.addresses(shard)]
        assert len(set(every)) == 7
        assert {key.rpartition(":")[0] for key in every} == {f"inmail:{{dir:{shard:02}}}"}
