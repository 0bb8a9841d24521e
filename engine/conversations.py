"""Conversations: an InMail, its answer, and what both sides write after it, which costs nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.answers import UNDO_MS, Answer, as_theirs, check_text, no_inmail, parse_answer, which_of
from engine.errors import EngineError, Invalid, NotFound, Refused
from engine.identity import InMailId, account_of, digest, parse_address, parse_inmail
from engine.letters import LETTERS
from engine.mailbox_entries import holds
from engine.reading import Reader, Written
from engine.rows import ERASED
from engine.store import Store

Side = Literal["sender", "candidate"]

MESSAGES_MAX: Final = 500
"""How many messages one conversation may have after its answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message after the answer, from either side."""

    at_ms: int
    side: Side
    text: str

    def as_dict(self) -> dict[str, Any]:
        return {"at_ms": self.at_ms, "from": self.side, "text": self.text}


@dataclass(frozen=True, slots=True)
class Conversation:
    """An InMail with all that was said about it. Times in ms, 0 where there is none.

    ``undo_until_ms`` is set while its answer may be taken back. ``unread``: how much of the candidate's its sender has
    not seen; 0 for the candidate.
    """

    written: Written
    letter: str
    sent_at_ms: int
    refund_due_ms: int
    answer: Answer | None
    undo_until_ms: int
    messages: tuple[Message, ...]
    unread: int

    @property
    def inmail(self) -> str:
        return f"{self.campaign}.{self.written.index}"

    @property
    def campaign(self) -> str:
        return self.written.campaign.id

    @property
    def account(self) -> str:
        return self.written.sender.id

    @property
    def sender_name(self) -> str:
        return self.written.sender.name

    @property
    def sender_email(self) -> str:
        return self.written.sender.email

    @property
    def recipient(self) -> str:
        return self.written.address

    @property
    def recipient_fields(self) -> dict[str, str]:
        return self.written.fields

    @property
    def subject(self) -> str:
        return self.written.subject

    @property
    def body(self) -> str:
        return self.written.body

    @property
    def state(self) -> str:
        """To its recipient what is claimed is sent: it lies in the mailbox."""
        return LETTERS["S" if self.letter == "C" else self.letter].word

    def as_dict(self, side: Side) -> dict[str, Any]:
        """As one side sees it: only the sender sees what the list said of the recipient, and what is unread."""
        common = {
            "inmail": self.inmail,
            "campaign": self.campaign,
            "from": {"name": self.sender_name, "email": self.sender_email},
            "subject": self.subject,
            "body": self.body,
            "state": self.state,
            "sent_at_ms": self.sent_at_ms or None,
            "refund_due_ms": self.refund_due_ms or None,
            "answer": self.answer.as_dict() if self.answer else None,
            "messages": [message.as_dict() for message in self.messages],
        }
        if side == "candidate":
            return common | {"undo_until_ms": self.undo_until_ms or None}
        return common | {"recipient": self.recipient_fields, "unread": self.unread}


def read(store: Store, inmail: str, *, address: str) -> Conversation:
    """A conversation for its recipient; NotFound alike for what does not exist and what was sent to somebody else."""
    address = parse_address(address)
    which = which_of(inmail, address)
    try:
        found = _delivered(store, which)
    except NotFound:
        raise no_inmail(inmail, address) from None
    if found.recipient != address:
        raise no_inmail(inmail, address)
    return found


def read_linked(store: Store, inmail: str) -> Conversation:
    """A conversation for whoever holds its link, which stands for its recipient; NotFound where nobody received it."""
    return _delivered(store, parse_inmail(inmail))


def _delivered(store: Store, which: InMailId) -> Conversation:
    found = _read(Reader(store), which, for_sender=False)
    if found is None or found.recipient == ERASED:
        raise NotFound(f"no InMail {str(which)!r}", code="no_inmail")
    if found.letter not in "SADRL":  # only the mailbox knows whether what is claimed, or failed, was delivered
        person = digest(found.recipient)
        if found.letter != "C" or not holds(store, which.campaign, _pack(found), [person])[0]:
            raise NotFound(f"no InMail {str(which)!r}", code="no_inmail")
    return found


def read_sent(store: Store, inmail: str, *, account: str) -> Conversation:
    """A conversation for its sender; NotFound alike for what does not exist and another account's."""
    missing = NotFound(f"no InMail {inmail[:80]!r} of account {account}", code="no_inmail")
    try:
        which = parse_inmail(inmail)
        found = _read(Reader(store), which, for_sender=True) if account_of(which.campaign) == account else None
    except NotFound:
        found = None
    if found is None:
        raise missing
    return found


def say(
    store: Store, inmail: str, *, text: str, key: str = "", account: str | None = None, address: str | None = None
) -> Message:
    """Write one more message, as the InMail's sender (``account``) or its recipient (``address``): one of the two.

    ``key`` makes it once, whatever is repeated. Errors: NotFound as by ``read`` and ``read_sent``; Refused before the
    first answer (``not_answered``), after MESSAGES_MAX (``too_many``), for a key that said something else
    (``key_reused``); Invalid for an empty or a long text.
    """
    text = "\n".join(text.splitlines()).strip()
    if not text:
        raise Invalid("a message needs some text", code="no_text")
    check_text(text)
    if len(key) > 100 or not key.isprintable():
        raise Invalid("a key has 1 to 100 printable characters", code="bad_key")
    which, person, missing = _speaker(inmail, account, address)
    side: Side = "sender" if account is not None else "candidate"
    operation = f"say:key:{side}:{key}" if key else f"say:call:{secrets.token_hex(8)}"
    fingerprint = f"{which} {digest(text).hex()}"

    def attempt(known: str) -> list[Any]:
        keys = store.keys.of_conversation(which.campaign, which.index)
        return store.run("say", keys, which.index, side, person, text, operation, fingerprint, MESSAGES_MAX, known)

    status = as_theirs(store, inmail, address, attempt) if address is not None else attempt("")
    if status[0] == "not_answered":
        if side == "sender":
            raise Refused(f"InMail {which} is not answered yet: its candidate writes first", code="not_answered")
        raise Refused("answer the InMail first; then you can go on writing", code="not_answered")
    if status[0] == "too_many":
        raise Refused(f"this conversation has its {MESSAGES_MAX} messages: go on elsewhere", code="too_many")
    if status[0] == "conflict":
        raise Refused(f"key {key!r} was used for another message; use a new key", code="key_reused")
    if status[0] != "ok":
        raise missing
    return Message(int(status[1]), side, text)


def seen(store: Store, inmail: str, *, account: str) -> None:
    """Note that its sender has seen all of a conversation; NotFound as by ``read_sent``."""
    found = read_sent(store, inmail, account=account)
    number = found.campaign.rpartition(".")[2]
    store.client.hdel(store.keys.unread(account), f"{number}.{found.written.index}")


def read_many(store: Store, inmails: list[InMailId]) -> list[Conversation]:
    """Conversations of one page for their sender, in order; what is gone is left out."""
    reader = Reader(store)
    found = (_read(reader, which, for_sender=True) for which in inmails)
    return [each for each in found if each is not None]


def _speaker(inmail: str, account: str | None, address: str | None) -> tuple[InMailId, bytes, EngineError]:
    """The InMail's parts, the digest of who speaks (empty for its sender), and what is said where it is not theirs."""
    if address is not None:
        address = parse_address(address)
        return which_of(inmail, address), digest(address), no_inmail(inmail, address)
    missing = NotFound(f"no InMail {inmail[:80]!r} of account {account}", code="no_inmail")
    try:
        which = parse_inmail(inmail)
    except EngineError:
        raise missing from None
    if account_of(which.campaign) != account:
        raise missing
    return which, b"", missing


def _pack(found: Conversation) -> int:
    return found.written.index // found.written.campaign.pack_size


def _read(reader: Reader, which: InMailId, *, for_sender: bool) -> Conversation | None:
    """None for a recipient there never was."""
    campaign, _, sender = reader.campaign(which.campaign)
    if which.index >= campaign.recipients:
        return None
    written, keys, index = reader.written(which.campaign, which.index), reader.store.keys, which.index
    ref = f"{which.campaign.rpartition('.')[2]}.{index}"
    pipe = reader.store.client.pipeline(transaction=False)
    pipe.getrange(keys.letters(campaign.id), index, index)
    pipe.getrange(keys.sent(campaign.id), index * 6, index * 6 + 5)
    pipe.hget(keys.replies(campaign.id), str(index))
    pipe.lrange(keys.thread(campaign.id, index), 0, -1)
    pipe.hget(keys.unread(sender.id), ref)
    raw, sent, stored, said, unread = pipe.execute()
    letter, sent_at_ms = raw.decode(), int.from_bytes(sent, "big")
    answer = parse_answer((stored or b"").decode())
    until = answer.at_ms + UNDO_MS if answer is not None and not said else 0
    return Conversation(
        written=written,
        letter=letter,
        sent_at_ms=sent_at_ms,
        refund_due_ms=sent_at_ms + campaign.refund_after_ms if letter == "S" else 0,
        answer=answer,
        undo_until_ms=until if until > reader.store.now_ms(keys.letters(campaign.id)) else 0,
        messages=tuple(map(_message, said)),
        unread=int(unread or 0) if for_sender else 0,
    )


def _message(stored: bytes) -> Message:
    at_ms, side, text = stored.decode().split(" ", 2)
    return Message(int(at_ms), "sender" if side == "sender" else "candidate", text)
