"""Repair: at once, and told, what the scheduler does by itself within a minute or two."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine import agenda
from engine.leadership import leader
from engine.releasing import Deposed
from workers.scheduler import Scheduler

_TURNS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was found and done. Packs are those sent to the queue: their message or their worker was lost, or it was
    their turn."""

    accounts: int
    accounts_put_back: int
    campaigns_put_back: int
    uploads_cleared: int
    packs_to_send: int
    packs_to_refund: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def repair(scheduler: Scheduler) -> Repaired:
    """Make the agenda again, release what may be sent, queue what is due. Safe at any time, beside a scheduler too.

    Errors: RedisTrouble, Dramatiq's ConnectionClosed; what was done until then stays, and doing it again is no harm.
    """
    rebuilt = agenda.rebuild(scheduler.store)
    scheduler.leadership.follows = True
    scheduler.paced = False
    packs_to_refund = scheduler.sweep(grace_ms=0)
    while scheduler.renew():
        pass
    packs_to_send = 0
    for _ in range(_TURNS_MAX):
        # Under the leader's own epoch: it is neither deposed by this nor refused.
        found = leader(scheduler.store)
        scheduler.leadership.epoch = 0 if found is None else found[1]
        try:
            released = scheduler.turn()
        except Deposed:
            agenda.rebuild(scheduler.store)  # another leads by now: whom this turn has put off is looked at again
            continue
        packs_to_send += released
        if not released:
            break
    return Repaired(
        accounts=rebuilt.accounts,
        accounts_put_back=rebuilt.accounts_put_back,
        campaigns_put_back=rebuilt.campaigns_put_back,
        uploads_cleared=len(rebuilt.uploads_cleared),
        packs_to_send=packs_to_send,
        packs_to_refund=packs_to_refund,
    )
