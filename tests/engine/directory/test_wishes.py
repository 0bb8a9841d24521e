"""A candidate's own say over the directory, also against whoever puts their profile at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from engine import choices
from engine.directory import store as directory
from engine.directory import wishes
from engine.directory.changes import changes_since, positions
from engine.directory.keys import shard_of
from engine.directory.profile import Profile
from engine.directory.store import Put
from engine.errors import Invalid
from engine.store import Store
from tests.conftest import NOON_MS

ADDRESS = "ana@example.org"
ANA = [Profile(id=f"ana{i}", name="Ana", address=ADDRESS) for i in range(3)]
BEN = Profile(id="ben", name="Ben", address="ben@example.org")
IDS = ["ana0", "ana1", "ana2", "ben"]


def seen(store):
    """Who is in searches, and who is in the directory."""
    shown = {each.id for each in directory.visible_many(store, IDS) if each}
    return shown, {each.id for each in directory.get_many(store, IDS) if each}


ALL, OTHERS = set(IDS), {"ben"}
SAID = [
    # what was said one after the other → how many each changed, who is shown, who is there
    (["hide"], [3], OTHERS, ALL),
    (["hide", "hide"], [3, 0], OTHERS, ALL),
    (["show"], [0], ALL, ALL),
    (["hide", "show"], [3, 3], ALL, ALL),
    (["hide", "show", "show"], [3, 3, 0], ALL, ALL),
    (["hide", "show", "hide"], [3, 3, 3], OTHERS, ALL),
    (["erase"], [3], OTHERS, OTHERS),
    (["erase", "erase"], [3, 0], OTHERS, OTHERS),
    (["hide", "erase"], [3, 3], OTHERS, OTHERS),
    (["erase", "show", "hide"], [3, 0, 0], OTHERS, OTHERS),
]


@pytest.mark.parametrize(("said", "changed", "shown", "there"), SAID)
def test_what_is_said_is_done_to_every_profile_of_the_address_and_to_no_other(store, said, changed, shown, there):
    directory.put_many(store, [*ANA, BEN])
    assert [getattr(wishes, verb)(store, ADDRESS) for verb in said] == changed
    assert seen(store) == (shown, there)
    stands = {key: store.client.dump(key) for key in list(store.client.scan_iter("*"))}
    getattr(wishes, said[-1])(store, ADDRESS)
    assert {key: store.client.dump(key) for key in list(store.client.scan_iter("*"))} == stands


@pytest.mark.parametrize("said", ["hide", "erase"])
def test_it_holds_for_profiles_that_come_later(store, said):
    assert getattr(wishes, said)(store, ADDRESS) == 0
    found = directory.put_many(store, [*ANA, BEN])
    if said == "hide":
        assert found == Put(new=4)
        assert seen(store) == (OTHERS, ALL)
        assert wishes.show(store, ADDRESS) == 3
        assert seen(store) == (ALL, ALL)
    else:
        assert found == Put(new=1, erased=("ana0", "ana1", "ana2"))
        assert found.refused_erased == 3
        assert seen(store) == (OTHERS, OTHERS)
    assert wishes.wished(store, ADDRESS) == {"hide": "", "erase": "erased"}[said]


def test_an_erased_id_does_not_come_back_with_another_address_or_with_none(store):
    directory.put_many(store, ANA)
    wishes.erase(store, ADDRESS)
    back = [replace(ANA[0], address="other@example.org"), replace(ANA[1], address=""), ANA[2]]
    assert sorted(directory.put_many(store, back).erased) == ["ana0", "ana1", "ana2"]
    assert directory.put_many(store, [replace(ANA[0], id="ana9")]).erased == ("ana9",)
    assert directory.count(store) == 0
    assert b"Ana" not in b"".join(store.client.dump(key) for key in list(store.client.scan_iter("*")))


def test_erased_is_for_good_whatever_is_said_later(store):
    wishes.erase(store, ADDRESS)
    for verb in (wishes.show, wishes.hide):
        verb(store, ADDRESS)
        assert directory.put_many(store, ANA).refused_erased == 3
        assert wishes.wished(store, ADDRESS) == "erased"


def test_hidden_stays_hidden_through_changes_and_removal_until_the_profile_is_somebody_elses(store):
    directory.put_many(store, [ANA[0]])
    wishes.hide(store, ADDRESS)
    assert wishes.wished(store, ADDRESS) == "hidden"
    for change in (replace(ANA[0], name="Ana L."), replace(ANA[0], address="")):
        directory.put_many(store, [change])
        assert directory.hidden_of(store, IDS) == {"ana0"}
    directory.remove_many(store, ["ana0"])
    directory.put_many(store, [ANA[0]])
    assert directory.hidden_of(store, IDS) == {"ana0"}
    seqs = positions(store)
    assert directory.put_many(store, [replace(ANA[0], address="bea@example.org")]) == Put(changed=1)
    assert directory.hidden_of(store, IDS) == frozenset()
    assert list(changes_since(store, seqs).ids.values()) == [["ana0"]]


def test_a_profile_that_has_another_address_by_now_is_left_alone(store):
    directory.put_many(store, ANA)
    directory.put_many(store, [replace(ANA[0], address="bea@example.org")])
    assert wishes.hide(store, ADDRESS) == 2
    assert directory.hidden_of(store, IDS) == {"ana1", "ana2"}
    assert wishes.erase(store, ADDRESS) == 2
    assert [each and each.id for each in directory.get_many(store, IDS)] == ["ana0", None, None, None]


def test_no_address_is_refused(store):
    for verb in (wishes.hide, wishes.show, wishes.erase, wishes.wished):
        with pytest.raises(Invalid):
            verb(store, "nobody")


def test_whoever_has_everything_erased_is_erased_here_too(store):
    directory.put_many(store, [*ANA, BEN])
    assert choices.erase(store, ADDRESS) == 0
    assert seen(store) == (OTHERS, OTHERS)
    assert wishes.wished(store, ADDRESS) == "erased"


class Interrupted(Store):
    """A store that does something else just before its call of a script, once."""

    def __init__(self, store, name, act):
        super().__init__(store.client, store.keys.namespace, store.at_ms)
        self.spread, self.name, self.act = store.spread, name, act

    def run_many(self, calls):
        if calls and calls[0][0] == self.name and self.act:
            act, self.act = self.act, None
            act()
        return super().run_many(calls)


@pytest.mark.parametrize("when", ["place_addresses", "put_profiles"])
@pytest.mark.parametrize("stood", [False, True])
@pytest.mark.parametrize("said", ["hide", "show", "erase"])
def test_what_is_said_while_a_batch_is_under_way_holds(store, when, stood, said):
    if stood:
        directory.put_many(store, ANA)
    if said == "show":
        wishes.hide(store, ADDRESS)
    under_way = Interrupted(store, when, lambda: getattr(wishes, said)(store, ADDRESS))
    changed = [replace(each, name="Ana again") for each in ANA]
    found = directory.put_many(under_way, changed)

    if said == "erase":
        assert sorted(found.erased) == IDS[:3]
        assert directory.count(store) == 0
    else:
        assert found == (Put(changed=3) if stood else Put(new=3))
        assert seen(store)[0] == (set() if said == "hide" else set(IDS[:3]))
    assert getattr(wishes, said)(store, ADDRESS) == 0


class Delayed(Store):
    """A store whose calls that put profiles arrive only when told."""

    def __init__(self, store):
        super().__init__(store.client, store.keys.namespace, store.at_ms)
        self.spread, self.calls = store.spread, []

    def run_many(self, calls):
        if calls[0][0] != "put_profiles":
            return super().run_many(calls)
        self.calls += calls
        return [[0, 0, 0, ""] for _ in calls]

    def arrive(self):
        return super().run_many(self.calls)


@pytest.mark.parametrize(("said", "shown", "there"), [("hide", set(), {"ana0", "ana1"}), ("erase", set(), set())])
def test_a_put_that_arrives_between_reading_and_acting_does_not_slip_through(store, said, shown, there):
    directory.put_many(store, [ANA[0], replace(ANA[1], address="bea@example.org")])
    delayed = Delayed(store)
    directory.put_many(delayed, [replace(ANA[0], name="New"), ANA[1]])
    assert getattr(wishes, said)(Interrupted(store, "hide_profiles", delayed.arrive), ADDRESS) == 2
    assert seen(store) == (shown, there)


@pytest.mark.parametrize(("said", "shown", "there"), [("hide", set(), {"ana0"}), ("erase", set(), set())])
def test_a_put_that_arrives_long_after_does_not_slip_through(store, said, shown, there):
    delayed = Delayed(store)
    directory.put_many(delayed, [ANA[0]])
    assert getattr(wishes, said)(store, ADDRESS) == 0
    assert delayed.arrive()[0][3] == ("ana0" if said == "erase" else "")
    assert seen(store) == (shown, there)


def test_a_put_that_heard_of_hiding_and_arrives_after_showing_hides_nobody(store):
    wishes.hide(store, ADDRESS)
    delayed = Delayed(store)
    directory.put_many(delayed, [ANA[0]])
    wishes.show(store, ADDRESS)
    delayed.arrive()
    assert seen(store)[0] == {"ana0"}


@pytest.mark.parametrize("said", ["hide", "erase"])
@pytest.mark.parametrize("store", [pytest.param("real", marks=pytest.mark.redis)], indirect=True)
def test_among_many_who_put_the_profile_at_once_nobody_gets_past_a_wish(store, said):
    with ThreadPoolExecutor(3) as pool:
        puts = [
            pool.submit(directory.put_many, store, [replace(each, name=f"Ana {n}") for each in ANA]) for n in range(30)
        ]
        puts[4].result()
        getattr(wishes, said)(store, ADDRESS)
        found = [put.result() for put in puts]
    assert seen(store)[0] == set()
    assert sum(put.new for put in found) <= 3
    assert directory.count(store) == (0 if said == "erase" else 3)


def test_of_two_wishes_at_once_the_later_holds_everywhere(store):
    directory.put_many(store, ANA)
    wishes.hide(store, ADDRESS)
    late = Interrupted(store, "hide_profiles", lambda: wishes.hide(store, ADDRESS))
    wishes.show(late, ADDRESS)
    assert seen(store)[0] == set()
    assert wishes.wished(store, ADDRESS) == "hidden"


def test_times_are_those_of_the_wish(store):
    directory.put_many(store, [ANA[0]])
    store.at_ms += 7
    wishes.hide(store, ADDRESS)
    assert store.hash(store.keys.hidden(shard_of("ana0"))) == {"ana0": str(NOON_MS + 7)}
