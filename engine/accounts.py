"""Accounts: who owns credits, campaigns and a mailbox, and what their plan lets them do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import Invalid, NotFound
from engine.plans import WEIGHT_MAX
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Account:
    """One account as stored; limits are those of the plan version it bought (0 = no limit).

    ``sends_until_ms``: when its subscription ends or its grace period is over, 0 = not as far as is known. ``month`` is
    what the log calls its subscription's. ``weight`` began as the plan's, and is whatever ``weigh`` said last.
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
    recipients_per_campaign: int
    refund_when: str
    refund_after_ms: int
    opened_at_ms: int
    weight: int
    sends_until_ms: int
    month: str

    def may_send(self, now_ms: int) -> bool:
        """Whether its subscription lets it send at that time."""
        return self.can_send and (self.sends_until_ms == 0 or now_ms < self.sends_until_ms)


def get_account(store: Store, account: str) -> Account:
    """The account of that id; raises NotFound."""
    return parse_account(account, store.hash(store.keys.account(account)))


def parse_account(account: str, stored: Mapping[str, str]) -> Account:
    """The account of what is stored under its id; raises NotFound where nothing is."""
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
        recipients_per_campaign=int(stored.get("recipients_per_campaign", 0)),
        refund_when=stored["refund_when"],
        refund_after_ms=int(stored["refund_after_ms"]),
        opened_at_ms=int(stored["opened_at_ms"]),
        weight=int(stored.get("weight", 1)),
        sends_until_ms=int(stored.get("sends_until_ms", 0)),
        month=stored.get("month", ""),
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


def seat_since(store: Store, account: str, seat: str) -> str:
    """The log entry that added a seat which the account has now, '' where it has none: what was made for one seat is
    not taken for one that has its id later."""
    found = store.client.hget(store.keys.account(account), f"seat:{seat}")
    return "" if found is None else str(found.decode())


def weigh(store: Store, account: str, weight: int) -> None:
    """Set an account's weight: when several have something to send, each gets its part of the whole by weight.

    Errors: NotFound; Invalid for a weight that is not from 1 to WEIGHT_MAX.
    """
    if not 1 <= weight <= WEIGHT_MAX:
        raise Invalid(f"weight {weight:,}: give a whole number from 1 to {WEIGHT_MAX}", code="bad_weight")
    get_account(store, account)
    store.client.hset(store.keys.account(account), "weight", weight)
