"""Releasing in turns: accounts share the send queue by weight, and the campaigns of an account take turns as well."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from config.timings import THOROUGH_EVERY_S
from engine import agenda, campaigns
from engine.agenda import Visit
from engine.identity import account_of
from engine.releasing import Release, Terms, release_many
from engine.store import Store
from workers.actors import Actors
from workers.pace import Pace
from workers.shares import Shares

_CAMPAIGNS_AT_ONCE = 32
_RECIPIENTS_A_MESSAGE = 50.0
_RECIPIENTS_A_PACK = 500.0
_REMEMBERED_MAX = 50_000


@dataclass(slots=True)
class Turn:
    """What one account's visit came to: the packs released (campaign, number, recipients), and what is left to do."""

    packs: list[tuple[str, int, int]] = field(default_factory=list)
    pack_size: int = 0
    messages: int = 0
    in_flight: int = 0
    waits: bool = False
    busy: bool = False
    more: bool = False
    look_at_ms: list[int] = field(default_factory=list)

    @property
    def recipients(self) -> int:
        return sum(size for _, _, size in self.packs)

    def add(self, found: Release) -> None:
        self.pack_size = max(self.pack_size, found.pack_size) if found.packs else self.pack_size
        self.packs += [(found.campaign, pack, size) for pack, size in zip(found.packs, found.sizes, strict=True)]
        self.in_flight += found.in_flight
        self.busy = self.busy or found.state in ("running", "waiting", "scheduled") or bool(found.look_at_ms)
        # What only a seat waits for, the campaigns of others may go on without.
        self.waits = found.state == "waiting" and found.waiting_for != "seat"
        self.more = self.more or found.more
        if found.look_at_ms:
            self.look_at_ms.append(found.look_at_ms)


def loads(packs: list[tuple[str, int, int]], most: int) -> Iterator[list[tuple[str, int]]]:
    """Packs put together to messages: as many as come to no more than ``most`` recipients, or one."""
    load: list[tuple[str, int]] = []
    carried = 0
    for campaign, pack, size in packs:
        if load and carried + size > most:
            yield load
            load, carried = [], 0
        load.append((campaign, pack))
        carried += size
    if load:
        yield load


class Releaser:
    """Fills the send queue account by account. ``in_flight`` bounds the recipients of one campaign on it."""

    def __init__(self, store: Store, actors: Actors, *, lease_ms: int, in_flight: int) -> None:
        self.store, self.actors = store, actors
        self.lease_ms, self.in_flight = lease_ms, in_flight
        self.pace = Pace(actors.backlog, lambda: agenda.worker_threads(store))
        self._shares = Shares()
        self._carried = _RECIPIENTS_A_MESSAGE
        self._thorough: dict[str, float] = {}
        self._last: dict[str, int] = {}
        self._running: dict[str, set[str]] = {}

    def deal(self, visits: list[Visit], messages: int, *, rest: bool = False) -> None:
        """Deal out what so many messages carry among the accounts whose time has come, by weight.

        ``rest``: it is what a turn has left, and those are what is left of its accounts: whole packs.
        """
        carried = max(self._carried, _RECIPIENTS_A_PACK) if rest else self._carried
        self._shares.deal({visit.account: visit.weight for visit in visits}, round(messages * carried))

    def put_back(self, visits: list[Visit]) -> None:
        """Have accounts there was no room for wait on, in front of the others."""
        agenda.look_at(self.store, {visit.account: visit.since_ms for visit in visits})

    def serve(self, visit: Visit, epoch: int) -> Turn:
        """Release and enqueue what an account may send of its share, and note when to look at it again.

        ``epoch`` is the leading scheduler's. Raises Deposed, RedisTrouble, Dramatiq's ConnectionClosed.
        """
        turn, share = Turn(more=True), min(self._shares.of(visit.account), self.in_flight)
        if share:
            turn = self._visit(visit.account, share, epoch)
            self._put(visit.account, turn)
        self._look_again(visit, turn)
        return turn

    def _visit(self, account: str, share: int, epoch: int) -> Turn:
        """Release packs of one account's campaigns for about as many recipients as its share."""
        turn, thorough, ids = Turn(), self._thorough_turn(account), self._campaigns(account)
        ran = set(self._running.get(account, ()))
        at_once, room = 1, 0
        while group := list(islice(ids, at_once)):
            ran.difference_update(group)
            room = self._release(group, turn, share - turn.recipients, epoch)
            if turn.waits and not thorough:
                # What this one waits for, all after it would wait for as well; those that ran till now are to say so.
                while some := list(islice(ran, _CAMPAIGNS_AT_ONCE)):
                    ran.difference_update(some)
                    self._release(some, turn, 1, epoch)
                break
            if turn.recipients >= share:
                self._last[account] = int(group[-1].rpartition(".")[2])
                turn.more = True
                break
            # None of a group knows what the others take: one by one where there may not be enough for all.
            plenty = room - turn.in_flight > share
            at_once = min(at_once * 2, _CAMPAIGNS_AT_ONCE) if plenty else 1
        else:
            self._running.setdefault(account, set()).difference_update(ran)  # they have nothing to send any more
        return turn

    def _release(self, group: list[str], turn: Turn, most: int, epoch: int) -> int:
        """Release about so many recipients of some of an account's campaigns; returns the account's room."""
        terms = Terms(self.lease_ms, self.in_flight, -(-most // len(group)), turn.in_flight, epoch)
        running, room = self._running.setdefault(account_of(group[0]), set()), 0
        running.difference_update(group)
        for found in release_many(self.store, group, terms):
            turn.add(found)
            room = found.room
            if found.state == "running":
                running.add(found.campaign)
            if found.state == "cancelled":
                campaigns.cancel_rest(self.store, found.campaign)
        return room

    def _campaigns(self, account: str) -> Iterator[str]:
        """The account's campaigns, those first that come after the last one that took a share."""
        return agenda.sending_campaigns(self.store, account, after=self._last.pop(account, 0))

    def _put(self, account: str, turn: Turn) -> None:
        """Put what was released on the queue."""
        if not turn.packs:
            return
        messages = list(loads(turn.packs, turn.pack_size))
        self.actors.enqueue_sends(messages)
        turn.messages = len(messages)
        self._shares.take(account, turn.recipients)
        self.pace.put(turn.messages)
        self._carried += (turn.recipients / turn.messages - self._carried) / 2

    def _look_again(self, visit: Visit, turn: Turn) -> None:
        if turn.more:
            # At once, but after the other accounts' turn.
            agenda.look_at(self.store, {visit.account: visit.next_ms - self.lease_ms})
        elif turn.look_at_ms:
            agenda.look_at(self.store, {visit.account: min(turn.look_at_ms)})
        elif not turn.busy:
            agenda.rest(self.store, visit.account, visit.next_ms)
        if not turn.more:
            self._shares.forget(visit.account)

    def _thorough_turn(self, account: str) -> bool:
        """Whether this look goes over all the account's campaigns, however many wait: every few seconds one does."""
        now = time.monotonic()
        if len(self._thorough) > _REMEMBERED_MAX:
            self._thorough.clear()
            self._last.clear()
            self._running.clear()
        if now - self._thorough.get(account, float("-inf")) < THOROUGH_EVERY_S:
            return False
        self._thorough[account] = now
        return True
