"""Conversations: an InMail, its answer, and what both sides write after it, which costs nothing."""

from __future__ import annotations

import secrets
from typing import Any, Final

from engine.answers import UNDO_MS, as_theirs, check_text, no_inmail, parse_answer, which_of
from engine.conversation import Conversation, Message, Side
from engine.errors import EngineError, Invalid, NotFound, Refused
from engine.identity import InMailId, account_of, digest, parse_address, parse_inmail
from engine.mailbox_entries import holds
from engine.reading import Reader, Written
from engine.rows import ERASED
from engine.store import Store

MESSAGES_MAX: Final = 500
"""How many messages one conversation may have after its answer."""


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
    if status[0] == "erased":
        raise Refused(f"InMail {which}: its recipient had everything erased; nobody reads there", code="erased")
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
    return _read_all(Reader(store), inmails, for_sender=True)


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
    found = _read_all(reader, [which], for_sender=for_sender)
    return found[0] if found else None


def _read_all(reader: Reader, inmails: list[InMailId], *, for_sender: bool) -> list[Conversation]:
    """What there is of them, in order; what stands beside the rows is read in one round trip."""
    store, keys = reader.store, reader.store.keys
    pipe, written = store.client.pipeline(transaction=False), []
    for which in inmails:
        campaign, _, sender = reader.campaign(which.campaign)
        index = which.index
        if index >= campaign.recipients:
            continue
        written.append(reader.written(which.campaign, index))
        pipe.getrange(keys.letters(campaign.id), index, index)
        pipe.getrange(keys.sent(campaign.id), index * 6, index * 6 + 5)
        pipe.hget(keys.replies(campaign.id), str(index))
        pipe.lrange(keys.thread(campaign.id, index), 0, -1)
        pipe.hget(keys.unread(sender.id), f"{campaign.id.rpartition('.')[2]}.{index}")
    if not written:
        return []
    found, now_ms = pipe.execute(), store.now_ms(keys.letters(written[0].campaign.id))
    return [_made(each, found[i * 5 : i * 5 + 5], now_ms, for_sender) for i, each in enumerate(written)]


def _made(written: Written, found: list[Any], now_ms: int, for_sender: bool) -> Conversation:
    raw, sent, stored, said, unread = found
    letter, sent_at_ms = raw.decode(), int.from_bytes(sent, "big")
    answer = parse_answer((stored or b"").decode())
    until_ms = answer.at_ms + UNDO_MS if answer is not None and not said else 0
    return Conversation(
        written=written,
        letter=letter,
        sent_at_ms=sent_at_ms,
        refund_due_ms=sent_at_ms + written.campaign.refund_after_ms if letter == "S" else 0,
        answer=answer,
        undo_until_ms=until_ms if until_ms > now_ms else 0,
        messages=tuple(map(_message, said)),
        unread=int(unread or 0) if for_sender else 0,
    )


def _message(stored: bytes) -> Message:
    at_ms, side, text = stored.decode().split(" ", 2)
    return Message(int(at_ms), "sender" if side == "sender" else "candidate", text)
