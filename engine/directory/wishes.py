"""A candidate's own say over the directory: every profile of their address hidden, shown again, or erased for good.

The wish is noted where the address is kept, then carried to the shards of its profiles; and before a profile is put its
id is noted there. So whichever comes first, the other finds it. Interrupted, a wish is done to the end by wishing it
again.
"""

from __future__ import annotations

from typing import Final, Literal

from engine.directory.keys import shard_of, shard_of_address
from engine.directory.store import CHANGES_KEPT, stored_many, unpack_stored
from engine.identity import digest, parse_address
from engine.store import Store

_Letter = Literal["h", "s", "e"]
_ERASE: Final = "e"


def hide(store: Store, address: str) -> int:
    """Keep every profile of an address out of all searches, those put later too; gives how many were not hidden yet."""
    return _wish(store, address, "h")


def show(store: Store, address: str) -> int:
    """Take that back; gives how many were hidden. What was erased stays so."""
    return _wish(store, address, "s")


def erase(store: Store, address: str) -> int:
    """Forget every profile of an address for good; gives how many there were.

    No import brings them back, neither by id nor by address: the digest of it is kept for that, and the ids.
    """
    return _wish(store, address, _ERASE)


def wished(store: Store, address: str) -> str:
    """What the owner of an address wishes: 'hidden', 'erased', or '' for nothing."""
    person = digest(parse_address(address))
    said = store.client.hget(store.keys.wishes(shard_of_address(person)), person) or b"0 s 0"
    return {"h": "hidden", "e": "erased"}.get(said.split()[1].decode(), "")


def _wish(store: Store, address: str, letter: _Letter) -> int:
    address = parse_address(address)
    person = digest(address)
    home = shard_of_address(person)
    keys = [store.keys.wishes(home), store.keys.addresses(home)]
    wish, joined = store.run("wish", keys, person, letter)
    if wish.split()[1:2] != [letter]:
        return 0  # never hidden, or erased already
    done = _carry_out(store, address, wish, joined.split("\n")) if joined else 0
    if letter == _ERASE:
        # The ids go last: until then they say what is left to do. Nothing is noted here for an erased address.
        store.client.hdel(store.keys.addresses(home), person)
    return done


def _carry_out(store: Store, address: str, wish: str, left: list[str]) -> int:
    """Do in the shards of these ids what is wished; gives how many profiles that changed."""
    person, done = digest(address), 0
    while left:
        shards: dict[int, list[str | bytes]] = {}
        for ident, stored in zip(left, stored_many(store, left), strict=True):
            its = stored is not None and unpack_stored(ident, stored).address == address
            shards.setdefault(shard_of(ident), []).extend((ident, stored or b"", "1" if its else "0"))
        calls = []
        for shard, asked in shards.items():
            keys = store.keys.of_shard(shard)
            calls.append(("hide_profiles", keys, (CHANGES_KEPT, person, wish, *asked)))
        left = []
        for reply in store.run_many(calls):
            if reply[0] == "ok":
                done += int(reply[1])
                # Somebody puts the same profile at this moment: then it is read again.
                left += reply[2].split("\n") if reply[2] else []
    return done
