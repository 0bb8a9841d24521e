"""Mailboxes: everybody has one, by address. InMails in, answers back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.accounts import get_account
from engine.campaigns import Campaign, get_campaign, read_pack
from engine.errors import EngineError, Invalid, NotFound, Refused
from engine.identity import InMailId, account_of, parse_address, parse_inmail
from engine.letters import LETTERS
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


def deliver(store: Store, campaign: str, indices: Sequence[int], addresses: Sequence[str]) -> int:
    """Put InMails of one campaign into their recipients' mailboxes; returns how many are there now.

    ``indices[i]`` goes to ``addresses[i]``. Delivering twice changes nothing, which makes the effect exactly-once.
    """
    keys = [store.keys.mailbox(address) for address in addresses]
    return int(store.run("deliver", keys, campaign, *indices)[0])


def inbox(store: Store, address: str, *, most: int = 50, after: str | None = None) -> tuple[list[Received], str | None]:
    """A page of what an address received, newest first, and the cursor of the next page (None = this was the last).

    The cursor is the last InMail's id; one that is not in this mailbox is Invalid.
    """
    address = parse_address(address)
    key = store.keys.mailbox(address)
    start = 0
    if after is not None:
        rank = store.client.zrevrank(key, after)
        if rank is None:
            raise Invalid(f"cursor {after[:80]!r} is not an InMail of this mailbox", code="bad_cursor")
        start = rank + 1
    found = store.client.zrevrange(key, start, start + most, withscores=True)
    reader = _Reader(store)
    read = [reader.read(parse_inmail(member.decode()), address, int(at)) for member, at in found[:most]]
    page = [inmail for inmail in read if inmail is not None]
    return page, found[most - 1][0].decode() if len(found) > most else None


class _Reader:
    """Renders InMails; campaigns, messages and packs met more than once are fetched once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._campaigns: dict[str, tuple[Campaign, Message, str, str]] = {}
        self._packs: dict[tuple[str, int], list[list[str]]] = {}

    def read(self, inmail: InMailId, address: str, delivered_at_ms: int) -> Received | None:
        """None for an InMail of a time Redis went back behind: its id belongs to nobody, or to somebody else by now."""
        try:
            campaign, message, name, email = self._campaign(inmail.campaign)
        except NotFound:
            return None
        pack, position = divmod(inmail.index, campaign.pack_size)
        if (columns := self._packs.get((campaign.id, pack))) is None:
            columns = self._packs[campaign.id, pack] = read_pack(self.store, campaign.id, pack)
        if position >= len(columns[0]) or columns[campaign.address_column][position] != address:
            return None
        fields = {name: column[position] for name, column in zip(campaign.columns, columns, strict=True)}
        rendered = message.render(fields)
        keys, index = self.store.keys, inmail.index
        pipe = self.store.client.pipeline(transaction=False)
        pipe.getrange(keys.letters(campaign.id), index, index)
        pipe.getrange(keys.sent(campaign.id), index * 6, index * 6 + 5)
        letter, sent = pipe.execute()
        return Received(
            inmail=str(inmail),
            sender_name=name,
            sender_email=email,
            campaign=campaign.id,
            subject=rendered.subject,
            body=rendered.body,
            sent_at_ms=int.from_bytes(sent, "big") or delivered_at_ms,
            state=LETTERS["S" if letter == b"C" else letter.decode()].word,
        )

    def _campaign(self, campaign: str) -> tuple[Campaign, Message, str, str]:
        if campaign not in self._campaigns:
            it = get_campaign(self.store, campaign)
            sender = get_account(self.store, it.account)
            self._campaigns[campaign] = (it, it.message(), sender.name, sender.email)
        return self._campaigns[campaign]


def _is_for(store: Store, inmail: InMailId, address: str) -> bool:
    campaign = get_campaign(store, inmail.campaign)
    pack, position = divmod(inmail.index, campaign.pack_size)
    addresses = read_pack(store, campaign.id, pack)[campaign.address_column] if pack < campaign.packs else []
    return addresses[position : position + 1] == [address]


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
    # In the mailbox means: sent to this address and to nobody else, as delivery alone puts it there.
    if store.client.zscore(store.keys.mailbox(address), str(which)) is None:
        raise missing
    # … unless Redis went back since, and the id is somebody else's by now.
    if not _is_for(store, which, address):
        raise missing
    answer = "A" if accept else "D"
    status = store.run("reply", store.keys.of_campaign(which.campaign), which.index, address, answer, text, "")
    if status[0] == "answered":
        raise Refused(f"InMail {which} was answered before ({LETTERS[status[1]].word}); that stands", code="answered")
    if status[0] != "ok":
        raise missing
    wake(store, account_of(which.campaign))
    return str(status[1])
