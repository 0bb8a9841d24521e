"""The auditor's look at an account's log: folded entry by entry, the first that breaks a rule is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.audit_seats import Seats
from engine.audit_snapshot import PACKS_COUNTED_MAX, Column, Snapshot
from engine.audit_subscription import Months
from engine.credits import WALLET_FIELDS, LogEntry, Wallet, chained, log
from engine.letters import HELD, MOVES
from engine.store import Store

_MOVE = re.compile(r"([-A-Z])([A-Z])(\d+)")


@dataclass(slots=True)
class Fold:
    """What the log comes to: the wallet at its end, each grant by entry, the seats, and the problems met on the way."""

    balance: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WALLET_FIELDS, 0))
    grants: dict[int, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seats: Seats = field(default_factory=Seats)
    months: Months = field(default_factory=Months)

    @property
    def wallet(self) -> Wallet:
        return Wallet(**self.balance)


def fold(store: Store, account: str, snapshot: Snapshot) -> Fold:
    """Replay the log up to the snapshot; what it says of each campaign is noted in the snapshot's columns.

    The first entry that breaks a rule ends it, as all after it may follow from it; the wallet is then that entry's.
    """
    done = Fold()
    seq = chain = 0
    for entry in log(store, account, most=snapshot.seq):
        seq += 1
        problem = f"sequence jumps to {entry.seq}" if entry.seq != seq else _entry(entry, done, snapshot.columns)
        chain = chained(chain, entry)
        if problem is None and entry.chain != chain:
            problem = "its chain number does not follow from what it says and the entry before"
        if problem is None:
            problem = _wallet_problem(entry, done)
        if problem is not None:
            done.problems.append(f"log entry {seq} ({entry.kind}): {problem}")
            done.balance = entry.wallet.as_dict()
            return done
    if seq != snapshot.seq:
        done.problems.append(f"the log ends at entry {seq}, {snapshot.seq} were written")
    elif chain != snapshot.chain:
        done.problems.append("the log's last chain number is not the wallet's")
    done.problems += _check_keys(store, account, done.grants, snapshot.seq)
    return done


def show(wallet: Wallet) -> str:
    """A wallet in one line."""
    return " ".join(f"{name} {value}" for name, value in wallet.as_dict().items())


def _wallet_problem(entry: LogEntry, done: Fold) -> str | None:
    after = done.wallet
    if after != entry.wallet:
        return f"wallet after is {show(entry.wallet)}, should be {show(after)}"
    if min(done.balance.values()) < 0 or after.granted != after.available + after.held + after.spent + after.expired:
        return f"the equation granted = available + held + spent + expired breaks: {show(after)}"
    return None


def _entry(entry: LogEntry, done: Fold, columns: dict[str, Column]) -> str | None:
    """Carry out one entry; says what is wrong with it."""
    if entry.kind == "grant":
        done.grants[entry.seq] = f"{entry.n} {entry.note}"
        done.balance["granted"] += entry.n
        done.balance["available"] += entry.n
    if entry.kind == "expire":
        done.balance["available"] -= entry.n
        done.balance["expired"] += entry.n
    if not entry.moves:
        done.seats.take(entry)
        done.months.take(entry)
        return None
    column = columns.get(entry.campaign)
    if column is None:
        return f"speaks of {entry.campaign}, which is no campaign of this account"
    if entry.kind == "reply":
        column.answered[int(entry.at)] = entry.moves[1]
    if entry.kind == "undo":
        column.answered.pop(int(entry.at), None)
    for source, target, n in _MOVE.findall(entry.moves):
        problem = _letters(entry, column, source, target, int(n), done.balance)
        if problem is not None:
            return problem
        if source + target == "QC":
            done.seats.debit(column.meta.get("seat", ""), int(n))
    return None


def _letters(entry: LogEntry, column: Column, source: str, target: str, n: int, balance: dict[str, int]) -> str | None:
    """Carry out one move of letters, with its credits; says what is wrong with it."""
    column.logged[target] += n
    if source == "-":
        return None
    if source + target not in MOVES:
        return f"the move {source} to {target} does not exist"
    column.logged[source] -= n
    if column.logged[source] < 0:
        return f"{n} left letter {source}, more than stood there"
    if column.packs <= PACKS_COUNTED_MAX:
        pack = column.pack_of(entry.kind, entry.at)
        column.moved[pack][source] -= n
        column.moved[pack][target] += n
        if source == "S" and target == "R":  # not an undo of a late answer
            column.refunded[pack].append((entry.at_ms, n))
    _move_credits(source, target, n, balance, column.meta)
    return None


def _move_credits(source: str, target: str, n: int, balance: dict[str, int], meta: dict[str, str]) -> None:
    """The credits that go with a move of letters, under the campaign's own refund rule."""
    if source == "Q" and target == "C":
        balance["available"] -= n
        balance["held"] += n
    elif source in HELD and target not in HELD:
        balance["held"] -= n
        balance[_where(target, meta)] += n
    elif target in HELD and source not in HELD:
        balance[_where(source, meta)] -= n
        balance["held"] += n


def _where(letter: str, meta: dict[str, str]) -> str:
    """Where the credit of an InMail at that letter is."""
    rule = {"A": "answer_moves_to", "D": "answer_moves_to", "R": "due_moves_to"}
    return meta[rule[letter]] if letter in rule else "available"


def _check_keys(store: Store, account: str, grants: dict[int, str], last_seq: int) -> Iterator[str]:
    """Each key a grant was made under stands for one grant in the log, of that amount and reason."""
    seen: set[int] = set()
    for operation, outcome in store.client.hscan_iter(store.keys.of_account(account)[3], match="grant:*", count=1000):
        number, _, asked = outcome.decode().partition(" ")
        seq = int(number)
        if seq <= last_seq and (grants.get(seq) != asked or seq in seen):
            yield f"operation {operation.decode()!r} points to log entry {seq}, which is no such grant of its own"
        seen.add(seq)
