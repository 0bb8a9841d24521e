"""The auditor: replays an account's log against its wallet, letters, open contacts and due times.

It reads one consistent snapshot per account and believes nothing it can work out again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson
import zstandard
from redis.exceptions import ResponseError

from engine import rows
from engine.acceptance import stopped_for
from engine.audit_column import check_column
from engine.audit_snapshot import Column, Snapshot, take_snapshot
from engine.credits import WALLET_FIELDS, LogEntry, Wallet, chained, log
from engine.errors import NotFound
from engine.letters import DELIVERED, HELD, MOVES
from engine.store import Store

_MOVE = re.compile(r"([-A-Z])([A-Z])(\d+)")


@dataclass(slots=True)
class Report:
    """What an audit of one account found; ``drift`` names each broken rule in one line, empty when all hold.

    ``stopped`` says why the account does not send: its log went back (None: it sends).
    """

    account: str
    entries: int = 0
    campaigns: int = 0
    inmails: int = 0
    drift: list[str] = field(default_factory=list)
    stopped: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "entries": self.entries,
            "campaigns": self.campaigns,
            "inmails": self.inmails,
            "drift": self.drift,
            "stopped": self.stopped,
        }


def audit(store: Store, account: str) -> Report:
    """Audit one account; raises NotFound where there is no trace of it. Safe while campaigns run.

    What cannot even be read is drift as well, never an error.
    """
    report = Report(account)
    try:
        _audit(store, account, report)
    except UnicodeEncodeError:  # it is the name asked for that is no text, nothing stored
        raise NotFound(f"no account {account[:80]!r}", code="no_account") from None
    except (KeyError, ValueError, IndexError, zstandard.ZstdError, ResponseError) as error:
        report.drift.append(f"stored state cannot be read: {type(error).__name__} {error}")
    return report


def audited_accounts(store: Store) -> list[str]:
    """Every account there is a trace of: those registered, and those with a wallet all the same; in order.

    Looks over the whole database in small steps: for an operator's audit, not for a loop.
    """
    found = {member.decode() for member in store.client.smembers(store.keys.accounts)}
    registered = set(found)
    for key in store.client.scan_iter(match=store.keys.wallet("*"), count=1000):
        found.add(key.decode().partition("{")[2].partition("}")[0])
    return sorted(
        account
        for account in found
        # A registered name without any state is an account whose opening was interrupted: nothing is lost.
        if account not in registered or store.client.exists(store.keys.account(account), store.keys.wallet(account))
    )


def _audit(store: Store, account: str, report: Report) -> None:
    snapshot = take_snapshot(store, account)
    report.entries, report.campaigns = snapshot.seq, len(snapshot.columns)
    report.stopped = stopped_for(store, account)
    if not store.client.exists(store.keys.account(account)):
        report.drift.append("the account's own record is missing")
    if not store.client.sismember(store.keys.accounts, account):
        report.drift.append("the account is missing from the register of accounts")
    folded = _replay(store, account, snapshot, report)
    if folded != snapshot.wallet:
        report.drift.append(f"wallet is {_show(snapshot.wallet)}, the log says {_show(folded)}")
    held = 0
    open_expected: dict[str, str] = {}
    for campaign, column in snapshot.columns.items():
        report.inmails += sum(letter in DELIVERED for letter in column.letters)
        held += sum(letter in HELD for letter in column.letters)
        for problem in check_column(campaign, column, snapshot):
            report.drift.append(f"{campaign}: {problem}")
        _check_rows(store, campaign, column, open_expected, report)
    if held != snapshot.wallet.held:
        report.drift.append(f"{held} letters hold a credit, the wallet says {snapshot.wallet.held}")
    if open_expected != snapshot.open:
        wrong = len(set(open_expected.items()) ^ set(snapshot.open.items()))
        report.drift.append(f"open contacts differ from the letters in {wrong} places")


def _replay(store: Store, account: str, snapshot: Snapshot, report: Report) -> Wallet:
    """Fold the log; the first entry that breaks a rule is named, as all after it may follow from it."""
    balance = dict.fromkeys(WALLET_FIELDS, 0)
    expected_seq = chain = 0
    for entry in log(store, account, most=snapshot.seq):
        expected_seq += 1
        problem = None
        if entry.seq != expected_seq:
            problem = f"sequence jumps to {entry.seq}"
        else:
            problem = _fold(entry, balance, snapshot.columns)
        after = Wallet(**balance)
        chain = chained(chain, entry)
        if problem is None and entry.chain != chain:
            problem = "its chain number does not follow from what it says and the entry before"
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
    elif chain != snapshot.chain:
        report.drift.append("the log's last chain number is not the wallet's")
    return Wallet(**balance)


def _fold(entry: LogEntry, balance: dict[str, int], columns: dict[str, Column]) -> str | None:
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
    if entry.kind == "reply":
        column.answered[int(entry.at)] = entry.moves[1]
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


def _check_rows(store: Store, campaign: str, column: Column, open_expected: dict[str, str], report: Report) -> None:
    """Rows against letters: each recipient has one, the held are open contacts, the delivered are in mailboxes."""
    names = orjson.loads(column.meta["columns"])
    number = campaign.rpartition(".")[2]
    missing = early = 0
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
        settled = [i for i, letter in enumerate(slice_) if letter != "C"]
        pipe = store.client.pipeline(transaction=False)
        for i in settled:
            pipe.zscore(store.keys.mailbox(addresses[i]), f"{campaign}.{first + i}")
        for i, score in zip(settled, pipe.execute(), strict=True):
            missing += slice_[i] in DELIVERED and score is None
            early += slice_[i] in "QOPK" and score is not None
    if missing:
        report.drift.append(f"{campaign}: {missing} delivered InMails are in no mailbox")
    if early:
        report.drift.append(f"{campaign}: {early} InMails that were not sent are in a mailbox")


def _show(wallet: Wallet) -> str:
    return " ".join(f"{name} {value}" for name, value in wallet.as_dict().items())
