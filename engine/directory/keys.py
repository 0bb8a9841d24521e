"""The keys of the directory, a part of engine/keys.py: it lies in shards, each with a hash tag of its own.

A profile lies in the shard of its id; what its address says lies in the shard of the address, and is copied from there
to the shards where profiles of that address lie, so that the write that puts a profile can look at it.
"""

from __future__ import annotations

import hashlib
from typing import Final

DIRECTORY_SHARDS: Final = 64
"""Into how many slots of a cluster the directory is spread; part of the data's layout, so it is never changed."""


def shard_of(ident: str) -> int:
    """The shard a profile lies in, by its id."""
    return hashlib.blake2b(ident.encode(), digest_size=1).digest()[0] % DIRECTORY_SHARDS


def shard_of_address(digest: bytes) -> int:
    """The shard that knows which profiles have an address and what its owner wishes, by the digest of it."""
    return digest[0] % DIRECTORY_SHARDS


class DirectoryKeys:
    """Spells the directory's keys under one namespace."""

    namespace: str

    def profiles(self, shard: int) -> str:
        """hash: id → when it last changed, six bytes of big-endian ms, and the packed profile."""
        return f"{self._shard(shard)}:profiles"

    def hidden(self, shard: int) -> str:
        """hash: id of a profile that is in no search → since when, ms."""
        return f"{self._shard(shard)}:hidden"

    def erased(self, shard: int) -> str:
        """hash: id of a profile its candidate had erased → since when, ms: no import brings it back."""
        return f"{self._shard(shard)}:erased"

    def changes(self, shard: int) -> str:
        """stream: one entry per call that changed something: ids joined by newlines. Its oldest entries are let go."""
        return f"{self._shard(shard)}:changes"

    def directory(self, shard: int) -> str:
        """hash: seq of the last change, seq of the last one let go, how many ids the stream holds."""
        return f"{self._shard(shard)}:directory"

    def addresses(self, shard: int) -> str:
        """hash: digest of an address → ids joined by newlines; every profile of the address is among them, and some
        that have another one by now."""
        return f"{self._shard(shard)}:addresses"

    def wishes(self, shard: int) -> str:
        """hash: digest of an address → 'revision letter since_ms', the letter being h (hidden), s (shown again) or e
        (erased). That of the address' own shard decides; those in shards of its profiles follow it."""
        return f"{self._shard(shard)}:wishes"

    def of_shard(self, shard: int) -> list[str]:
        """The keys of a shard in the order its scripts name them."""
        return [
            self.profiles(shard),
            self.wishes(shard),
            self.hidden(shard),
            self.erased(shard),
            self.changes(shard),
            self.directory(shard),
        ]

    def _shard(self, shard: int) -> str:
        return f"{self.namespace}:{{dir:{shard:02}}}"
