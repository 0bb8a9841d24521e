"""Staging: accepted rows become packs, uploaded under a draft a few packs a round trip.

Packs are made and uploaded by a thread of their own while the next rows are read: compressing and waiting for Redis
leave the interpreter to the reader.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import orjson

from engine import rows
from engine.identity import digests
from engine.message import Message
from engine.store import Store

_PACKS_A_TRIP = 20
_TRIPS_AHEAD = 2
"""So many trips may wait for the thread; then the reader waits for it, which bounds the memory."""


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
        self._parts: list[list[Sequence[str]]] = []
        self._thread = ThreadPoolExecutor(1, "staging")
        self._under_way: deque[Future[None]] = deque()

    def add(self, good: list[Sequence[str]]) -> None:
        self._digest.update(("\x1e".join(map("\x1f".join, good)) + "\x1e").encode())
        self._loose += good
        start, size = 0, self.pack_size
        while len(self._loose) - start >= size:
            self._pack(self._loose[start : start + size])
            start += size
        del self._loose[:start]

    def finish(self) -> None:
        """Upload what is left; all of it is in Redis afterwards."""
        if self._loose:
            self._pack(self._loose)
        self._go_on()
        while self._under_way:
            self._under_way.popleft().result()
        self.close()

    def close(self) -> None:
        """Have nothing more uploaded: what is under way ends first, what waits is dropped."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def fingerprint(self, message: Message, columns: Sequence[str], *order: str | int) -> str:
        """Of the accepted rows, their columns, the message and what else was ordered: tells a repeat from another order
        under one key."""
        whole = self._digest.copy()
        whole.update(orjson.dumps([message.subject_source, message.body_source, list(columns), *order]))
        return whole.hexdigest()

    def _pack(self, part: list[Sequence[str]]) -> None:
        self._parts.append(part)
        self.packs += 1
        if len(self._parts) >= _PACKS_A_TRIP:
            self._go_on()

    def _go_on(self) -> None:
        """Hand the packs that are whole to the thread. Raises what it met with the ones before."""
        if self._parts and self.write:
            while len(self._under_way) >= _TRIPS_AHEAD:
                self._under_way.popleft().result()
            self._under_way.append(self._thread.submit(self._upload, self.packs - len(self._parts), self._parts))
        self._parts = []

    def _upload(self, first: int, parts: list[list[Sequence[str]]]) -> None:
        keys, account, column = self.store.keys, self.campaign.rpartition(".")[0], self.address_column
        blobs = {str(first + i): rows.pack(part) for i, part in enumerate(parts)}
        people = {str(first + i): digests([row[column] for row in part]) for i, part in enumerate(parts)}
        pipe = self.store.client.pipeline(transaction=False)
        pipe.hset(keys.staged(self.campaign, self.token), mapping=blobs)
        pipe.hset(keys.staged_digests(self.campaign, self.token), mapping=people)
        pipe.zadd(keys.drafts(account), {f"{self.campaign} {self.token}": self.store.now_ms(keys.drafts(account))})
        pipe.execute()
