"""Campaigns: what one is, reading it, and steering it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import orjson

from engine import rows
from engine.errors import Corrupt, Invalid, NotFound, Refused
from engine.identity import account_of
from engine.letters import BY_WORD, LETTERS, counts
from engine.message import Message, parse_message
from engine.store import Store
from engine.wake import wake

CHANNELS = ("mailbox",)
"""Ways an InMail can be delivered; workers/channels holds one module for each."""

Verb = Literal["pause", "resume", "cancel"]


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as submitted (these never change) and its state when it was read."""

    id: str
    account: str
    name: str
    state: str
    waiting_for: str
    recipients: int
    packs: int
    pack_size: int
    columns: tuple[str, ...]
    subject: str
    body: str
    channel: str
    refund_when: str
    refund_after_ms: int
    start_at_ms: int
    submitted_at_ms: int
    queued: int
    claimed: int
    sent: int
    seat: str = ""

    @property
    def address_column(self) -> int:
        return self.columns.index("email")

    def first(self, pack: int) -> int:
        """Index of a pack's first recipient."""
        return pack * self.pack_size

    def size(self, pack: int) -> int:
        """How many recipients a pack has; the last may be short."""
        return min(self.pack_size, self.recipients - self.first(pack))

    def message(self) -> Message:
        """The compiled templates."""
        return _compiled(self.subject, self.body)


@lru_cache(maxsize=256)
def _compiled(subject: str, body: str) -> Message:
    """Kept, as compiling is half of what reading an InMail costs; immutable, so shared between threads."""
    return parse_message(subject, body)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a campaign. Times in ms, 0 where there is none; ``reply`` and ``failure`` are texts or ''."""

    index: int
    letter: str
    fields: dict[str, str]
    sent_at_ms: int
    reply: str
    failure: str

    @property
    def state(self) -> str:
        return LETTERS[self.letter].word


def get_campaign(store: Store, campaign: str) -> Campaign:
    """The campaign of that id; raises NotFound, also for a draft that was never submitted."""
    return _campaign(campaign, store.hash(store.keys.campaign(campaign)))


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack of a campaign: its recipients' fields, ``columns[column][position]``."""

    campaign: Campaign
    number: int
    columns: list[list[str]]


def get_campaign_and_pack(store: Store, campaign: str, pack: int) -> Pack:
    """A pack and its campaign in one round trip; raises as either alone would."""
    pipe = store.client.pipeline(transaction=False)
    pipe.hgetall(store.keys.campaign(campaign))
    pipe.hget(store.keys.rows(campaign), str(pack))
    stored, blob = pipe.execute()
    it = _campaign(campaign, {k.decode(): v.decode() for k, v in stored.items()})
    return Pack(it, pack, _unpacked(campaign, pack, blob))


def _campaign(campaign: str, stored: dict[str, str]) -> Campaign:
    account = account_of(campaign)
    if "state" not in stored:
        raise NotFound(f"no campaign {campaign!r}; list them with: inmail campaign list {account}", code="no_campaign")
    whole = {
        name: int(stored[name])
        for name in (
            "recipients",
            "packs",
            "pack_size",
            "refund_after_ms",
            "start_at_ms",
            "submitted_at_ms",
            "queued",
            "claimed",
            "sent",
        )
    }
    return Campaign(
        id=campaign,
        account=account,
        name=stored["name"],
        state=stored["state"],
        waiting_for=stored["waiting_for"],
        columns=tuple(orjson.loads(stored["columns"])),
        subject=stored["subject"],
        body=stored["body"],
        channel=stored["channel"],
        refund_when=stored["refund_when"],
        seat=stored.get("seat", ""),
        **whole,
    )


def campaign_ids(store: Store, account: str, *, after: int = 0, most: int = 50) -> list[str]:
    """Up to ``most`` campaigns of an account, oldest first, from the one after number ``after`` on."""
    if store.client.exists(store.keys.account(account)) == 0:
        raise NotFound(f"no account {account[:80]!r}; open it with: inmail account open", code="no_account")
    found = store.client.zrangebyscore(store.keys.campaigns(account), f"({after}", "+inf", start=0, num=most)
    return [member.decode() for member in found]


def campaigns_after(store: Store, account: str, *, after: int = 0, most: int = 50) -> list[Campaign]:
    """The campaigns ``campaign_ids`` names, read in one round trip; raises NotFound as it does."""
    ids = campaign_ids(store, account, after=after, most=most)
    pipe = store.client.pipeline(transaction=False)
    for campaign in ids:
        pipe.hgetall(store.keys.campaign(campaign))
    return [
        _campaign(campaign, {k.decode(): v.decode() for k, v in stored.items()})
        for campaign, stored in zip(ids, pipe.execute(), strict=True)
    ]


def describe(store: Store, campaign: str) -> dict[str, Any]:
    """Everything ``campaign show`` tells: the campaign, its state and how many recipients stand at each letter."""
    it = get_campaign(store, campaign)
    pipe = store.client.pipeline(transaction=False)
    pipe.get(store.keys.letters(campaign))
    pipe.zrange(store.keys.campaign_due(campaign), 0, 0, withscores=True)
    letters, earliest = pipe.execute()
    return {
        "campaign": it.id,
        "account": it.account,
        "name": it.name,
        "state": it.state,
        "waiting_for": it.waiting_for or None,
        "seat": it.seat or None,
        "recipients": it.recipients,
        "counts": counts(letters or b""),
        "channel": it.channel,
        "subject": it.subject,
        "pack_size": it.pack_size,
        "refund_when": it.refund_when,
        "refund_after_ms": it.refund_after_ms,
        "submitted_at_ms": it.submitted_at_ms,
        "start_at_ms": it.start_at_ms or None,
        "next_refund_due_ms": int(earliest[0][1]) if earliest else None,
    }


def steer(store: Store, campaign: str, verb: Verb, *, key: str | None = None) -> str:
    """Pause, resume or cancel; returns the state after. Claims look at the state, so it takes effect at once.

    A cancelled campaign's unsent recipients are marked pack by pack; where this is interrupted the scheduler goes on.
    With a key, a repeat within a day does not undo what was asked for since.
    """
    operation = f"call:{secrets.token_hex(8) if key is None else key}"
    reply = store.run("steer", store.keys.of_campaign(campaign), verb, operation)
    if reply[0] == "unknown":
        account = account_of(campaign)
        raise NotFound(f"no campaign {campaign!r}; list them with: inmail campaign list {account}", code="no_campaign")
    if reply[0] == "wrong_state":
        raise Refused(f"campaign {campaign} is {reply[1]}: it cannot {verb} any more", code="wrong_state")
    if verb == "cancel":
        cancel_rest(store, campaign)
    elif verb == "resume":
        wake(store, account_of(campaign))
    return str(reply[1])


def cancel_rest(store: Store, campaign: str) -> int:
    """Mark what is still queued of a cancelled campaign as cancelled; returns how many."""
    it, marked = get_campaign(store, campaign), 0
    letters = store.client.get(store.keys.letters(campaign)) or b""
    for pack in range(it.packs):
        first, n = it.first(pack), it.size(pack)
        if letters.find(b"Q", first, first + n) < 0:
            continue
        reply = store.run("cancel_pack", store.keys.of_campaign(campaign), pack, first, n)
        if reply[0] != "ok":
            break
        marked += int(reply[1])
    return marked


def read_pack(store: Store, campaign: str, pack: int) -> list[list[str]]:
    """The columns of one pack's rows; raises Corrupt where they are missing."""
    return _unpacked(campaign, pack, store.client.hget(store.keys.rows(campaign), str(pack)))


def _unpacked(campaign: str, pack: int, blob: bytes | None) -> list[list[str]]:
    if blob is None:
        raise Corrupt(f"campaign {campaign} has lost the rows of pack {pack}")
    return rows.unpack(blob)


def recipients(store: Store, campaign: str, *, state: str | None = None, after: int = -1) -> Iterator[Recipient]:
    """Recipients in list order from the one after index ``after`` on, of one state if given; read a pack at a time."""
    if state is not None and state not in BY_WORD:
        raise Invalid(f"no state {state[:40]!r}; there are: {', '.join(BY_WORD)}", code="unknown_state")
    wanted = None if state is None else BY_WORD[state]
    it, keys = get_campaign(store, campaign), store.keys
    for pack in range((after + 1) // it.pack_size, it.packs):
        first, n = it.first(pack), it.size(pack)
        pipe = store.client.pipeline(transaction=False)
        pipe.getrange(keys.letters(campaign), first, first + n - 1)
        pipe.getrange(keys.sent(campaign), first * 6, (first + n) * 6 - 1)
        page = _Page(first, *pipe.execute())
        chosen = [i for i, code in enumerate(page.letters) if wanted in (None, code) and first + i > after]
        if not chosen:
            continue
        page.columns = read_pack(store, campaign, pack)
        indices = [str(first + i) for i in chosen]
        pipe.hmget(keys.replies(campaign), indices)
        pipe.hmget(keys.failures(campaign), indices)
        replies, failures = pipe.execute()
        for i, reply, failure in zip(chosen, replies, failures, strict=True):
            yield page.recipient(i, it.columns, (reply or b"").decode(), (failure or b"").decode())


@dataclass(slots=True)
class _Page:
    first: int
    raw_letters: bytes
    sent: bytes
    columns: list[list[str]] = field(default_factory=list)

    @property
    def letters(self) -> str:
        return self.raw_letters.decode("ascii")

    def recipient(self, i: int, names: tuple[str, ...], reply: str, failure: str) -> Recipient:
        return Recipient(
            index=self.first + i,
            letter=self.letters[i],
            fields={name: column[i] for name, column in zip(names, self.columns, strict=True)},
            sent_at_ms=int.from_bytes(self.sent[i * 6 : i * 6 + 6], "big"),
            reply=reply,
            failure=failure,
        )
