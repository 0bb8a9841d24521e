"""Looking for invoices: by account, state and the days they were issued on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, get_args

from engine.accounts import account_ids
from engine.errors import Invalid, NotFound
from engine.invoices import Invoice, State, get_invoice, list_invoices
from engine.periods import check_timezone
from engine.store import Store
from engine.subscription import read

STATES: Final = get_args(State)
_PAGE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Days:
    """From one day to another, both included; None = no bound."""

    since: date | None = None
    until: date | None = None

    def include(self, at_ms: int, timezone: str) -> bool:
        """Whether a time falls on one of them, by the calendar of that time zone."""
        day = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(check_timezone(timezone)).date()
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


EVERY_DAY: Final = Days()


def parse_days(since: str | None, until: str | None) -> Days:
    """The days from ``since`` to ``until``, each as 2026-12-31 or not given; raises Invalid bad_day."""
    found = Days(_day(since), _day(until))
    if found.since and found.until and found.since > found.until:
        raise Invalid(f"no day is both from {found.since} on and until {found.until}", code="bad_day")
    return found


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
            raise ValueError
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(f"{text[:40]!r} is no day; write one as 2026-12-31", code="bad_day") from None


def timezone_of(store: Store, account: str) -> str:
    """The time zone by which an account's invoices are dated: its subscription's."""
    sub = read(store, account)
    return sub.timezone if sub else "UTC"


def account_of_invoice(number: str) -> str:
    """Whose invoice a number names: all before its last '-'. Raises NotFound for what is no number."""
    account, sign, _ = number.rpartition("-")
    if not (account and sign):
        raise NotFound(f"no invoice {number[:80]!r}; they look like acme-0001", code="no_invoice")
    return account


def invoice_of_number(store: Store, number: str) -> Invoice:
    """The invoice of that number, whosever; raises NotFound."""
    return get_invoice(store, account_of_invoice(number), number)


def check_state(state: str | None) -> None:
    """Raises Invalid unknown_state for a state no invoice has."""
    if state is not None and state not in STATES:
        raise Invalid(f"no state {state[:40]!r}; there are: {', '.join(STATES)}", code="unknown_state")


def search(
    store: Store, account: str, *, days: Days = EVERY_DAY, state: str | None = None, after: str = ""
) -> Iterator[Invoice]:
    """An account's invoices in order of number, those of that state issued on those days, read in steps.

    Errors: Invalid unknown_state; bad_invoice where ``after`` is no number of this account's.
    """
    check_state(state)
    timezone = timezone_of(store, account)
    while found := list_invoices(store, account, after=after, most=_PAGE):
        yield from (it for it in found if state in (None, it.state) and days.include(it.issued_at_ms, timezone))
        after = found[-1].number


def search_all(store: Store, *, days: Days = EVERY_DAY, state: str | None = None, after: str = "") -> Iterator[Invoice]:
    """Everybody's, in order of account and number; errors as ``search``."""
    first = account_of_invoice(after) if after else ""
    for account in sorted(account_ids(store)):
        if account >= first:
            yield from search(store, account, days=days, state=state, after=after if account == first else "")
