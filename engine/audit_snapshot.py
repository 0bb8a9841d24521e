"""What the auditor reads of one account: all of it at one moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from engine.credits import WALLET_FIELDS, Wallet
from engine.errors import NotFound
from engine.keys import FOLDERS
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
    digests: dict[int, bytes]
    meta: dict[str, str]
    went_back: bool = False
    logged: Counter[str] = field(default_factory=Counter)
    answered: dict[int, str] = field(default_factory=dict)
    moved: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """What the log says came into (and left: below 0) each letter, by pack; see PACKS_COUNTED_MAX."""
    refunded: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By pack: when refunds were made, and how many."""

    def sent_at_ms(self, index: int) -> int:
        return int.from_bytes(self.sent[index * 6 : index * 6 + 6], "big")

    def slice(self, pack: int) -> str:
        """The letters of one pack."""
        return self.letters[pack * self.pack_size : (pack + 1) * self.pack_size]

    @property
    def pack_size(self) -> int:
        return int(self.meta["pack_size"])

    @property
    def packs(self) -> int:
        return int(self.meta["packs"])

    def pack_of(self, kind: str, at: str) -> int:
        """The pack a log entry speaks of: it names an InMail's index for an answer, else the pack itself."""
        return int(at) // self.pack_size if kind in ("reply", "undo") else int(at)


@dataclass(slots=True)
class Snapshot:
    seq: int
    chain: int
    last_entry: str
    at_ms: int
    wallet: Wallet
    open: dict[bytes, str]
    stale: dict[str, bytes]
    folders: dict[str, frozenset[str]]
    """By letter: 'number.index' of each InMail in the folder of what was answered so."""
    unread: frozenset[str]
    active: frozenset[str]
    sending: frozenset[str]
    columns: dict[str, Column]
    account: dict[str, str]
    """The account's own record."""
    seats: frozenset[str]
    subscription: dict[str, str]
    invoices: dict[str, str]


def take_snapshot(store: Store, account: str) -> Snapshot:
    # One script: no transition can come between the log's last entry and the letters it speaks of. Campaigns
    # submitted between listing and reading have a log entry beyond it and are left for the next audit.
    keys = store.keys
    while True:
        members = [m.decode() for m in store.client.zrange(keys.campaigns(account), 0, -1)]
        wanted = [
            (keys.wallet(account), "hash"),
            (keys.open(account), "hash"),
            (keys.campaigns(account), "count"),
            (keys.active(account), "scores"),
            (keys.sending(account), "scores"),
            (keys.log(account), "last"),
            (keys.stale(account), "list"),
            *((keys.folder(account, letter), "scores") for letter in FOLDERS),
            (keys.unread(account), "hash"),
            (keys.account(account), "hash"),
            (keys.seats(account), "hash"),
            (keys.subscription(account), "hash"),
            (keys.invoices(account), "hash"),
        ]
        for campaign in members:
            wanted += [
                (keys.campaign(campaign), "hash"),
                (keys.letters(campaign), "text"),
                (keys.sent(campaign), "text"),
                (keys.campaign_due(campaign), "scores"),
                (keys.again(campaign), "scores"),
                (keys.leases(campaign), "scores"),
                (keys.replies(campaign), "hash"),
                (keys.digests(campaign), "hash"),
            ]
        found = store.run_bare("snapshot", [key for key, _ in wanted], *(how for _, how in wanted))
        wallet, contacts, count, active, sending, last, closed, *parts = found
        folders, parts = parts[: len(FOLDERS)], parts[len(FOLDERS) :]
        unread, record, seats, subscription, invoices, *parts = parts
        if not wallet:
            raise NotFound(f"no account {account[:80]!r}", code="no_account")
        if count == len(members):
            break
    purse = _texts(wallet)
    return Snapshot(
        seq=int(purse["seq"]),
        chain=int(purse["chain"]),
        last_entry=last[0][0].decode() if last else "",
        at_ms=store.now_ms(keys.wallet(account)),
        active=frozenset(_texts(active)),
        sending=frozenset(_texts(sending)),
        wallet=Wallet(*(int(purse[name]) for name in WALLET_FIELDS)),
        open={person: ref.decode() for person, ref in zip(contacts[::2], contacts[1::2], strict=True)},
        stale={ref.decode(): joined for ref, _, joined in (entry.partition(b" ") for entry in closed)},
        folders={letter: frozenset(_texts(found)) for letter, found in zip(FOLDERS, folders, strict=True)},
        unread=frozenset(_texts(unread)),
        account=_texts(record),
        seats=frozenset(_texts(seats)),
        subscription=_texts(subscription),
        invoices=_texts(invoices),
        columns={campaign: _column(parts[i * 8 : i * 8 + 8]) for i, campaign in enumerate(members)},
    )


def _column(found: list[Any]) -> Column:
    meta, letters, sent, due, again, leased, replies, kept = found
    return Column(
        letters=(letters or b"").decode("ascii"),
        sent=sent or b"",
        due={int(pack): int(float(at)) for pack, at in _texts(due).items()},
        again=frozenset(map(int, _texts(again))),
        leased=frozenset(map(int, _texts(leased))),
        replies={int(index): text for index, text in _texts(replies).items()},
        digests={int(pack): joined for pack, joined in zip(kept[::2], kept[1::2], strict=True)},
        meta=_texts(meta),
    )


def _texts(flat: list[bytes]) -> dict[str, str]:
    """A flat reply, name and value in turn, as a dict; in order."""
    return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}
