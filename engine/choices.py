"""A candidate's own say: who may write to them, who did, and what is known of them. By address, no account needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from engine import rows
from engine.conversations import read
from engine.directory import wishes
from engine.directory.store import by_address
from engine.errors import NotFound
from engine.identity import digest, parse_address
from engine.mailbox import Received, inbox
from engine.mailbox_entries import Entry, entries
from engine.reading import Reader
from engine.rows import ERASED
from engine.store import Store
from engine.suppressions import said_by_candidate, stopped_by_candidate, suppress, unsuppress

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Sender:
    """An account that has written to an address: how often, when last, and whether it may no more."""

    account: str
    name: str
    email: str
    inmails: int
    last_at_ms: int
    stopped: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "email": self.email,
            "inmails": self.inmails,
            "last_at_ms": self.last_at_ms,
            "stopped": self.stopped,
        }


def stop_sender(store: Store, address: str, account: str) -> bool:
    """Never let that account write to the address again; False when it stood so already."""
    return suppress(store, account, address, who="c")


def allow_sender(store: Store, address: str, account: str) -> bool:
    """Let that account write to the address again; False when it may anyway."""
    return unsuppress(store, account, address, who="c")


def stopped_sender(store: Store, address: str, account: str) -> bool:
    """Whether that account, by name, may not write to the address."""
    return stopped_by_candidate(store, account, address)


def stop_all(store: Store, address: str) -> bool:
    """Never let anybody write to the address again; False when it stood so already.

    It lies beside the mailbox and is looked at by the write that delivers, so what is under way is stopped too.
    """
    person = digest(parse_address(address))
    return bool(store.client.hsetnx(store.keys.optouts(person), person, store.now_ms(store.keys.optouts(person))))


def allow_all(store: Store, address: str) -> bool:
    """Let people write to the address again, but for senders stopped by name; False when they may anyway."""
    person = digest(parse_address(address))
    return bool(store.client.hdel(store.keys.optouts(person), person))


def stopped_all(store: Store, address: str) -> bool:
    """Whether nobody may write to the address."""
    person = digest(parse_address(address))
    return bool(store.client.hexists(store.keys.optouts(person), person))


def senders(store: Store, address: str) -> list[Sender]:
    """Who has written to the address, the latest first."""
    address = parse_address(address)
    found: dict[str, list[Received]] = {}
    for each in _everything(store, address):
        found.setdefault(each.account, []).append(each)
    person = digest(address)
    pipe = store.client.pipeline(transaction=False)
    for account in found:
        pipe.hget(store.keys.suppressed(account), person)
    return [
        Sender(
            account,
            received[0].sender_name,
            received[0].sender_email,
            len(received),
            max(each.sent_at_ms for each in received),
            said_by_candidate(stored),
        )
        for (account, received), stored in zip(found.items(), pipe.execute(), strict=True)
    ]


def export(store: Store, address: str) -> dict[str, Any]:
    """All that is known of an address: every InMail with its conversation and what its sender's list said; profiles."""
    address = parse_address(address)
    inmails = []
    for each in _everything(store, address):
        found = read(store, each.inmail, address=address)
        inmails.append(found.as_dict("candidate") | {"fields": found.recipient_fields})
    return {
        "address": address,
        "may_be_written_to": not stopped_all(store, address),
        "senders": [sender.as_dict() for sender in senders(store, address)],
        "inmails": inmails,
        "profiles": [profile.as_dict() for profile in by_address(store, address)],
    }


def erase(store: Store, address: str) -> int:
    """Forget an address: rows, mailbox, the words of its answers and messages, its profiles in the directory.

    Returns how many InMails it was in. Nobody may write to it afterwards (its digest is kept for that, and for what its
    InMails hold). Letters, credits and the log stay: they name no person. Interrupted, it is done to the end by doing
    it again.
    """
    address = parse_address(address)
    person = digest(address)
    stop_all(store, address)
    wishes.erase(store, address)
    erased = 0
    # The mailbox goes last: until then it says what is left to do.
    for entry in _entries(store, address):
        erased += _erase_in(store, entry, address)
    store.client.hdel(store.keys.mailboxes(person), person)
    store.client.delete(store.keys.older_mail(person))
    return erased


def _erase_in(store: Store, entry: Entry, address: str) -> bool:
    """Take the address out of one pack and out of what it said there; False where it is not there any more."""
    reader = Reader(store)
    try:
        campaign, _, _ = reader.campaign(entry.campaign)
    except NotFound:
        return False
    while entry.pack < campaign.packs:
        blob = store.client.hget(store.keys.rows(campaign.id), str(entry.pack))
        columns = rows.unpack(blob) if blob is not None else []
        people = columns[campaign.address_column] if columns else []
        if address not in people:
            return False
        position = people.index(address)
        index = campaign.first(entry.pack) + position
        blank = [ERASED if name == "email" else "" for name in campaign.columns]
        changed = [
            [*column[:position], with_, *column[position + 1 :]] for column, with_ in zip(columns, blank, strict=True)
        ]
        after = rows.pack(list(zip(*changed, strict=True)))
        keys = store.keys.of_conversation(campaign.id, index)
        # Somebody else of the same pack may be erased at this moment: then it is read again.
        status = store.run("erase", keys, index, entry.pack, blob, after, digest(address))[0]
        if status != "changed":
            return bool(status == "ok")
    return False


def _everything(store: Store, address: str) -> Iterator[Received]:
    after = None
    while True:
        page, after = inbox(store, address, most=_PAGE, after=after)
        yield from page
        if after is None:
            return


def _entries(store: Store, address: str) -> list[Entry]:
    """All entries of a mailbox at once: erasing changes what a cursor stands on."""
    found: list[Entry] = []
    while True:
        last = (found[-1].campaign, found[-1].pack) if found else None
        page = entries(store, address, most=_PAGE, after=last) or []
        found += page
        if len(page) < _PAGE:
            return found
