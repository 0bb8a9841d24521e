"""What the auditor reads of one account: all of it at one moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from engine.credits import WALLET_FIELDS, Wallet
from engine.errors import NotFound
from engine.store import Store

PACKS_COUNTED_MAX = 100_000
"""A campaign of more packs than this is counted as a whole and not by pack, which bounds the memory of an audit."""


@dataclass(slots=True)
class Column:
    """One campaign as the snapshot found it, and what the log says of it."""

    letters: str
    sent: bytes
    due: dict[int, int]
    again: frozenset[int]
    leased: frozenset[int]
    replies: dict[int, str]
    meta: dict[str, str]
    logged: Counter[str] = field(default_factory=Counter)
    answered: dict[int, str] = field(default_factory=dict)
    moved: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """What the log says came into (and left: below 0) each letter, by pack; see PACKS_COUNTED_MAX."""
    refunded: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By pack: when refunds were made, and how many."""

    def sent_at_ms(self, index: int) -> int:
        return int.from_bytes(self.sent[index * 6 : index * 6 + 6], "big")

    @property
    def pack_size(self) -> int:
        return int(self.meta["pack_size"])

    @property
    def packs(self) -> int:
        return int(self.meta["packs"])

    def pack_of(self, kind: str, at: str) -> int:
        """The pack a log entry speaks of: it names an InMail's index for a reply, else the pack itself."""
        return int(at) // self.pack_size if kind == "reply" else int(at)


@dataclass(slots=True)
class Snapshot:
    seq: int
    chain: int
    at_ms: int
    wallet: Wallet
    open: dict[str, str]
    active: frozenset[str]
    sending: frozenset[str]
    columns: dict[str, Column]


def take_snapshot(store: Store, account: str) -> Snapshot:
    # One MULTI: no transition can come between the log's last entry and the letters it speaks of. Campaigns
    # submitted between listing and reading have a log entry beyond it and are left for the next audit.
    keys = store.keys
    while True:
        members = [m.decode() for m in store.client.zrange(keys.campaigns(account), 0, -1)]
        pipe = store.client.pipeline(transaction=True)
        pipe.hgetall(keys.wallet(account))
        pipe.hgetall(keys.open(account))
        pipe.zcard(keys.campaigns(account))
        pipe.zrange(keys.active(account), 0, -1)
        pipe.zrange(keys.sending(account), 0, -1)
        for campaign in members:
            pipe.hgetall(keys.campaign(campaign))
            pipe.get(keys.letters(campaign))
            pipe.get(keys.sent(campaign))
            pipe.zrange(keys.campaign_due(campaign), 0, -1, withscores=True)
            pipe.zrange(keys.again(campaign), 0, -1)
            pipe.zrange(keys.leases(campaign), 0, -1)
            pipe.hgetall(keys.replies(campaign))
        wallet, contacts, count, active, sending, *parts = pipe.execute()
        if not wallet:
            raise NotFound(f"no account {account[:80]!r}", code="no_account")
        if count == len(members):
            break
    columns = {}
    for i, campaign in enumerate(members):
        meta, letters, sent, due, again, leased, replies = parts[i * 7 : i * 7 + 7]
        columns[campaign] = Column(
            letters=(letters or b"").decode("ascii"),
            sent=sent or b"",
            due={int(pack): int(at) for pack, at in due},
            again=frozenset(map(int, again)),
            leased=frozenset(map(int, leased)),
            replies={int(index): text.decode() for index, text in replies.items()},
            meta={k.decode(): v.decode() for k, v in meta.items()},
        )
    return Snapshot(
        seq=int(wallet[b"seq"]),
        chain=int(wallet[b"chain"]),
        at_ms=store.now_ms(),
        active=frozenset(m.decode() for m in active),
        sending=frozenset(m.decode() for m in sending),
        wallet=Wallet(*(int(wallet[name.encode()]) for name in WALLET_FIELDS)),
        open={k.decode(): v.decode() for k, v in contacts.items()},
        columns=columns,
    )
