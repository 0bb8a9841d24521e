"""Where mailboxes are kept: for each address, which packs of which campaigns have an InMail for it, and since when.

An entry names campaign and pack; the address finds its row there. So a pack writes the same for all its recipients.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from engine.identity import account_of, digest, each_digest
from engine.keys import MAILBOX_SHARDS
from engine.store import Call, Store

OLDER_LOOKED_AT = 1_000
"""How many of a mailbox's older entries are looked at for one account's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One InMail in a mailbox: of which pack it is, and when it came."""

    campaign: str
    pack: int
    delivered_at_ms: int

    @property
    def ref(self) -> str:
        return f"{self.campaign}/{self.pack}"


def deliver(store: Store, campaign: str, pack: int, people: Sequence[bytes]) -> frozenset[bytes]:
    """Put the InMails of one pack into the mailboxes of ``people`` (digests); returns those who let nobody write."""
    return deliver_many(store, [(campaign, pack, people)])


def deliver_many(store: Store, packs: Sequence[tuple[str, int, Sequence[bytes]]]) -> frozenset[bytes]:
    """Put the InMails of packs (campaign, pack, digests of the addresses) into mailboxes.

    Returns the digests of those who want to hear from nobody: nothing was put there. Delivering twice changes nothing,
    which makes the effect exactly-once. Where Redis is one server it is one script call for a pack, all packs in one
    round trip; on a cluster one call for each shard.
    """
    calls = [call for campaign, pack, people in packs for call in _calls(store, f"{campaign}/{pack}", people)]
    refused = [reply[0] for reply in store.run_many(calls) if reply[0]]
    return frozenset(each for joined in refused for each in each_digest(joined.encode("utf-8", "surrogateescape")))


def _calls(store: Store, ref: str, people: Sequence[bytes]) -> list[Call]:
    shards: list[list[bytes]] = [[] for _ in range(MAILBOX_SHARDS)]
    for person in people:
        shards[person[0] % MAILBOX_SHARDS].append(person)
    used = [found for found in shards if found]
    shares = [[found] for found in used] if store.spread else [used]
    calls: list[Call] = []
    for share in filter(None, shares):
        keys = [store.keys.mailboxes(found[0]) for found in share]
        calls.append(("deliver", keys, (ref, *(b"".join(found) for found in share))))
    return calls


def entries(store: Store, address: str, *, most: int, after: tuple[str, int] | None = None) -> list[Entry] | None:
    """Up to ``most`` entries of a mailbox, newest first, from the one after (campaign, pack) on.

    None where ``after`` is not in this mailbox.
    """
    person = digest(address)
    stored = store.client.hget(store.keys.mailboxes(person), person) or b""
    recent = _recent(stored)[::-1]
    start = 0
    if after is not None:
        ref = f"{after[0]}/{after[1]}"
        places = [i for i, entry in enumerate(recent) if entry.ref == ref]
        if places:
            start = places[0] + 1
        else:
            rank = store.client.zrevrank(store.keys.older_mail(person), ref)
            if rank is None:
                return None
            start = len(recent) + rank + 1
    page = recent[start : start + most]
    if len(page) < most and stored.startswith(b"+"):
        first = max(0, start - len(recent))
        last = first + most - len(page) - 1
        found = store.client.zrevrange(store.keys.older_mail(person), first, last, withscores=True)
        page += [_entry(ref.decode(), int(at)) for ref, at in found]
    return page


def holds(store: Store, campaign: str, pack: int, people: Sequence[bytes]) -> list[int]:
    """How often the pack's InMail is in the mailbox of each of ``people`` (digests): 0 or 1, or something is wrong."""
    shards: defaultdict[str, list[int]] = defaultdict(list)
    for i, person in enumerate(people):
        shards[store.keys.mailboxes(person)].append(i)
    pipe, found = store.client.pipeline(transaction=False), [0] * len(people)
    for shard, places in shards.items():
        pipe.hmget(shard, [people[i] for i in places])
    stem, spilt = f" {campaign}/{pack}@".encode(), []
    for places, mailboxes in zip(shards.values(), pipe.execute(), strict=True):
        for i, stored in zip(places, mailboxes, strict=True):
            found[i] = (stored or b"").count(stem)
            if (stored or b"").startswith(b"+"):
                spilt.append(i)
    for i in spilt:
        pipe.zscore(store.keys.older_mail(people[i]), f"{campaign}/{pack}")
    for i, score in zip(spilt, pipe.execute(), strict=True):
        found[i] += score is not None
    return found


def size(store: Store, address: str) -> int:
    """How many InMails a mailbox holds."""
    person = digest(address)
    stored = store.client.hget(store.keys.mailboxes(person), person) or b""
    older = store.client.zcard(store.keys.older_mail(person)) if stored.startswith(b"+") else 0
    return len(_recent(stored)) + int(older)


def _recent(stored: bytes) -> list[Entry]:
    """The entries that stand in a mailbox's own field, oldest first."""
    pairs = (part.rpartition("@") for part in stored.decode().lstrip("+").split())
    return [_entry(ref, int(at)) for ref, _, at in pairs]


def _entry(ref: str, at_ms: int) -> Entry:
    campaign, _, pack = ref.rpartition("/")
    return Entry(campaign, int(pack), at_ms)


def latest_of_account(store: Store, account: str, people: Sequence[bytes], *, since_ms: int) -> list[int | None]:
    """When each of ``people`` (digests) last got an InMail of that account, ms; None where not since then.

    Of a mailbox that gets very much only the newest OLDER_LOOKED_AT of its older entries are looked at.
    """
    shards: defaultdict[str, list[int]] = defaultdict(list)
    for i, person in enumerate(people):
        shards[store.keys.mailboxes(person)].append(i)
    pipe = store.client.pipeline(transaction=False)
    for shard, places in shards.items():
        pipe.hmget(shard, [people[i] for i in places])
    found: dict[int, list[Entry]] = {}
    for places, mailboxes in zip(shards.values(), pipe.execute(), strict=True):
        found.update({i: _recent(stored or b"") for i, stored in zip(places, mailboxes, strict=True)})
        spilt = [i for i, stored in zip(places, mailboxes, strict=True) if (stored or b"").startswith(b"+")]
        for i in spilt:
            older = store.keys.older_mail(people[i])
            pipe.zrevrangebyscore(older, "+inf", since_ms, start=0, num=OLDER_LOOKED_AT, withscores=True)
        for i, entries in zip(spilt, pipe.execute() if spilt else (), strict=True):
            found[i] = [*found[i], *(_entry(ref.decode(), int(at)) for ref, at in entries)]
    mine = [
        [each.delivered_at_ms for each in found[i] if account_of(each.campaign) == account] for i in range(len(people))
    ]
    latest = [max(times, default=0) for times in mine]
    return [at if at > since_ms else None for at in latest]
