"""Contacts: which addresses have an open InMail of an account, and forgetting those of packs that are closed.

A refund closes a pack in one step and leaves its contacts where they are: they count for nothing, as their pack has no
digests any more. ``tidy`` takes them away later, a little at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.store import Store

PACKS_A_CALL: Final = 200
RECIPIENTS_A_CALL: Final = 1_000
"""What keeps a call within a few milliseconds, whatever the size of packs."""


def open_contacts(store: Store, account: str, people: Sequence[bytes]) -> list[str | None]:
    """For each of ``people`` (digests): campaign number.pack of its open InMail of this account, or None."""
    found = [ref and ref.decode() for ref in store.client.hmget(store.keys.open(account), people)] if people else []
    refs = sorted({ref for ref in found if ref})
    pipe = store.client.pipeline(transaction=False)
    for ref in refs:
        number, _, pack = ref.partition(".")
        pipe.hexists(store.keys.digests(f"{account}.{number}"), pack)
    lives = {ref for ref, exists in zip(refs, pipe.execute(), strict=True) if exists}
    return [ref if ref in lives else None for ref in found]


def tidy(store: Store, account: str, *, packs: int = PACKS_A_CALL) -> int:
    """Forget the contacts of so many closed packs, RECIPIENTS_A_CALL about; returns how many packs are left."""
    return int(store.run("tidy", store.keys.of_account(account), packs, RECIPIENTS_A_CALL)[1])
