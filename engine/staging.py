"""Staging: accepted rows become packs, uploaded under a draft a few packs a round trip."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

from engine import rows
from engine.identity import digests
from engine.message import Message
from engine.store import Store

_PACKS_A_TRIP = 20


class Stage:
    """Packs rows and uploads them under a draft, a few packs a round trip.

    Each upload stages its rows under a token of its own, so that two under one draft never mix.
    """

    def __init__(
        self, store: Store, campaign: str, token: str, pack_size: int, *, address_column: int, write: bool
    ) -> None:
        self.store, self.campaign, self.token = store, campaign, token
        self.pack_size, self.address_column, self.write = pack_size, address_column, write
        self.packs = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._loose: list[Sequence[str]] = []
        self._blobs: dict[str, bytes] = {}
        self._digests: dict[str, bytes] = {}

    def add(self, good: list[Sequence[str]]) -> None:
        self._digest.update(("\x1e".join(map("\x1f".join, good)) + "\x1e").encode())
        self._loose += good
        start, size = 0, self.pack_size
        while len(self._loose) - start >= size:
            self._pack(self._loose[start : start + size])
            start += size
        del self._loose[:start]

    def finish(self) -> None:
        if self._loose:
            self._pack(self._loose)
        self._upload()

    def fingerprint(self, message: Message, columns: Sequence[str], *order: str | int) -> str:
        """Of the accepted rows, their columns, the message and what else was ordered: tells a repeat from another order
        under one key."""
        whole = self._digest.copy()
        whole.update(orjson.dumps([message.subject_source, message.body_source, list(columns), *order]))
        return whole.hexdigest()

    def _pack(self, part: list[Sequence[str]]) -> None:
        blob = rows.pack(part)
        self._blobs[str(self.packs)] = blob
        self._digests[str(self.packs)] = digests(row[self.address_column] for row in part)
        self.packs += 1
        if len(self._blobs) >= _PACKS_A_TRIP:
            self._upload()

    def _upload(self) -> None:
        if self._blobs and self.write:
            keys, account = self.store.keys, self.campaign.rpartition(".")[0]
            pipe = self.store.client.pipeline(transaction=False)
            pipe.hset(keys.staged(self.campaign, self.token), mapping=self._blobs)
            pipe.hset(keys.staged_digests(self.campaign, self.token), mapping=self._digests)
            pipe.zadd(keys.drafts(account), {f"{self.campaign} {self.token}": self.store.now_ms(keys.drafts(account))})
            pipe.execute()
        self._blobs.clear()
        self._digests.clear()
