"""Mailboxes: everybody has one, by address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import Invalid, NotFound
from engine.identity import InMailId, parse_address
from engine.letters import LETTERS
from engine.mailbox_entries import Entry, entries
from engine.reading import Reader, place_of
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Received:
    """One InMail as its recipient sees it; rendered when read, never stored."""

    inmail: str
    account: str
    sender_name: str
    sender_email: str
    campaign: str
    subject: str
    body: str
    sent_at_ms: int
    state: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "inmail": self.inmail,
            "from": {"name": self.sender_name, "email": self.sender_email},
            "campaign": self.campaign,
            "subject": self.subject,
            "body": self.body,
            "sent_at_ms": self.sent_at_ms,
            "state": self.state,
        }


def inbox(store: Store, address: str, *, most: int = 50, after: str | None = None) -> tuple[list[Received], str | None]:
    """A page of what an address received, newest first, and the cursor of the next page (None = this was the last).

    The cursor is the last InMail's id; one that is not in this mailbox is Invalid.
    """
    address, reader = parse_address(address), Reader(store)
    cursor = None if after is None else place_of(store, after, address)
    found = entries(store, address, most=most + 1, after=cursor)
    if found is None or (after is not None and cursor is None):
        raise Invalid(f"cursor {(after or '')[:80]!r} is not an InMail of this mailbox", code="bad_cursor")
    page = [inmail for entry in found[:most] if (inmail := _received(reader, entry, address)) is not None]
    return page, page[-1].inmail if len(found) > most and page else None


def _received(reader: Reader, entry: Entry, address: str) -> Received | None:
    """None for an InMail of a time Redis went back behind: its pack is gone, or somebody else's by now."""
    try:
        campaign, _, _ = reader.campaign(entry.campaign)
    except NotFound:
        return None
    if entry.pack >= campaign.packs:
        return None
    addresses = reader.columns(campaign, entry.pack)[campaign.address_column]
    if address not in addresses:
        return None
    index = campaign.first(entry.pack) + addresses.index(address)
    written = reader.written(campaign.id, index)
    keys = reader.store.keys
    pipe = reader.store.client.pipeline(transaction=False)
    pipe.getrange(keys.letters(campaign.id), index, index)
    pipe.getrange(keys.sent(campaign.id), index * 6, index * 6 + 5)
    letter, sent = pipe.execute()
    return Received(
        inmail=str(InMailId(campaign.id, index)),
        account=written.sender.id,
        sender_name=written.sender.name,
        sender_email=written.sender.email,
        campaign=campaign.id,
        subject=written.subject,
        body=written.body,
        sent_at_ms=int.from_bytes(sent, "big") or entry.delivered_at_ms,
        state=LETTERS["S" if letter == b"C" else letter.decode()].word,
    )
