"""Seats: people who share one account's credits, each with API keys and, if wanted, a monthly cap of its own.

The cap bounds what is debited for a seat's campaigns in a month of the account's subscription; what comes back goes to
the account's pool and does not reopen it. docs/seats.md has the rules.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

import orjson

from engine import api_keys
from engine.accounts import get_account, seat_since
from engine.credits import GRANT_CREDITS_MAX
from engine.errors import Invalid, NotFound, Refused
from engine.identity import is_plain_id, parse_address
from engine.opening import NAME_CHARS_MAX
from engine.store import Store
from engine.wake import wake

SEATS_MAX: Final = 200
_TAKEN: Final = "seat_exists"


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat. ``used_credits`` were debited for it in ``month``, the present one of the account's subscription
    ('' where there never was one); ``cap_credits`` bounds them, None = no cap."""

    id: str
    account: str
    name: str
    email: str
    cap_credits: int | None
    used_credits: int
    month: str
    created_at_ms: int

    @property
    def left_credits(self) -> int | None:
        """What may still be debited for it in this month, None = no bound of its own."""
        return None if self.cap_credits is None else max(0, self.cap_credits - self.used_credits)


def add(store: Store, account: str, seat: str, *, name: str, email: str, cap: int | None = None) -> bool:
    """Add a seat to an account; False when the same was added before.

    Errors: NotFound; Invalid bad_seat_id, bad_name, bad_address, bad_cap; Refused seat_exists where the id is another
    person's or has another cap, too_many_seats past SEATS_MAX.
    """
    if not is_plain_id(seat):
        raise Invalid(
            f"seat id {seat[:60]!r} is not usable: 1 to 40 of a-z, 0-9, '-' and '_', "
            "beginning and ending with a letter or digit",
            code="bad_seat_id",
        )
    email, name = parse_address(email), " ".join(name.split())
    if not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise Invalid(f"a name has 1 to {NAME_CHARS_MAX} printable characters", code="bad_name")
    record = {"name": name, "email": email, "created_at_ms": store.now_ms(store.keys.account(account))}
    reply = _run(store, "add", account, seat, _checked(cap), orjson.dumps(record))
    if reply[0] == "too_many":
        raise Refused(f"account {account!r} has {SEATS_MAX} seats, which is the most", code="too_many_seats")
    if reply[0] == "exists":
        there = orjson.loads(reply[1])
        if (there["name"], there["email"]) != (name, email):
            raise Refused(f"seat {seat!r} of account {account!r} is another person's: choose another id", code=_TAKEN)
        if reply[2] != _checked(cap):
            told = f"a cap of {reply[2]}" if reply[2] else "no cap"
            raise Refused(
                f"seat {seat!r} has {told}; change it with: inmail seat cap {account} {seat} N|none", code=_TAKEN
            )
        return False
    return True


def set_cap(store: Store, account: str, seat: str, cap: int | None) -> bool:
    """Set a seat's monthly cap, None = none; what it used in this month counts. False when it was so already.

    Campaigns that wait for it go on where it is raised. Errors: NotFound; Invalid bad_cap.
    """
    reply = _run(store, "cap", account, seat, _checked(cap))
    # Also where nothing was changed: a call before this one may have died before it could say so.
    wake(store, account)
    return bool(reply[1] == "1")


def remove(store: Store, account: str, seat: str) -> int:
    """Take a seat away with its API keys, which are out of force at once; returns how many keys were revoked.

    Its campaigns go on without a cap, on the account's pool; new ones are refused. Raises NotFound, but for a repeat of
    a call that died before it had revoked the keys.
    """
    missing = None
    try:
        _run(store, "remove", account, seat, "")
    except NotFound as error:
        if error.code != "no_seat":
            raise
        missing = error
    # A key is in force only while its seat stands, so nothing hangs on getting to here: it is what the list shows.
    revoked = sum(api_keys.revoke(store, key.id) for key in api_keys.of_account(store, account) if key.seat == seat)
    if missing is not None and not revoked:
        raise missing
    wake(store, account)
    return revoked


def get(store: Store, account: str, seat: str) -> Seat:
    """The seat of that id; raises NotFound."""
    pipe = store.client.pipeline(transaction=False)
    pipe.hget(store.keys.seats(account), seat)
    pipe.hmget(store.keys.account(account), "month", f"cap:{seat}", f"used:{seat}")
    record, (month, cap, used) = pipe.execute()
    if record is None:
        get_account(store, account)
        raise missing_seat(account, seat)
    return _seat(account, seat, record, month, cap, used)


def of_account(store: Store, account: str) -> list[Seat]:
    """The account's seats in order of their ids; raises NotFound."""
    get_account(store, account)
    records = {name.decode(): record for name, record in store.client.hgetall(store.keys.seats(account)).items()}
    ids = sorted(records)
    fields = [f"{what}:{seat}" for seat in ids for what in ("cap", "used")]
    month, *values = store.client.hmget(store.keys.account(account), ["month", *fields])
    return [_seat(account, seat, records[seat], month, values[i * 2], values[i * 2 + 1]) for i, seat in enumerate(ids)]


def check(store: Store, account: str, seat: str) -> None:
    """Raises NotFound no_seat unless the account has that seat."""
    if not seat_since(store, account, seat):
        raise missing_seat(account, seat)


def missing_seat(account: str, seat: str) -> NotFound:
    """What is said of a seat there is none of."""
    return NotFound(
        f"account {account!r} has no seat {seat[:60]!r}; list them with: inmail seat list {account}", code="no_seat"
    )


def used(stored: str, month: str) -> int:
    """How much of what a seat used, as it is stored ('label n'), is of that month."""
    label, _, n = stored.partition(" ")
    return int(n) if n and label == month else 0


def _run(store: Store, verb: str, account: str, seat: str, cap: str, record: bytes = b"") -> list[Any]:
    operation = f"call:{secrets.token_hex(8)}"
    reply = store.run("seat", store.keys.of_seats(account), verb, operation, seat, cap, SEATS_MAX, record)
    if reply[0] == "unknown":
        raise NotFound(f"no account {account[:80]!r}; open it with: inmail account open", code="no_account")
    if reply[0] == "no_seat":
        raise missing_seat(account, seat)
    return reply


def _checked(cap: int | None) -> str:
    """A cap as it is stored, '' = none; raises Invalid."""
    if cap is not None and not 0 <= cap <= GRANT_CREDITS_MAX:
        raise Invalid(f"a cap is from 0 to {GRANT_CREDITS_MAX:,} credits a month, or none", code="bad_cap")
    return "" if cap is None else str(cap)


def _seat(account: str, seat: str, record: bytes, month: bytes | None, cap: bytes | None, said: bytes | None) -> Seat:
    person, label = orjson.loads(record), (month or b"").decode()
    return Seat(
        seat,
        account,
        person["name"],
        person["email"],
        None if cap is None else int(cap),
        used((said or b"").decode(), label),
        label,
        person["created_at_ms"],
    )
