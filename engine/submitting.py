"""Submitting a campaign: the list is checked and staged in one pass, then becomes a campaign in one step."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

from engine import seats
from engine.accounts import Account, get_account
from engine.campaigns import CHANNELS
from engine.errors import Invalid, NotFound, Refused
from engine.intake.lists import CandidateList
from engine.intake.rejects import TakesRejects
from engine.message import Message
from engine.preflight import Progress, Tally, check_rows
from engine.refusals import cannot_send, too_many_recipients
from engine.staging import Stage
from engine.store import RedisTrouble, Store
from engine.subscription import read
from engine.wake import wake

DRAFT_KEPT_MS = 3_600_000
"""A draft whose upload has not moved for so long was abandoned, and is cleared away."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a recruiter asks for, beside the list and the message. With a key, submitting twice is once.

    ``start_asked`` is the start in the words it was asked for ('PT2H'): the same in a repeat, unlike ``start_at_ms``.
    ``search`` is the query the list was taken from, '' where it was none.
    ``seat`` is whose campaign it is, '' = nobody's but the account's.
    """

    name: str
    pack_size: int
    refund_after_ms: int
    refund_when: str = "unanswered"
    channel: str = "mailbox"
    start_at_ms: int = 0
    start_asked: str = ""
    strict: bool = False
    key: str | None = None
    seat: str = ""
    search: str = ""


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
    rejects: TakesRejects | None = None,
    progress: Progress | None = None,
) -> Submitted:
    """Check, stage and submit a list in one pass of bounded memory; nothing is left behind when it fails.

    Errors: NotFound; Refused when the account cannot send, the list has no acceptable row (or a bad one and
    ``strict``), or the key was used for another campaign; Invalid for a bad order.
    """
    owner = get_account(store, account)
    check_order(store, owner, order)
    token = secrets.token_hex(8)
    operation = f"key:{order.key}" if order.key is not None else f"call:{token}"
    number = _draft(store, owner, operation, token)
    campaign = f"{account}.{number}"
    # With a key, the rows of a campaign that exists already are only compared.
    repeated = bool(store.client.hexists(store.keys.campaign(campaign), "state"))
    tally, stage = Tally(), _stage(store, campaign, token, candidates, order, write=not repeated)
    with _nothing_left_behind(store, campaign, token, "" if order.key is not None else operation), closing(stage):
        for good in check_rows(candidates, message, rejects, tally, strict=order.strict, progress=progress):
            stage.add(good)
        stage.finish()
        if tally.accepted == 0:
            raise Refused(f"no row can be accepted ({_reasons(tally)})", code="nobody")
        state = _make_campaign(store, owner, campaign, stage, order, _fields(candidates, message, order, stage), tally)
    wake(store, account)
    return Submitted(campaign, state, tally, repeated)


def found_again(
    store: Store,
    account: str,
    *,
    key: str,
    search: str,
    message: Message,
    name: str,
    channel: str = "mailbox",
    seat: str = "",
    start_asked: str = "",
) -> Submitted | None:
    """The campaign that this key submitted from the same search, None where it did not yet.

    A search finds other people once those it found were written to: so a repeat is known by its query, not its rows,
    and is asked for before anybody is looked for. Errors: Refused (``key_reused``) where it stands for another order.
    """
    number = store.client.hget(store.keys.of_account(account)[3], f"draft:key:{key}")
    campaign = f"{account}.{number.decode()}" if number else ""
    stored = store.hash(store.keys.campaign(campaign)) if campaign else {}
    if "state" not in stored:
        return None
    asked = (search, message.subject_source, message.body_source, name, channel, seat, start_asked)
    fields = ("search", "subject", "body", "name", "channel", "seat", "start_asked")
    if asked != tuple(stored.get(field, "") for field in fields):
        raise Refused(f"key {key!r} was used for another order; use a new key", code="key_reused")
    return Submitted(campaign, stored["state"], Tally(accepted=int(stored["recipients"])), repeated=True)


def _stage(store: Store, campaign: str, token: str, candidates: CandidateList, order: Order, *, write: bool) -> Stage:
    address_column = candidates.columns.index("email")
    return Stage(store, campaign, token, order.pack_size, address_column=address_column, write=write)


def _make_campaign(
    store: Store, owner: Account, campaign: str, stage: Stage, order: Order, fields: list[Any], tally: Tally
) -> str:
    keys = store.keys.of_upload(campaign, stage.token)
    reply = store.run("submit", keys, campaign, stage.token, tally.accepted, order.start_at_ms, *fields)
    if reply[0] == "conflict":
        raise Refused(
            f"key {order.key!r} was used for another order; use a new key",
            code="key_reused",
        )
    if reply[0] == "cannot_send":
        raise cannot_send(owner, read(store, owner.id))
    if reply[0] == "bulk":
        raise too_many_recipients(owner, tally.accepted)
    if reply[0] == "no_seat":
        raise seats.missing_seat(owner.id, order.seat)
    if reply[0] != "ok":
        raise Refused("the upload took so long that it was given up: submit the list again", code="too_slow")
    return str(reply[1])


def check_order(store: Store, owner: Account, order: Order) -> None:
    """Raises what ``submit`` raises for an order, before a long list is read."""
    if not owner.may_send(store.now_ms(store.keys.account(owner.id))):
        raise cannot_send(owner, read(store, owner.id))
    if order.seat:
        seats.check(store, owner.id, order.seat)
    if order.channel not in CHANNELS:
        raise Invalid(f"no channel {order.channel[:40]!r}; there are: {', '.join(CHANNELS)}", code="unknown_channel")
    if not 1 <= len(order.name) <= 120 or not order.name.isprintable():
        raise Invalid("a campaign's name has 1 to 120 printable characters", code="bad_name")
    if order.key is not None and not (1 <= len(order.key) <= 100 and order.key.isprintable()):
        raise Invalid("a key has 1 to 100 printable characters", code="bad_key")
    if order.start_at_ms and order.start_at_ms > store.now_ms() + 366 * 86_400_000:
        raise Invalid("a campaign can start at most 366 days from now", code="bad_start")


def _draft(store: Store, owner: Account, operation: str, token: str) -> str:
    reply = store.run("draft", store.keys.of_account(owner.id), operation, token)
    if reply[0] == "unknown":
        raise NotFound(f"no account {owner.id!r}", code="no_account")
    if reply[0] == "cannot_send":
        raise cannot_send(owner, read(store, owner.id))
    return str(reply[1])


def _fields(candidates: CandidateList, message: Message, order: Order, stage: Stage) -> list[Any]:
    # An unanswered InMail's credit comes back and an answered one is spent; a network that pays back answers
    # instead has the two the other way round. The scripts only ever read where a credit goes.
    answered, when_due = ("spent", "available") if order.refund_when == "unanswered" else ("available", "spent")
    asked = (order.name, order.channel, order.start_asked, *((order.seat,) if order.seat else ()))
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
        "seat": order.seat,
        "search": order.search,
        **({"start_asked": order.start_asked} if order.start_asked else {}),
        "fingerprint": stage.fingerprint(message, candidates.columns, *asked),
    }
    return [part for pair in values.items() for part in pair]


def _reasons(tally: Tally) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in tally.rejected.most_common()) or "the list has no rows"


@contextmanager
def _nothing_left_behind(store: Store, campaign: str, token: str, operation: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Also on Ctrl-C. Where Redis itself is gone the upload is cleared away later, when it has not moved for long.
        with suppress(RedisTrouble):
            discard(store, campaign, token, operation)
        raise


def discard(store: Store, campaign: str, token: str, operation: str = "") -> None:
    """Clear away what one upload has staged; a campaign submitted from it stays as it is."""
    store.run("discard", store.keys.of_upload(campaign, token), campaign, token, operation)


def discard_abandoned(store: Store, account: str) -> list[str]:
    """Clear away the account's uploads that have not moved for DRAFT_KEPT_MS; returns their campaigns' ids."""
    before = store.now_ms(store.keys.drafts(account)) - DRAFT_KEPT_MS
    stale = [m.decode() for m in store.client.zrangebyscore(store.keys.drafts(account), "-inf", before)]
    for member in stale:
        campaign, _, token = member.partition(" ")
        discard(store, campaign, token)
    return [member.partition(" ")[0] for member in stale]
