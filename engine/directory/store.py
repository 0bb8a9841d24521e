"""The directory in Redis: profiles by id, in shards; put, read, removed. What was put twice was put once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.directory.keys import DIRECTORY_SHARDS, shard_of, shard_of_address
from engine.directory.profile import Profile, check_profile, is_profile_id, pack, unpack
from engine.errors import NotFound
from engine.identity import DIGEST_BYTES, digest, parse_address
from engine.store import Call, Store

PROFILES_A_CALL: Final = 500
"""What keeps a script within a few milliseconds."""
CHANGES_KEPT: Final = 20_000
"""How many ids a shard's change log holds: who has fallen further behind reads the shard anew, which is little more."""
PROFILES_PER_ADDRESS_MAX: Final = 200
"""An address is one person's: past this it is a placeholder somebody filled a column with."""

_NO_ADDRESS: Final = bytes(DIGEST_BYTES)
_ERASED: Final = " e "
_FULL: Final = "full"


@dataclass(frozen=True, slots=True)
class Put:
    """What became of profiles: how many are new, changed, the same as before; ids that were refused.

    ``erased``: their candidate had them erased. ``crowded``: too many profiles have their address already.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    erased: tuple[str, ...] = ()
    crowded: tuple[str, ...] = ()

    @property
    def refused_erased(self) -> int:
        return len(self.erased)

    def __add__(self, other: Put) -> Put:
        return Put(
            self.new + other.new,
            self.changed + other.changed,
            self.same + other.same,
            self.erased + other.erased,
            self.crowded + other.crowded,
        )


def put_many(store: Store, profiles: Iterable[Profile]) -> Put:
    """Put profiles into the directory, any number of them; of several with one id the last counts.

    Cheapest some thousands at a time. Interrupted, some are in and some are not: put them all again.
    Errors: Invalid (``bad_profile``), before anything is put.
    """
    given = {profile.id: profile for profile in profiles}
    for profile in given.values():
        check_profile(profile)
    people = {ident: digest(profile.address) for ident, profile in given.items() if profile.address}
    # First the address: from then on its owner's wish finds the profile, wherever this process dies.
    wishes = _place(store, people)
    erased = tuple(ident for ident, wish in wishes.items() if _ERASED in wish)
    crowded = tuple(ident for ident, wish in wishes.items() if wish == _FULL)
    for ident in (*erased, *crowded):
        del given[ident]
    done = Put(erased=erased, crowded=crowded)
    for reply in store.run_many(list(_puts(store, given, people, wishes))):
        new, changed, same, refused = reply
        done += Put(new, changed, same, tuple(refused.split("\n")) if refused else ())
    return done


def foresee(store: Store, profiles: Iterable[Profile]) -> Put:
    """What ``put_many`` would answer as things stand, but for crowded addresses; nothing is changed."""
    given = {profile.id: profile for profile in profiles}
    for profile in given.values():
        check_profile(profile)
    people = [digest(profile.address) if profile.address else _NO_ADDRESS for profile in given.values()]
    pipe = store.client.pipeline(transaction=False)
    for person in people:
        pipe.hget(store.keys.wishes(shard_of_address(person)), person)
    stored, gone = _each(store, (store.keys.profiles, store.keys.erased), list(given))
    new, same, erased = 0, 0, []
    for profile, wish, was, since in zip(given.values(), pipe.execute(), stored, gone, strict=True):
        if since is not None or _ERASED in (wish or b"").decode():
            erased.append(profile.id)
        elif was is None:
            new += 1
        else:
            same += was[6:] == pack(profile)
    return Put(new, len(given) - new - same - len(erased), same, tuple(erased))


def _place(store: Store, people: dict[str, bytes]) -> dict[str, str]:
    """Note who is about to be put, in the shards of the addresses; gives what the owner of each wishes, if anything."""
    shards: defaultdict[int, list[str]] = defaultdict(list)
    for ident, person in people.items():
        shards[shard_of_address(person)].append(ident)
    calls: list[Call] = []
    shares = [(shard, share) for shard, idents in shards.items() for share in _shares(idents)]
    for shard, share in shares:
        keys = [store.keys.wishes(shard), store.keys.addresses(shard)]
        digests = b"".join([people[ident] for ident in share])
        calls.append(("place_addresses", keys, (PROFILES_PER_ADDRESS_MAX, digests, "\n".join(share))))
    found: dict[str, str] = {}
    for (_, share), reply in zip(shares, store.run_many(calls) if calls else (), strict=True):
        if reply[0].strip("\n"):
            found.update((ident, wish) for ident, wish in zip(share, reply[0].split("\n"), strict=True) if wish)
    return found


def _puts(store: Store, given: dict[str, Profile], people: dict[str, bytes], wishes: dict[str, str]) -> Iterator[Call]:
    for shard, idents in _by_shard(given).items():
        keys = store.keys.of_shard(shard)
        for share in _shares(idents):
            digests = b"".join([people.get(ident, _NO_ADDRESS) for ident in share])
            told = "\n".join([wishes.get(ident, "") for ident in share])
            packed = [pack(given[ident]) for ident in share]
            call: Call = ("put_profiles", keys, (CHANGES_KEPT, "\n".join(share), digests, told, *packed))
            yield call


def remove_many(store: Store, idents: Iterable[str]) -> int:
    """Take profiles out of the directory, for the host; gives how many were there. They may be put again."""
    calls: list[Call] = []
    for shard, found in _by_shard(filter(is_profile_id, dict.fromkeys(idents))).items():
        keys = store.keys.of_shard(shard)
        calls += [("remove_profiles", keys, (CHANGES_KEPT, "\n".join(share))) for share in _shares(found)]
    return sum(int(reply[0]) for reply in store.run_many(calls)) if calls else 0


def get_many(store: Store, idents: Sequence[str]) -> list[Profile | None]:
    """The profiles of ids, in their order, None where there is none; the hidden ones as well. One round trip."""
    return _unpacked(idents, stored_many(store, idents))


def visible_many(store: Store, idents: Sequence[str]) -> list[Profile | None]:
    """As ``get_many``, but None also for those in no search: hidden ones, and those without consent."""
    stored, hidden = _each(store, (store.keys.profiles, store.keys.hidden), idents)
    found = _unpacked(idents, stored)
    return [each if each and each.consent and not away else None for each, away in zip(found, hidden, strict=True)]


def get(store: Store, ident: str) -> Profile:
    """The profile of an id, hidden or not; raises NotFound (``no_candidate``)."""
    found = get_many(store, [ident])[0]
    if found is None:
        raise NotFound(f"no candidate {ident[:80]!r} in the directory", code="no_candidate")
    return found


def hidden_of(store: Store, idents: Sequence[str]) -> frozenset[str]:
    """Which of the ids are hidden."""
    (found,) = _each(store, (store.keys.hidden,), idents)
    return frozenset(ident for ident, since in zip(idents, found, strict=True) if since is not None)


def by_address(store: Store, address: str) -> list[Profile]:
    """Every profile of an address, by id, the hidden ones as well; raises Invalid for what is no address."""
    address = parse_address(address)
    found = get_many(store, ids_of_address(store, digest(address)))
    return sorted((each for each in found if each and each.address == address), key=lambda each: each.id)


def ids_of_address(store: Store, person: bytes) -> list[str]:
    """The ids that have, or once had, the address of this digest."""
    joined = store.client.hget(store.keys.addresses(shard_of_address(person)), person)
    return joined.decode().split("\n") if joined else []


def all_profiles(store: Store, shard: int, *, visible: bool = False) -> Iterator[Profile]:
    """Every profile of a shard, in no order, in bounded memory; one that changes meanwhile may come twice.

    ``visible``: without those in no search (hidden, or no consent).
    """
    cursor: int | None = None
    while cursor != 0:
        cursor, page = store.client.hscan(store.keys.profiles(shard), cursor or 0, count=1000)
        found = [unpack_stored(ident.decode(), read) for ident, read in page.items()]
        away = hidden_of(store, [each.id for each in found]) if visible else frozenset()
        yield from (each for each in found if not visible or (each.consent and each.id not in away))


def count(store: Store) -> int:
    """How many profiles the directory holds, the hidden ones included."""
    pipe = store.client.pipeline(transaction=False)
    for shard in range(DIRECTORY_SHARDS):
        pipe.hlen(store.keys.profiles(shard))
    return sum(pipe.execute())


def stored_many(store: Store, idents: Sequence[str]) -> list[bytes | None]:
    """What stands under each id, as it is stored."""
    return _each(store, (store.keys.profiles,), idents)[0]


def unpack_stored(ident: str, stored: bytes) -> Profile:
    """The profile of what is stored; raises Corrupt."""
    return unpack(ident, stored[6:], int.from_bytes(stored[:6], "big"))


def _unpacked(idents: Sequence[str], stored: Sequence[bytes | None]) -> list[Profile | None]:
    return [None if read is None else unpack_stored(ident, read) for ident, read in zip(idents, stored, strict=True)]


def _each(store: Store, keys: Sequence[Callable[[int], str]], idents: Sequence[str]) -> list[list[bytes | None]]:
    """For each of the hashes the fields of the ids, in their order; one round trip for any number."""
    pipe = store.client.pipeline(transaction=False)
    asked = [(n, shard, share) for shard, share in _by_shard(idents).items() for n in range(len(keys))]
    for n, shard, share in asked:
        pipe.hmget(keys[n](shard), share)
    found: list[dict[str, bytes | None]] = [{} for _ in keys]
    for (n, _, share), values in zip(asked, pipe.execute() if asked else (), strict=True):
        found[n].update(zip(share, values, strict=True))
    return [[each[ident] for ident in idents] for each in found]


def _by_shard(idents: Iterable[str]) -> dict[int, list[str]]:
    shards: defaultdict[int, list[str]] = defaultdict(list)
    for ident in idents:
        shards[shard_of(ident)].append(ident)
    return shards


def _shares(idents: list[str]) -> Iterator[list[str]]:
    return (idents[i : i + PROFILES_A_CALL] for i in range(0, len(idents), PROFILES_A_CALL))
