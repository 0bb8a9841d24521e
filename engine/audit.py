"""The auditor: replays an account's log against its wallet, letters, open contacts and due times.

It reads one consistent snapshot per account and believes nothing it can work out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import zstandard
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ResponseError

from engine import rows
from engine.acceptance import stopped_for
from engine.audit_column import check_column
from engine.audit_log import fold, show
from engine.audit_seats import check_seats
from engine.audit_snapshot import Column, Snapshot, take_snapshot
from engine.audit_subscription import check_subscription
from engine.errors import NotFound
from engine.identity import digest, each_digest
from engine.letters import DELIVERED, HELD
from engine.mailbox_entries import holds
from engine.store import Store


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
    except (OutOfMemoryError, BusyLoadingError):
        raise  # trouble of Redis', not of the account's
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
    went_back = report.stopped is not None or store.client.hexists(store.keys.account(account), "history")
    if not store.client.exists(store.keys.account(account)):
        report.drift.append("the account's own record is missing")
    if not store.client.sismember(store.keys.accounts, account):
        report.drift.append("the account is missing from the register of accounts")
    folded = fold(store, account, snapshot)
    report.drift += folded.problems
    if folded.wallet != snapshot.wallet:
        report.drift.append(f"wallet is {show(snapshot.wallet)}, the log says {show(folded.wallet)}")
    held = 0
    open_expected: dict[bytes, str] = {}
    if snapshot.last_entry != f"{snapshot.seq}-0":
        report.drift.append(f"the log's last entry is {snapshot.last_entry}, the wallet's is {snapshot.seq}-0")
    for campaign, column in snapshot.columns.items():
        column.went_back = went_back
        report.inmails += sum(letter in DELIVERED for letter in column.letters)
        held += sum(letter in HELD for letter in column.letters)
        for problem in check_column(campaign, column, snapshot):
            report.drift.append(f"{campaign}: {problem}")
        _check_rows(store, campaign, column, open_expected, report)
    if held != snapshot.wallet.held:
        report.drift.append(f"{held} letters hold a credit, the wallet says {snapshot.wallet.held}")
    report.drift += _check_contacts(account, snapshot, open_expected)
    report.drift += _check_folders(snapshot)
    if not folded.problems:  # a log that breaks off does not say what came after
        report.drift += check_seats(snapshot, folded.seats)
        report.drift += check_subscription(snapshot, folded.months)


def _check_contacts(account: str, snapshot: Snapshot, expected: dict[bytes, str]) -> Iterator[str]:
    """Open contacts are the held letters. Those of closed packs are forgotten later: who is on that list may stand
    there until then, and nobody else."""
    closed = {ref: set(each_digest(joined)) for ref, joined in snapshot.stale.items()}
    found = {person: ref for person, ref in snapshot.open.items() if person not in closed.get(ref, ())}
    if expected != found:
        yield f"open contacts differ from the letters in {len(set(expected.items()) ^ set(found.items()))} places"
    for ref in snapshot.stale:
        number, _, pack = ref.partition(".")
        column = snapshot.columns.get(f"{account}.{number}")
        if column is None or set("CSQ") & set(column.slice(int(pack))):
            yield f"{account}.{number}: pack {pack} is not closed, and its contacts are to be forgotten"


def _check_folders(snapshot: Snapshot) -> Iterator[str]:
    """What was answered stands in its sender's folder of that letter, and nothing else is there or unread."""
    everything: set[str] = set()
    for letter, found in snapshot.folders.items():
        standing = {
            f"{campaign.rpartition('.')[2]}.{index}"
            for campaign, column in snapshot.columns.items()
            for index, each in enumerate(column.letters)
            if each == letter
        }
        everything |= standing
        if standing != found:
            yield f"the folder of letters {letter} differs from the letters in {len(standing ^ found)} places"
    if not snapshot.unread <= everything:
        yield f"{len(snapshot.unread - everything)} InMails that nobody answered are unread"


def _people(addresses: list[str], kept: bytes | None) -> list[bytes]:
    """Digests of a pack's addresses; of those that were erased the one that was kept, while there is one."""
    standing = each_digest(kept or b"")
    return [
        standing[i] if address == rows.ERASED and i < len(standing) else digest(address)
        for i, address in enumerate(addresses)
    ]


def _check_rows(store: Store, campaign: str, column: Column, open_expected: dict[bytes, str], report: Report) -> None:
    """Rows against letters: each recipient has one, the held are open contacts, the delivered are in mailboxes."""
    names = orjson.loads(column.meta["columns"])
    number = campaign.rpartition(".")[2]
    missing = early = doubled = 0
    for pack in range(int(column.meta["packs"])):
        first = pack * column.pack_size
        slice_ = column.letters[first : first + column.pack_size]
        blob = store.client.hget(store.keys.rows(campaign), str(pack))
        addresses = rows.unpack(blob)[names.index("email")] if blob is not None else []
        people = _people(addresses, column.digests.get(pack))
        if len(addresses) != len(slice_):
            report.drift.append(f"{campaign}: pack {pack} has {len(addresses)} rows for {len(slice_)} letters")
            continue
        for i, letter in enumerate(slice_):
            if letter in HELD:
                open_expected[people[i]] = f"{number}.{pack}"
        kept = column.digests.get(pack)
        if (kept is None and set("CSQ") & set(slice_)) or (kept is not None and kept != b"".join(people)):
            report.drift.append(f"{campaign}: the digests of pack {pack} are not those of its addresses")
        settled = [i for i, letter in enumerate(slice_) if letter != "C" and addresses[i] != rows.ERASED]
        # After the log went back, an InMail may have been sent of which the letters know nothing any more.
        not_sent = "OPK" if column.went_back else "QOPK"
        copies = holds(store, campaign, pack, [people[i] for i in settled])
        for i, n in zip(settled, copies, strict=True):
            missing += slice_[i] in DELIVERED and n == 0
            doubled += n > 1
            early += slice_[i] in not_sent and n > 0
    if missing:
        report.drift.append(f"{campaign}: {missing} delivered InMails are in no mailbox")
    if doubled:
        report.drift.append(f"{campaign}: {doubled} InMails are in a mailbox twice")
    if early:
        report.drift.append(f"{campaign}: {early} InMails that were not sent are in a mailbox")
