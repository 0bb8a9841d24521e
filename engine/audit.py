"""The auditor: replays an account's log against its wallet, letters, open contacts and due times.

It reads one consistent snapshot per account and believes nothing it can work out again.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine import rows
from engine.credits import WALLET_FIELDS, LogEntry, Wallet, log
from engine.errors import NotFound
from engine.letters import DELIVERED, HELD, LETTERS, MOVES
from engine.store import Store

_MOVE = re.compile(r"([-A-Z])([A-Z])(\d+)")


@dataclass(slots=True)
class Report:
    """What an audit of one account found; ``drift`` names each broken rule in one line, empty when all hold."""

    account: str
    entries: int = 0
    campaigns: int = 0
    inmails: int = 0
    drift: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "entries": self.entries,
            "campaigns": self.campaigns,
            "inmails": self.inmails,
            "drift": self.drift,
        }


def audit(store: Store, account: str) -> Report:
    """Audit one account; raises NotFound. Safe while campaigns run: all is read from one snapshot."""
    snapshot = _snapshot(store, account)
    report = Report(account, entries=snapshot.seq, campaigns=len(snapshot.columns))
    folded = _replay(store, account, snapshot, report)
    if folded != snapshot.wallet:
        report.drift.append(f"wallet is {_show(snapshot.wallet)}, the log says {_show(folded)}")
    held = 0
    open_expected: dict[str, str] = {}
    for campaign, column in snapshot.columns.items():
        report.inmails += sum(letter in DELIVERED for letter in column.letters)
        held += sum(letter in HELD for letter in column.letters)
        _check_column(campaign, column, report)
        _check_rows(store, campaign, column, open_expected, report)
    if held != snapshot.wallet.held:
        report.drift.append(f"{held} letters hold a credit, the wallet says {snapshot.wallet.held}")
    if open_expected != snapshot.open:
        wrong = len(set(open_expected.items()) ^ set(snapshot.open.items()))
        report.drift.append(f"open contacts differ from the letters in {wrong} places")
    return report


@dataclass(slots=True)
class _Column:
    """One campaign as the snapshot found it, and what the log says of it."""

    letters: str
    sent: bytes
    due: dict[int, int]
    meta: dict[str, str]
    logged: Counter[str] = field(default_factory=Counter)

    @property
    def pack_size(self) -> int:
        return int(self.meta["pack_size"])


@dataclass(slots=True)
class _Snapshot:
    seq: int
    wallet: Wallet
    open: dict[str, str]
    columns: dict[str, _Column]


def _snapshot(store: Store, account: str) -> _Snapshot:
    # One MULTI: no transition can come between the log's last entry and the letters it speaks of. Campaigns
    # submitted between listing and reading have a log entry beyond it and are left for the next audit.
    keys = store.keys
    while True:
        members = [m.decode() for m in store.client.zrange(keys.campaigns(account), 0, -1)]
        pipe = store.client.pipeline(transaction=True)
        pipe.hgetall(keys.wallet(account))
        pipe.hgetall(keys.open(account))
        pipe.zcard(keys.campaigns(account))
        for campaign in members:
            pipe.hgetall(keys.campaign(campaign))
            pipe.get(keys.letters(campaign))
            pipe.get(keys.sent(campaign))
            pipe.zrange(keys.campaign_due(campaign), 0, -1, withscores=True)
        wallet, contacts, count, *parts = pipe.execute()
        if not wallet:
            raise NotFound(f"no account {account[:80]!r}", code="no_account")
        if count == len(members):
            break
    columns = {}
    for i, campaign in enumerate(members):
        meta, letters, sent, due = parts[i * 4 : i * 4 + 4]
        columns[campaign] = _Column(
            letters=(letters or b"").decode("ascii"),
            sent=sent or b"",
            due={int(pack): int(at) for pack, at in due},
            meta={k.decode(): v.decode() for k, v in meta.items()},
        )
    return _Snapshot(
        seq=int(wallet[b"seq"]),
        wallet=Wallet(*(int(wallet[name.encode()]) for name in WALLET_FIELDS)),
        open={k.decode(): v.decode() for k, v in contacts.items()},
        columns=columns,
    )


def _replay(store: Store, account: str, snapshot: _Snapshot, report: Report) -> Wallet:
    """Fold the log; the first entry that breaks a rule is named, as all after it may follow from it."""
    balance = dict.fromkeys(WALLET_FIELDS, 0)
    expected_seq = 0
    for entry in log(store, account, most=snapshot.seq):
        expected_seq += 1
        problem = None
        if entry.seq != expected_seq:
            problem = f"sequence jumps to {entry.seq}"
        else:
            problem = _fold(entry, balance, snapshot.columns)
        after = Wallet(**balance)
        if problem is None and after != entry.wallet:
            problem = f"wallet after is {_show(entry.wallet)}, should be {_show(after)}"
        if problem is None and (
            min(balance.values()) < 0 or after.granted != after.available + after.held + after.spent + after.expired
        ):
            problem = f"the equation granted = available + held + spent + expired breaks: {_show(after)}"
        if problem is not None:
            report.drift.append(f"log entry {expected_seq} ({entry.kind}): {problem}")
            return entry.wallet
    if expected_seq != snapshot.seq:
        report.drift.append(f"the log ends at entry {expected_seq}, {snapshot.seq} were written")
    return Wallet(**balance)


def _fold(entry: LogEntry, balance: dict[str, int], columns: dict[str, _Column]) -> str | None:
    if entry.kind == "grant":
        balance["granted"] += entry.n
        balance["available"] += entry.n
    if entry.kind == "expire":
        balance["available"] -= entry.n
        balance["expired"] += entry.n
    if not entry.moves:
        return None
    column = columns.get(entry.campaign)
    if column is None:
        return f"speaks of {entry.campaign}, which is no campaign of this account"
    for source, target, text in _MOVE.findall(entry.moves):
        n = int(text)
        if source == "-":
            column.logged[target] += n
            continue
        if source + target not in MOVES:
            return f"the move {source} to {target} does not exist"
        column.logged[source] -= n
        column.logged[target] += n
        if column.logged[source] < 0:
            return f"{n} left letter {source}, more than stood there"
        _move_credits(source, target, n, balance, column.meta)
    return None


def _move_credits(source: str, target: str, n: int, balance: dict[str, int], meta: dict[str, str]) -> None:
    """The credits that go with a move of letters, under the campaign's own refund rule."""
    if source == "Q" and target == "C":
        balance["available"] -= n
        balance["held"] += n
    elif source in HELD and target not in HELD:
        rule = {"A": "answer_moves_to", "D": "answer_moves_to", "R": "due_moves_to"}
        balance["held"] -= n
        balance[meta[rule[target]] if target in rule else "available"] += n


def _check_column(campaign: str, column: _Column, report: Report) -> None:
    """Letters against the log, the counters, and the due times."""
    recipients, drift = int(column.meta["recipients"]), report.drift
    if len(column.letters) != recipients:
        drift.append(f"{campaign}: {len(column.letters)} letters for {recipients} recipients")
    actual = Counter(column.letters)
    for code in {*actual, *column.logged, *LETTERS}:
        if actual[code] != column.logged[code]:
            drift.append(f"{campaign}: {actual[code]} letters {code}, the log says {column.logged[code]}")
    for name, code in (("queued", "Q"), ("claimed", "C"), ("sent", "S")):
        if int(column.meta[name]) != actual[code]:
            drift.append(f"{campaign}: counter {name} is {column.meta[name]}, letters {code}: {actual[code]}")
    window = int(column.meta["refund_after_ms"])
    for pack in range(-(-recipients // column.pack_size)):
        first = pack * column.pack_size
        slice_ = column.letters[first : first + column.pack_size]
        times = [_sent_at(column, first + i) for i, letter in enumerate(slice_) if letter == "S"]
        if 0 in times:
            drift.append(f"{campaign}: pack {pack} has an InMail sent at no time")
        if times and column.due.get(pack, 2**62) > min(times) + window:
            drift.append(f"{campaign}: pack {pack} falls due later than its earliest InMail")


def _sent_at(column: _Column, index: int) -> int:
    return int.from_bytes(column.sent[index * 6 : index * 6 + 6], "big")


def _check_rows(store: Store, campaign: str, column: _Column, open_expected: dict[str, str], report: Report) -> None:
    """Rows against letters: each recipient has one, the held are open contacts, the delivered are in mailboxes."""
    names = orjson.loads(column.meta["columns"])
    number = campaign.rpartition(".")[2]
    missing = 0
    for pack in range(int(column.meta["packs"])):
        first = pack * column.pack_size
        slice_ = column.letters[first : first + column.pack_size]
        blob = store.client.hget(store.keys.rows(campaign), str(pack))
        addresses = rows.unpack(blob)[names.index("email")] if blob is not None else []
        if len(addresses) != len(slice_):
            report.drift.append(f"{campaign}: pack {pack} has {len(addresses)} rows for {len(slice_)} letters")
            continue
        for i, letter in enumerate(slice_):
            if letter in HELD:
                open_expected[addresses[i]] = f"{number}.{first + i}"
        delivered = [i for i, letter in enumerate(slice_) if letter in DELIVERED]
        pipe = store.client.pipeline(transaction=False)
        for i in delivered:
            pipe.zscore(store.keys.mailbox(addresses[i]), f"{campaign}.{first + i}")
        missing += sum(score is None for score in pipe.execute())
    if missing:
        report.drift.append(f"{campaign}: {missing} delivered InMails are in no mailbox")


def _show(wallet: Wallet) -> str:
    return " ".join(f"{name} {value}" for name, value in wallet.as_dict().items())
