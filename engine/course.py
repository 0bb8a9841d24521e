"""The course of a subscription: what happens to it by itself as time goes by, in the order of its times.

Whoever looks later sees the same: what is due is worked out from when it was due, not from when somebody came to look.
"""

from __future__ import annotations

from typing import Final

from engine.amendment import FIRST_PAYMENT_WAITS_MS, NOW, Amendment
from engine.offer import DAY_MS, Offer
from engine.subscription import ACTIVE, CANCELLED, INCOMPLETE, LAPSED, PAST_DUE, Subscription, Unpaid

RETRIES_AFTER_MS: Final = (1 * DAY_MS, 3 * DAY_MS, 5 * DAY_MS)
"""When a charging provider tries again after the first failure; and once more LAST_TRY_MS before the grace ends."""

LAST_TRY_MS: Final = 3_600_000

RETRY_UNHEARD_MS: Final = 600_000
"""A payment that was sent for and nothing came of is sent for again after so long, under the same name."""

_EVENTS_MAX = 2_000


def next_event(sub: Subscription, offer: Offer) -> tuple[int, str] | None:
    """What happens next by itself and when, ms; None where nothing does. Of two at one time the first here."""
    found: list[tuple[int, str]] = []
    if sub.ends_at_ms:
        found.append((sub.ends_at_ms, "end"))
    if sub.state == ACTIVE:
        if sub.unpaid:
            found.append((min(_overdue_at(one, offer) for one in sub.unpaid), "overdue"))
        found.append((sub.month_end_ms, "month"))
    elif sub.state == PAST_DUE:
        found.append((sub.grace_until_ms, "lapse"))
    elif sub.state == LAPSED:
        found.append((sub.lapsed_at_ms + offer.lapse_keeps_ms, "give_up"))
    elif sub.state == INCOMPLETE:
        found.append((sub.anchor_ms + FIRST_PAYMENT_WAITS_MS, "drop"))
    return min(found, key=lambda event: event[0]) if found else None


def run(amendment: Amendment) -> None:
    """Let everything happen that is due by now, and note when something happens next."""
    for _ in range(_EVENTS_MAX):
        event = next_event(amendment.it, amendment.offer) if amendment.sub else None
        if event is None or event[0] > amendment.now_ms:
            break
        _happen(amendment, *event)
    if amendment.sub:
        _ask(amendment)
        amendment.set(next_at_ms=_next_at_ms(amendment.sub, amendment.offer))


def _ask(amendment: Amendment) -> None:
    """What was left to be paid to an operator is asked of the charging provider there is now."""
    it = amendment.it
    if amendment.offer.charges and it.state == ACTIVE and it.unpaid and not it.try_at_ms:
        amendment.set(try_at_ms=amendment.now_ms)


def _happen(amendment: Amendment, at_ms: int, what: str) -> None:
    if what == "month":
        amendment.begin_month()
    elif what == "overdue":
        overdue = min(amendment.it.unpaid, key=lambda one: one.due_at_ms)
        fall_due(amendment, at_ms, f"invoice {overdue.number} was not paid in time")
    elif what == "lapse":
        amendment.set(state=LAPSED, lapsed_at_ms=at_ms, grace_until_ms=0, try_at_ms=0)
        amendment.note("lapse", "the grace period is over")
    else:
        amendment.end({"end": CANCELLED, "give_up": "unpaid", "drop": "never paid"}[what], at_ms)


def fall_due(amendment: Amendment, at_ms: int, why: str) -> None:
    """A payment did not come: the grace period begins."""
    amendment.set(state=PAST_DUE, grace_until_ms=at_ms + amendment.offer.grace_ms)
    amendment.note("past_due", why)


def recover(amendment: Amendment) -> None:
    """Everything that was overdue is paid: as before. A first payment begins what was ordered."""
    it = amendment.it
    if it.state == INCOMPLETE:
        amendment.set(state=ACTIVE)
        amendment.note("subscribe", f"{it.plan.slug} {it.cycle}")
        amendment.grant(it.plan.credits_a_month, balance=NOW)
    elif it.state in (PAST_DUE, LAPSED) and not any(is_overdue(it, amendment, i) for i in range(len(it.unpaid))):
        amendment.set(state=ACTIVE, grace_until_ms=0, lapsed_at_ms=0)


def is_overdue(sub: Subscription, amendment: Amendment, i: int) -> bool:
    """Whether an unpaid invoice holds the subscription up: past its due time, or its payment failed."""
    one = sub.unpaid[i]
    return one.failed or _overdue_at(one, amendment.offer) <= amendment.now_ms


def _overdue_at(one: Unpaid, offer: Offer) -> int:
    """When an invoice that is neither paid nor failed holds the subscription up. A charging provider is asked at once
    and says what came of it; what it stays silent about is not waited for without end."""
    return one.due_at_ms + (offer.grace_ms if offer.charges else 0)


def _next_at_ms(sub: Subscription, offer: Offer) -> int:
    event = next_event(sub, offer)
    times = [at_ms for at_ms in (event[0] if event else 0, sub.try_at_ms) if at_ms]
    return min(times, default=0)


def try_again(amendment: Amendment) -> None:
    """Plan the next attempt of a charging provider after one that failed: within the grace period, the last shortly
    before its end. None where that has gone by."""
    it, now_ms = amendment.it, amendment.now_ms
    first_failed_ms = it.grace_until_ms - amendment.offer.grace_ms
    last_ms = it.grace_until_ms - LAST_TRY_MS
    planned = [first_failed_ms + after_ms for after_ms in RETRIES_AFTER_MS if first_failed_ms + after_ms < last_ms]
    later = [at_ms for at_ms in (*planned, last_ms) if at_ms > now_ms]
    amendment.set(attempt=it.attempt + 1, try_at_ms=later[0] if later else 0)
