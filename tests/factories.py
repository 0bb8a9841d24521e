"""Plain functions that make what a test needs; every field has a default."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from engine import answers, credits, opening, releasing, sending, submitting
from engine.identity import digest
from engine.intake.lists import open_list
from engine.mailbox_entries import deliver
from engine.message import parse_message
from engine.plans import Plan
from engine.store import Store

LEASE_MS = 30_000


def a_plan(**changes: Any) -> Plan:
    """A plan without limits whose account starts with no credit; other terms are another version of it."""
    version = 1 + crc32(repr(sorted(changes.items())).encode()) if changes else 1
    return Plan(**{"slug": "unlimited", "name": "Unlimited", "version": version, **changes})


def an_account(store: Store, account: str = "acme", *, credits_: int = 0, plan: Plan | None = None) -> str:
    """An open account with so many credits granted."""
    opening.open_account(store, account, email=f"{account}@example.org", name="Acme", plan=plan or a_plan())
    if credits_:
        credits.grant(store, account, credits_, reason="test")
    return account


def addresses(n: int, start: int = 0) -> list[str]:
    """So many made-up addresses."""
    return [f"p{i}@example.org" for i in range(start, start + n)]


def a_campaign(
    store: Store,
    account: str = "acme",
    *,
    to: Sequence[str] | int = 3,
    pack_size: int = 500,
    subject: str = "Hello {{ first_name }}",
    body: str = "A role for you, {{ first_name }}.",
    **order: Any,
) -> str:
    """A submitted campaign to those addresses; returns its id."""
    to = addresses(to) if isinstance(to, int) else to
    text = "first_name,email\n" + "".join(f"N{i},{address}\n" for i, address in enumerate(to))
    values = {"name": "test", "pack_size": pack_size, "refund_after_ms": 7 * 86_400_000, **order}
    with open_list("-", stdin=io.BytesIO(text.encode())) as listed:
        message = parse_message(subject, body, columns=listed.columns)
        return submitting.submit(store, account, listed, message, submitting.Order(**values)).campaign


def letters(store: Store, campaign: str) -> str:
    """The campaign's column as text."""
    return store.client.get(store.keys.letters(campaign)).decode()


def release(store: Store, campaign: str, in_flight: int = 4000) -> releasing.Release:
    """One release as the scheduler makes it."""
    return releasing.release(store, campaign, releasing.Terms(LEASE_MS, in_flight))


def claim(store: Store, campaign: str, pack: int = 0, token: str = "t1") -> sending.Claim | None:
    """One claim as a worker makes it."""
    return sending.claim(store, campaign, pack, token=token, lease_ms=LEASE_MS)


def put_in_mailboxes(store: Store, held: sending.Claim) -> None:
    """Deliver what is claimed, as the mailbox channel does."""
    deliver(store, held.campaign, held.pack, held.people)


def lose_mailbox(store: Store, address: str) -> None:
    """Damage: what lay in a mailbox is gone."""
    person = digest(address)
    store.client.hdel(store.keys.mailboxes(person), person)


def add_entry(store: Store, address: str, campaign: str, pack: int) -> None:
    """Damage: one more entry in a mailbox, whatever is there already."""
    person = digest(address)
    key = store.keys.mailboxes(person)
    store.client.hset(key, person, (store.client.hget(key, person) or b"") + f" {campaign}/{pack}@1".encode())


def send(store: Store, campaign: str, pack: int = 0, token: str = "t1") -> sending.Settled | None:
    """Claim, deliver and settle one pack, as the actor does."""
    held = claim(store, campaign, pack, token)
    assert held is not None
    put_in_mailboxes(store, held)
    return sending.settle(store, held, held.positions)


def send_all(store: Store, campaign: str, in_flight: int = 4000) -> None:
    """Release and send until the campaign has nothing more that may be sent now."""
    for turn in range(10_000):
        released = release(store, campaign, in_flight)
        if not released.packs:
            return
        for pack in released.packs:
            send(store, campaign, pack, token=f"turn{turn}")
    raise AssertionError("the campaign is never done")


def reply(store: Store, inmail: str, *, address: str, accept: bool, text: str = "") -> str:
    """Answer as the recipient; returns the letter after."""
    return answers.answer(store, inmail, address=address, kind="accept" if accept else "decline", text=text).letter


def wallet(store: Store, account: str = "acme") -> dict[str, int]:
    """The wallet as a dict."""
    return credits.wallet(store, account).as_dict()
