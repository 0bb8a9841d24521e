"""The scheduler: releases packs to the queue, accounts taking turns, and sweeps what an alarm missed.

It keeps nothing in memory that matters: stop it, start another, run two at once (one leads, the other stands by).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import BusyLoadingError, NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError

from config.timings import PACE_LOOKS_S, STANDBY_ASKS_S, alarm_grace_ms, rebuild_every_s, sweep_every_s
from engine import agenda, refunds
from engine.agenda import Visit
from engine.errors import EngineError
from engine.identity import account_of
from engine.leadership import Leadership
from engine.offer import Offer
from engine.releasing import Deposed
from engine.store import RedisTrouble, Store, trouble_text
from engine.wake import wake
from workers.actors import Actors
from workers.releasing import Releaser
from workers.renewing import Renewer
from workers.runtime import keep_redis

log = structlog.get_logger("inmail.scheduler")

NAP_S = 1.0
_ACCOUNTS_A_TURN = 64
_UNPACED = 1_000_000
_TIDY_EVERY_S = 0.05
_CAMPAIGNS_A_SWEEP = 1000
_PASSING = (BusyLoadingError, ReadOnlyError, OutOfMemoryError, NoScriptError)


@dataclass(slots=True)
class Scheduler:
    """One scheduler on one store. ``in_flight`` is in recipients of one campaign; ``lease_ms`` of a released pack;
    ``paced``: it keeps the send queue short, whatever its campaigns may have in flight; ``offer``: the terms that
    subscriptions are carried on under."""

    store: Store
    actors: Actors
    lease_ms: int
    in_flight: int
    who: str = "scheduler"
    paced: bool = True
    offer: Offer = field(default_factory=Offer)
    leadership: Leadership = field(init=False)
    releaser: Releaser = field(init=False)
    renewer: Renewer = field(init=False)
    _full: bool = False
    _sending_paused: bool = False
    _asked_paused: float = float("-inf")
    _tidied: bool = True
    _last_tidy: float = float("-inf")
    _last_sweep: float = float("-inf")
    _last_rebuild: float = float("-inf")
    _last_renewing: float = float("-inf")

    def __post_init__(self) -> None:
        self.leadership = Leadership(self.store, self.who)
        self.releaser = Releaser(self.store, self.actors, lease_ms=self.lease_ms, in_flight=self.in_flight)
        self.renewer = Renewer(self.store, self.offer, self.actors.enqueue_payment)

    def run(self, stop: threading.Event) -> None:
        """Work while this one leads, stand by while another does, until ``stop`` is set.

        Goes on by itself when Redis was away.
        """
        leading = False
        while not stop.is_set():
            try:
                if self.leadership.hold() != leading:
                    leading = not leading
                    self._last_sweep = self._last_rebuild = float("-inf")
                    log.info("scheduler.leads" if leading else "scheduler.stands_by")
                if leading:
                    self._work(stop)
                else:
                    stop.wait(STANDBY_ASKS_S)
            except Deposed as later:
                self.leadership.lose(later.fence)
                self._last_rebuild = float("-inf")  # whom the turn had put off is looked at again
            except (RedisTrouble, BrokerConnectionError) as error:
                log.debug("redis.away", detail=trouble_text(error))  # the heartbeat says so aloud
                self._last_rebuild = float("-inf")
                self._mend()
                stop.wait(1.0)
        with suppress(RedisTrouble):
            self.leadership.resign()

    def _work(self, stop: threading.Event) -> None:
        clock = time.monotonic()
        if clock - self._last_sweep >= sweep_every_s(self.lease_ms):
            self.sweep()
            self._last_sweep = clock
        if clock - self._last_rebuild >= rebuild_every_s(self.lease_ms):
            self._last_rebuild = clock
            # With memory full the agenda stays as it is; what it holds of refunds is swept all the same.
            with self._going_on("rebuild.broken"), suppress(OutOfMemoryError):
                agenda.rebuild(self.store, between=self._still_leading)
        self._tidy(clock)
        if clock - self._last_renewing >= NAP_S and self.renew() == 0:
            self._last_renewing = clock  # with many due at once, a few go on in every turn
        released = self.turn()
        if self._full:
            stop.wait(PACE_LOOKS_S)
        elif not released:
            agenda.nap(self.store, NAP_S if self._tidied else _TIDY_EVERY_S)

    def renew(self) -> int:
        """Carry on with subscriptions of which something is due; returns how many."""
        self._still_leading()
        return self.renewer.turn(self._going_on)

    def _tidy(self, clock: float) -> None:
        """Forget a few closed packs' contacts; little at a time, so that what is urgent hardly waits for it."""
        if clock - self._last_tidy < (NAP_S if self._tidied else _TIDY_EVERY_S):
            return
        self._last_tidy = clock
        with self._going_on("tidy.broken"):
            self._tidied = agenda.tidy_some(self.store)

    def _still_leading(self) -> None:
        """Renews the lease in the middle of long work; raises Deposed where it was lost."""
        if self.leadership.epoch and not self.leadership.hold():
            raise Deposed

    def _mend(self) -> None:
        try:
            keep_redis()
        except EngineError as error:
            log.warning("redis.not_startable", detail=str(error))

    def turn(self) -> int:
        """Look at accounts whose time has come, once, as far as there is room in the queue; returns how many packs were
        released.

        While the send queue is paused none is: their leases would run out unused, and they would be queued again.
        """
        self._full = False
        if self._paused():
            return 0
        room = self.releaser.pace.room() if self.paced else _UNPACED
        self._full = room == 0
        if self._full:
            return 0
        visits = agenda.due_accounts(self.store, most=_ACCOUNTS_A_TURN, look_again_ms=self.lease_ms)
        if visits:
            self.releaser.deal(visits, room)
        released, hungry = 0, []
        for place, visit in enumerate(visits):
            if room <= 0:
                self.releaser.put_back(visits[place:])
                self._full = True
                break
            self._still_leading()
            with self._going_on("account.broken", account=visit.account):
                turn = self.releaser.serve(visit, self.leadership.epoch)
                room, released = room - turn.messages, released + len(turn.packs)
                self._full = self._full or turn.more
                hungry += [visit] if turn.more else []
        return released + self._share_rest(hungry, room)

    def _share_rest(self, hungry: list[Visit], room: int) -> int:
        """What the others had no use for goes to those with more to send; returns how many packs were released."""
        released = 0
        if hungry and self.actors.backlog() is not None:  # else nobody knows what room there is
            self.releaser.deal(hungry, room, rest=True)
            for visit in hungry:
                if room <= 0:
                    break
                self._still_leading()
                with self._going_on("account.broken", account=visit.account):
                    turn = self.releaser.serve(visit, self.leadership.epoch)
                    room, released = room - turn.messages, released + len(turn.packs)
        return released

    def _paused(self) -> bool:
        now = time.monotonic()
        if now - self._asked_paused >= NAP_S:
            self._sending_paused, self._asked_paused = self.actors.sending_is_paused(), now
        return self._sending_paused

    @contextmanager
    def _going_on(self, event: str, **where: str) -> Iterator[None]:
        """One account's damage must not stop the others; a Redis in trouble is not damage, and goes further up."""
        try:
            yield
        except _PASSING:
            raise
        except (ResponseError, EngineError, KeyError, ValueError) as error:
            log.error(event, error=type(error).__name__, hint="inmail audit names what is wrong", **where)

    def sweep(self, grace_ms: int | None = None) -> int:
        """Send refunds whose alarm is overdue by so much to the queue again; returns how many packs."""
        grace_ms = alarm_grace_ms(self.lease_ms) if grace_ms is None else grace_ms
        now = self.store.now_ms()
        found = 0
        for campaign in agenda.refunds_expected(self.store, before_ms=now - grace_ms, most=_CAMPAIGNS_A_SWEEP):
            self._still_leading()
            with self._going_on("campaign.broken", campaign=campaign):
                for packs in refunds.overdue(self.store, campaign):
                    self._refund(campaign, packs)
                    found += len(packs)
                due_ms = refunds.earliest_due_ms(self.store, campaign)
                # What was just sent may be in the queue for a while: look again after another grace.
                agenda.expect_next_refund(self.store, campaign, max(due_ms, now) if due_ms else None)
        if found:
            log.info("refunds.swept", packs=found, hint="their alarms were late or lost")
        return found

    def _refund(self, campaign: str, packs: list[int]) -> None:
        """Send packs to the refund queue; where it takes nothing (no memory, its Redis away) close them here."""
        try:
            self.actors.enqueue_refunds(campaign, packs)
        except BrokerConnectionError as error:
            log.debug("queue.takes_nothing", detail=str(error))
            for pack in packs:
                self._still_leading()
                refunds.refund(self.store, campaign, pack)
            wake(self.store, account_of(campaign), untidy=True)
