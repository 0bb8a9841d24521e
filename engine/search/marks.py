"""Marks: what a recruiter is told of a candidate found, beside the profile: whether, and why not, to write to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.contacts import open_contacts
from engine.directory.profile import Profile
from engine.identity import digest
from engine.mailbox_entries import latest_of_account
from engine.store import Store

Kind = Literal["no_address", "opted_out", "suppressed", "open", "contacted"]

STANDS_IN_THE_WAY: Final = frozenset({"no_address", "opted_out", "suppressed", "open"})
"""Marks of those who would not be written to now, whatever the recruiter wishes."""

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing to know before writing. ``until_ms``: when an open InMail falls due; ``at_ms``: when the account wrote
    last. None where it does not apply."""

    kind: Kind
    until_ms: int | None = None
    at_ms: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "until_ms": self.until_ms, "at_ms": self.at_ms}


def marks(
    store: Store, account: str, profiles: Sequence[Profile], *, contacted_days: int, now_ms: int
) -> list[Mark | None]:
    """A mark for each profile, or None; of several that apply the first in the order of Kind.

    ``contacted``: the account, any of its seats, wrote to them within so many days (0 = never mind).
    """
    people = [digest(profile.address) if profile.address else None for profile in profiles]
    known = [person for person in people if person is not None]
    if not known:
        return [Mark("no_address")] * len(profiles)
    pipe = store.client.pipeline(transaction=False)
    pipe.hmget(store.keys.suppressed(account), known)
    for person in known:
        pipe.hexists(store.keys.optouts(person), person)
    suppressed, *opted_out = pipe.execute()
    contacts = open_contacts(store, account, known)
    due_ms = _due(store, account, contacts)
    latest = latest_of_account(store, account, known, since_ms=now_ms - contacted_days * DAY_MS)
    found: dict[bytes, Mark | None] = {}
    for i, person in enumerate(known):
        if opted_out[i]:
            found[person] = Mark("opted_out")
        elif suppressed[i] is not None:
            found[person] = Mark("suppressed")
        elif contacts[i] is not None:
            found[person] = Mark("open", until_ms=due_ms.get(contacts[i] or ""), at_ms=latest[i])
        elif contacted_days and latest[i] is not None:
            found[person] = Mark("contacted", at_ms=latest[i])
        else:
            found[person] = None
    return [Mark("no_address") if person is None else found[person] for person in people]


def _due(store: Store, account: str, contacts: Sequence[str | None]) -> dict[str, int]:
    """When the InMails of packs ('number.pack') fall due, one being delivered has no due time yet."""
    refs = sorted({ref for ref in contacts if ref})
    pipe = store.client.pipeline(transaction=False)
    for ref in refs:
        number, _, pack = ref.partition(".")
        pipe.zscore(store.keys.campaign_due(f"{account}.{number}"), pack)
    return {ref: int(at) for ref, at in zip(refs, pipe.execute(), strict=True) if at is not None}
