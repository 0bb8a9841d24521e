"""Mailboxes: everybody has one, by address. InMails in, answers back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from engine import rows
from engine.accounts import get_account
from engine.campaigns import Campaign, get_campaign, read_pack
from engine.errors import EngineError, Invalid, NotFound, Refused
from engine.identity import InMailId, account_of, digest, parse_address, parse_inmail
from engine.letters import LETTERS
from engine.mailbox_entries import Entry, entries, holds
from engine.message import Message
from engine.store import Store
from engine.wake import wake

TEXT_CHARS_MAX = 2000


@dataclass(frozen=True, slots=True)
class Received:
    """One InMail as its recipient sees it; rendered when read, never stored."""

    inmail: str
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
    address, reader = parse_address(address), _Reader(store)
    cursor = None if after is None else _pack_of(store, after, address)
    found = entries(store, address, most=most + 1, after=cursor)
    if found is None or (after is not None and cursor is None):
        raise Invalid(f"cursor {(after or '')[:80]!r} is not an InMail of this mailbox", code="bad_cursor")
    page = [inmail for entry in found[:most] if (inmail := reader.read(entry, address)) is not None]
    return page, page[-1].inmail if len(found) > most and page else None


def _pack_of(store: Store, inmail: str, address: str) -> tuple[str, int] | None:
    """Of which campaign and pack an InMail is; None where no row says that it is for this address."""
    try:
        which = parse_inmail(inmail)
    except EngineError:
        return None
    found = store.run("place", store.keys.of_campaign(which.campaign), which.index)
    if found[0] != "ok":
        return None
    _, pack, position, names, blob = found
    columns = rows.unpack(blob.encode("utf-8", "surrogateescape"))
    is_theirs = columns[orjson.loads(names).index("email")][int(position)] == address
    return (which.campaign, int(pack)) if is_theirs else None


class _Reader:
    """Renders InMails; campaigns, messages and packs met more than once are fetched once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._campaigns: dict[str, tuple[Campaign, Message, str, str]] = {}
        self._packs: dict[tuple[str, int], list[list[str]]] = {}

    def read(self, entry: Entry, address: str) -> Received | None:
        """None for an InMail of a time Redis went back behind: its pack is gone, or somebody else's by now."""
        try:
            campaign, message, name, email = self._campaign(entry.campaign)
        except NotFound:
            return None
        if entry.pack >= campaign.packs:
            return None
        if (columns := self._packs.get((campaign.id, entry.pack))) is None:
            columns = self._packs[campaign.id, entry.pack] = read_pack(self.store, campaign.id, entry.pack)
        if address not in columns[campaign.address_column]:
            return None
        position = columns[campaign.address_column].index(address)
        fields = {name: column[position] for name, column in zip(campaign.columns, columns, strict=True)}
        rendered = message.render(fields)
        keys, index = self.store.keys, campaign.first(entry.pack) + position
        pipe = self.store.client.pipeline(transaction=False)
        pipe.getrange(keys.letters(campaign.id), index, index)
        pipe.getrange(keys.sent(campaign.id), index * 6, index * 6 + 5)
        letter, sent = pipe.execute()
        return Received(
            inmail=str(InMailId(campaign.id, index)),
            sender_name=name,
            sender_email=email,
            campaign=campaign.id,
            subject=rendered.subject,
            body=rendered.body,
            sent_at_ms=int.from_bytes(sent, "big") or entry.delivered_at_ms,
            state=LETTERS["S" if letter == b"C" else letter.decode()].word,
        )

    def _campaign(self, campaign: str) -> tuple[Campaign, Message, str, str]:
        if campaign not in self._campaigns:
            it = get_campaign(self.store, campaign)
            sender = get_account(self.store, it.account)
            self._campaigns[campaign] = (it, it.message(), sender.name, sender.email)
        return self._campaigns[campaign]


def reply(store: Store, inmail: str, *, address: str, accept: bool, text: str = "") -> str:
    """Answer an InMail as its recipient; returns the letter after: A, D, or L when the refund came first.

    Errors: NotFound alike for an InMail that does not exist and one that was sent to somebody else; Refused when
    another answer was given before; Invalid for a text over TEXT_CHARS_MAX characters.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid(f"the text has {len(text):,} characters; {TEXT_CHARS_MAX:,} are the most", code="too_long")
    address = parse_address(address)
    missing = NotFound(f"no InMail {inmail[:80]!r} in the mailbox of {address}", code="no_inmail")
    try:
        which = parse_inmail(inmail)
    except EngineError:
        raise missing from None
    person = digest(address)
    status = _answer(store, which, person, accept, text, "")
    # Of a closed pack only the row says whose an InMail is; while its worker is settling only the mailbox says whether
    # it was delivered. After Redis went back an entry may be without a row, or a row without its entry.
    if status[0] == "theirs?" and _pack_of(store, inmail, address) is not None:
        status = _answer(store, which, person, accept, text, "theirs")
    if status[0] == "in_mailbox?":
        place = _pack_of(store, inmail, address)
        if place is not None and holds(store, *place, [person])[0]:
            status = _answer(store, which, person, accept, text, "in_mailbox")
    if status[0] == "answered":
        raise Refused(f"InMail {which} was answered before ({LETTERS[status[1]].word}); that stands", code="answered")
    if status[0] != "ok":
        raise missing
    if status[2] != "0":
        wake(store, account_of(which.campaign), now_ms=int(status[3]))
    return str(status[1])


def _answer(store: Store, which: InMailId, person: bytes, accept: bool, text: str, known: str) -> list[Any]:
    keys, answer = store.keys.of_campaign(which.campaign), "A" if accept else "D"
    return store.run("reply", keys, which.index, person, answer, text, "", known)
