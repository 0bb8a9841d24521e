"""A dry run: what submitting a list would do, told from the whole of it; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress, islice
from typing import Any

from engine import credits, preflight
from engine.accounts import Account
from engine.intake.lists import CandidateList
from engine.intake.rejects import TakesRejects
from engine.message import Message
from engine.refusals import cannot_send
from engine.store import Store
from engine.subscription import read
from engine.to_send import recipients_queued

_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """What of an order bears on its forecast."""

    refund_after_ms: int
    start_at_ms: int = 0
    strict: bool = False
    seat: str = ""
    refund_when: str = "unanswered"


def forecast(
    store: Store,
    owner: Account,
    listed: CandidateList,
    message: Message,
    terms: Terms,
    rejects: TakesRejects | None = None,
    progress: preflight.Progress | None = None,
) -> dict[str, Any]:
    """Check a whole list and foretell what submitting it would do.

    Errors: Refused when the account cannot send or has no such seat, the list breaks off, or a row is bad and the terms
    are strict.
    """
    if not owner.may_send(store.now_ms(store.keys.account(owner.id))):
        raise cannot_send(owner, read(store, owner.id))
    tally, skipped = preflight.Tally(), preflight.Skipped()
    samples: list[dict[str, str]] = []
    for good in preflight.check_rows(listed, message, rejects, tally, strict=terms.strict, progress=progress):
        free = skipped.look(store, owner.id, [fields[listed.email_index] for fields in good])
        chosen = islice(compress(good, free), _SAMPLES - len(samples))
        samples += [dict(zip(listed.columns, fields, strict=True)) for fields in chosen]
    wallet, contacts = credits.wallet(store, owner.id), owner.simultaneous_contacts
    needed = tally.accepted - skipped.total
    before = recipients_queued(store, owner.id)
    room, bound = preflight.room(store, owner.id, wallet, contacts)
    at_once = min(needed, max(0, room - before))
    waves = preflight.waves(needed + before, wallet, contacts, refund_when=terms.refund_when) if needed else 0
    of_seat = preflight.room_of_seat(store, owner.id, terms.seat)
    if of_seat is not None and of_seat < needed:
        # What a cap holds back goes out in later months, or when it is raised: nobody can say in how many waves.
        waves = None
        if of_seat < at_once:
            at_once, bound = of_seat, "seat"
    return {
        "dry_run": True,
        "account": owner.id,
        "accepted": tally.accepted,
        "rejected": tally.rejected_total,
        "rejected_by_reason": dict(tally.rejected),
        "rejected_first": [f"line {reject.line}: {reject.detail}" for reject in tally.first_rejected],
        "suppressed": skipped.suppressed,
        "pair_locked": skipped.pair_locked,
        "credits_needed": needed,
        "credits_available": wallet.available,
        "credits_held": wallet.held,
        "simultaneous_contacts": contacts or None,
        "queued_before": before,
        "sent_at_once": at_once,
        "waiting_for": bound if at_once < needed else None,
        "waves_if_nobody_answers": waves,
        "start_at_ms": terms.start_at_ms or None,
        "refund_when": terms.refund_when,
        "refund_after_ms": terms.refund_after_ms,
        "messages": [{"to": fields["email"], **message.render(fields)._asdict()} for fields in samples],
    }
