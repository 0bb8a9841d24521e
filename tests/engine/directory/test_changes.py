"""The change log: whoever follows it hears of every change, or that it has to read a shard anew."""

from engine.directory import store as directory
from engine.directory import wishes
from engine.directory.changes import Changes, changes_since, positions
from engine.directory.keys import DIRECTORY_SHARDS, shard_of
from engine.directory.profile import Profile

OF_SEVEN = [f"x{i}" for i in range(20_000) if shard_of(f"x{i}") == 7]


def put(store, *idents, **fields):
    directory.put_many(store, [Profile(id=ident, **fields) for ident in idents])


def follow(store, seqs):
    """Everything told since, and where to go on; no gaps."""
    told = []
    while (found := changes_since(store, seqs)).seqs:
        assert found.gaps == frozenset()
        seqs = {**seqs, **found.seqs}
        told += [ident for share in found.ids.values() for ident in share]
    return told, seqs


def test_nothing_changed_nothing_is_told(store):
    assert changes_since(store, {}) == Changes()
    put(store, "c1")
    assert changes_since(store, positions(store)) == Changes()
    assert set(positions(store)) == set(range(DIRECTORY_SHARDS))


def test_every_change_is_told_once_in_its_order(store):
    first, second, third = OF_SEVEN[:3]
    put(store, first, address="ana@example.org")
    told, seqs = follow(store, {})
    assert told == [first]
    put(store, third, second)
    put(store, first, name="Ana", address="ana@example.org")
    told, seqs = follow(store, seqs)
    assert told == [third, second, first]
    for change in (
        lambda: directory.remove_many(store, [second]),
        lambda: wishes.hide(store, "ana@example.org"),
        lambda: wishes.show(store, "ana@example.org"),
        lambda: wishes.erase(store, "ana@example.org"),
    ):
        change()
        told, seqs = follow(store, seqs)
        assert len(told) == 1
    assert follow(store, seqs) == ([], seqs)


def test_the_numbers_rise_though_the_clock_stands_or_goes_back(store):
    put(store, OF_SEVEN[0])
    before = positions(store)[7]
    put(store, OF_SEVEN[1])
    store.at_ms -= 3_600_000
    put(store, OF_SEVEN[2])
    assert positions(store)[7] == before + 2


def test_more_than_one_page_is_told_page_by_page(store, monkeypatch):
    monkeypatch.setattr("engine.directory.changes.ENTRIES_A_SHARD", 2)
    for ident in OF_SEVEN[:7]:
        put(store, ident)
    assert changes_since(store, {}).ids == {7: OF_SEVEN[:2]}
    assert follow(store, {})[0] == OF_SEVEN[:7]


def test_the_log_lets_go_of_what_is_old_and_says_so(store, monkeypatch):
    monkeypatch.setattr(directory, "CHANGES_KEPT", 4)
    put(store, *OF_SEVEN[:2])
    _, seqs = follow(store, {})
    put(store, *OF_SEVEN[2:4])
    told, later = follow(store, seqs)
    assert told == OF_SEVEN[2:4]
    put(store, OF_SEVEN[4])

    # Exactly what was told already is let go: whoever stands there misses nothing, whoever stood before it does.
    assert store.client.xlen(store.keys.changes(7)) == 2
    assert follow(store, seqs)[0] == OF_SEVEN[2:5]
    found = changes_since(store, {})
    assert (found.gaps, found.seqs, found.ids) == (frozenset({7}), {7: positions(store)[7]}, {})
    assert follow(store, later)[0] == [OF_SEVEN[4]]

    put(store, *OF_SEVEN[5:15])
    assert store.client.xlen(store.keys.changes(7)) == 1  # the newest stays, however much it holds
    assert changes_since(store, later).gaps == frozenset({7})


def test_a_redis_that_went_back_is_a_gap_even_when_it_has_gone_on_since(store):
    put(store, OF_SEVEN[0])
    kept = {key: store.client.dump(key) for key in list(store.client.scan_iter("*"))}
    store.at_ms += 1000
    put(store, OF_SEVEN[1])
    _, seqs = follow(store, {})
    for key, value in kept.items():
        store.client.restore(key, 0, value, replace=True)
    assert changes_since(store, seqs).gaps == frozenset({7})
    store.at_ms += 1000
    put(store, OF_SEVEN[2], OF_SEVEN[3])
    found = changes_since(store, seqs)
    assert found.gaps == frozenset({7})
    assert found.seqs == {7: positions(store)[7]}


def test_an_emptied_redis_is_a_gap(store):
    put(store, OF_SEVEN[0])
    seqs = positions(store)
    for key in list(store.client.scan_iter("*")):
        store.client.delete(key)
    assert changes_since(store, seqs) == Changes({}, {7: 0}, frozenset({7}))
