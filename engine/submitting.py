"""Submitting a campaign: the list is checked and staged in one pass, then becomes a campaign in one step."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

from engine.accounts import Account, get_account
from engine.campaigns import CHANNELS
from engine.errors import Corrupt, Invalid, NotFound, Refused
from engine.intake.lists import CandidateList
from engine.intake.rejects import RejectsFile
from engine.message import Message
from engine.preflight import Progress, Tally, check_rows
from engine.staging import Stage
from engine.store import RedisTrouble, Store
from engine.wake import wake

DRAFT_KEPT_MS = 3_600_000
"""A draft whose upload has not moved for so long was abandoned, and is cleared away."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a recruiter asks for, beside the list and the message. With a key, submitting twice is once."""

    name: str
    pack_size: int
    refund_after_ms: int
    refund_when: str = "unanswered"
    channel: str = "mailbox"
    start_at_ms: int = 0
    strict: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A campaign that now runs by itself; ``repeated`` when the same key had submitted it before."""

    campaign: str
    state: str
    tally: Tally
    repeated: bool


def submit(
    store: Store,
    account: str,
    candidates: CandidateList,
    message: Message,
    order: Order,
    rejects: RejectsFile | None = None,
    progress: Progress | None = None,
) -> Submitted:
    """Check, stage and submit a list in one pass of bounded memory; nothing is left behind when it fails.

    Errors: NotFound; Refused when the account cannot send, the list has no acceptable row (or a bad one and
    ``strict``), or the key was used for another campaign; Invalid for a bad order.
    """
    owner = get_account(store, account)
    _check_order(store, owner, order)
    operation = f"key:{order.key}" if order.key is not None else f"call:{secrets.token_hex(8)}"
    number = _draft(store, owner, operation)
    campaign = f"{account}.{number}"
    # With a key, the rows of a campaign that exists already must not be written over: they are only compared.
    repeated = bool(store.client.hexists(store.keys.campaign(campaign), "state"))
    tally, stage = Tally(), Stage(store, campaign, order.pack_size, write=not repeated)
    with _nothing_left_behind(store, campaign, operation, keep=repeated):
        for good in check_rows(candidates, message, rejects, tally, strict=order.strict, progress=progress):
            stage.add(good)
        stage.finish()
        if tally.accepted == 0:
            raise Refused(
                f"no row can be accepted ({_reasons(tally)}); see the rejects file for each row's reason",
                code="nobody",
            )
        fields = _campaign_fields(candidates, message, order, stage)
        reply = store.run(
            "submit", store.keys.of_campaign(campaign), campaign, tally.accepted, order.start_at_ms, *fields
        )
        if reply[0] == "conflict":
            raise Refused(f"key {order.key!r} was used for another list or message; use a new key", code="key_reused")
        if reply[0] == "cannot_send":
            raise _cannot_send(owner)
        if reply[0] != "ok":
            raise Corrupt(f"campaign {campaign}: uploaded rows are missing")
    wake(store, account)
    return Submitted(campaign, str(reply[1]), tally, repeated)


def _check_order(store: Store, owner: Account, order: Order) -> None:
    if not owner.can_send:
        raise _cannot_send(owner)
    if order.channel not in CHANNELS:
        raise Invalid(f"no channel {order.channel[:40]!r}; there are: {', '.join(CHANNELS)}", code="unknown_channel")
    if not 1 <= len(order.name) <= 120 or not order.name.isprintable():
        raise Invalid("a campaign's name has 1 to 120 printable characters", code="bad_name")
    if order.key is not None and not (1 <= len(order.key) <= 100 and order.key.isprintable()):
        raise Invalid("a key has 1 to 100 printable characters", code="bad_key")
    if order.start_at_ms and order.start_at_ms > store.now_ms() + 366 * 86_400_000:
        raise Invalid("a campaign can start at most 366 days from now", code="bad_start")


def _cannot_send(owner: Account) -> Refused:
    return Refused(
        f"account {owner.id!r} is on plan {owner.plan}, which cannot send InMail; it can answer what it receives",
        code="cannot_send",
    )


def _draft(store: Store, owner: Account, operation: str) -> str:
    reply = store.run("draft", store.keys.of_account(owner.id), operation)
    if reply[0] == "unknown":
        raise NotFound(f"no account {owner.id!r}", code="no_account")
    if reply[0] == "cannot_send":
        raise _cannot_send(owner)
    return str(reply[1])


def _campaign_fields(candidates: CandidateList, message: Message, order: Order, stage: Stage) -> list[Any]:
    # An unanswered InMail's credit comes back and an answered one is spent; a network that pays back answers
    # instead has the two the other way round. The scripts only ever read where a credit goes.
    answered, when_due = ("spent", "available") if order.refund_when == "unanswered" else ("available", "spent")
    values = {
        "name": order.name,
        "columns": orjson.dumps(candidates.columns).decode(),
        "subject": message.subject_source,
        "body": message.body_source,
        "channel": order.channel,
        "pack_size": order.pack_size,
        "packs": stage.packs,
        "refund_when": order.refund_when,
        "refund_after_ms": order.refund_after_ms,
        "answer_moves_to": answered,
        "due_moves_to": when_due,
        "fingerprint": stage.fingerprint(message),
    }
    return [part for pair in values.items() for part in pair]


def _reasons(tally: Tally) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in tally.rejected.most_common()) or "the list has no rows"


@contextmanager
def _nothing_left_behind(store: Store, campaign: str, operation: str, *, keep: bool) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Also on Ctrl-C. Where Redis itself is gone the draft is cleared away later, when it has not moved for long.
        if not keep:
            with suppress(RedisTrouble):
                discard(store, campaign, operation)
        raise


def discard(store: Store, campaign: str, operation: str = "") -> bool:
    """Clear away a draft; False when it is a submitted campaign, which stays."""
    return bool(store.run("discard", store.keys.of_campaign(campaign), campaign, operation)[0] == "ok")


def discard_abandoned(store: Store, account: str) -> list[str]:
    """Clear away the account's drafts whose upload has not moved for DRAFT_KEPT_MS; returns their ids."""
    before = store.now_ms() - DRAFT_KEPT_MS
    stale = [m.decode() for m in store.client.zrangebyscore(store.keys.drafts(account), "-inf", before)]
    return [campaign for campaign in stale if discard(store, campaign)]
