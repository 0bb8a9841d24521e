"""Accounts: who owns credits, campaigns and a mailbox, and on which plan."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.errors import Invalid, NotFound, Refused
from engine.identity import new_account_id, parse_address
from engine.plans import WEIGHT_MAX, Plan
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Account:
    """One account as stored; limits are those of the plan at the time it was taken (0 = no limit).

    ``weight`` began as the plan's, and is whatever ``weigh`` said last.
    """

    id: str
    email: str
    name: str
    plan: str
    cycle: str
    can_send: bool
    credits_a_month: int
    profiles_per_search: int
    simultaneous_contacts: int
    refund_when: str
    refund_after_ms: int
    opened_at_ms: int
    weight: int


def open_account(store: Store, account: str, *, email: str, name: str, plan: Plan, annual: bool = False) -> bool:
    """Open an account on a plan, with its first month's credits; False when the same was opened before.

    Errors: Invalid for a bad id, address or name; Refused when the id belongs to another account.
    """
    new_account_id(account)
    email, name = parse_address(email), " ".join(name.split())
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise Invalid("a name has 1 to 120 printable characters", code="bad_name")
    cycle = "annual" if annual else "monthly"
    # Registered first: a crash in between leaves a name without an account, never an account nobody finds.
    store.client.sadd(store.keys.accounts, account)
    values: dict[str, Any] = {
        "id": account,
        "email": email,
        "name": name,
        "plan": plan.slug,
        "cycle": cycle,
        "can_send": int(plan.can_send),
        "credits_a_month": plan.credits_a_month,
        "profiles_per_search": plan.profiles_per_search,
        "simultaneous_contacts": plan.simultaneous_contacts,
        "refund_when": plan.refund_when,
        "refund_after_ms": plan.refund_after_ms,
        "weight": plan.weight,
    }
    fingerprint = "\n".join((email, name, plan.slug, cycle))
    pairs = [part for pair in values.items() for part in pair]
    operation = f"call:{secrets.token_hex(8)}"
    arguments = (fingerprint, operation, plan.credits_a_month, *pairs)
    status = store.run("open_account", store.keys.of_account(account), *arguments)[0]
    if status == "conflict":
        raise Refused(
            f"account {account!r} is already open with another e-mail, name or plan; "
            f"see it with: inmail account show {account}",
            code="account_exists",
        )
    return bool(status == "ok")


def get_account(store: Store, account: str) -> Account:
    """The account of that id; raises NotFound."""
    stored = store.hash(store.keys.account(account))
    if not stored:
        raise NotFound(f"no account {account[:80]!r}; open it with: inmail account open", code="no_account")
    return Account(
        id=stored["id"],
        email=stored["email"],
        name=stored["name"],
        plan=stored["plan"],
        cycle=stored["cycle"],
        can_send=stored["can_send"] == "1",
        credits_a_month=int(stored["credits_a_month"]),
        profiles_per_search=int(stored["profiles_per_search"]),
        simultaneous_contacts=int(stored["simultaneous_contacts"]),
        refund_when=stored["refund_when"],
        refund_after_ms=int(stored["refund_after_ms"]),
        opened_at_ms=int(stored["opened_at_ms"]),
        weight=int(stored.get("weight", 1)),
    )


def account_ids(store: Store) -> Iterator[str]:
    """Every account, in no order, read in steps; a name registered without an account is passed over."""
    cursor = -1
    while cursor != 0:
        cursor, members = store.client.sscan(store.keys.accounts, max(cursor, 0), count=500)
        found = [member.decode() for member in members]
        pipe = store.client.pipeline(transaction=False)
        for account in found:
            pipe.exists(store.keys.account(account))
        yield from (account for account, opened in zip(found, pipe.execute(), strict=True) if opened)


def weigh(store: Store, account: str, weight: int) -> None:
    """Set an account's weight: when several have something to send, each gets its part of the whole by weight.

    Errors: NotFound; Invalid for a weight that is not from 1 to WEIGHT_MAX.
    """
    if not 1 <= weight <= WEIGHT_MAX:
        raise Invalid(f"weight {weight:,}: give a whole number from 1 to {WEIGHT_MAX}", code="bad_weight")
    get_account(store, account)
    store.client.hset(store.keys.account(account), "weight", weight)
