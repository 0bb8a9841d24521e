"""Who is queued already: the people that campaigns of an account which still send have yet to write to."""

from __future__ import annotations

from collections.abc import Iterator

from engine.agenda import sending_campaigns
from engine.identity import DIGEST_BYTES
from engine.store import Store


def queued_people(store: Store, account: str, people: frozenset[bytes]) -> set[bytes]:
    """Which of ``people`` (digests) stand in a campaign of the account, not written to yet. One pack at a time."""
    found: set[bytes] = set()
    for campaign in sending_campaigns(store, account) if people else ():
        key = store.keys.campaign(campaign)
        size = int(store.client.hget(key, "pack_size") or 0)
        letters = store.client.get(store.keys.letters(campaign)) or b""
        for pack, joined in store.client.hscan_iter(store.keys.digests(campaign), count=100):
            first = int(pack) * size
            found.update(person for i, person in _among(joined, people) if letters[first + i : first + i + 1] == b"Q")
    return found


def _among(joined: bytes, people: frozenset[bytes]) -> Iterator[tuple[int, bytes]]:
    """Those of ``people`` in a pack, each with its place there."""
    for i in range(len(joined) // DIGEST_BYTES):
        person = joined[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES]
        if person in people:
            yield i, person
