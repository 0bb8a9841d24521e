"""Which scheduler leads: a lease in Redis, with an epoch that fences off whoever led before."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from config.timings import LEADER_LEASE_MS, LEADER_RENEWS_S, STANDBY_ASKS_S
from engine.store import Store


@dataclass(slots=True)
class Leadership:
    """One scheduler's part in it. ``epoch`` is 0 until it leads; scripts refuse an epoch below the highest they saw.

    Two that both believe to lead (one was suspended past its lease) do no harm: the older epoch is refused, and what
    a scheduler does may be done twice anyway.
    """

    store: Store
    who: str
    epoch: int = 0
    follows: bool = False
    """It neither asks nor leads: it acts under another's epoch, as repair does beside the leader."""
    _floor: int = 0
    _asked: float = field(default=float("-inf"))

    def hold(self) -> bool:
        """Whether this scheduler leads; asks Redis no oftener than needed. Raises RedisTrouble."""
        if self.follows:
            return True
        now = time.monotonic()
        if now - self._asked < (LEADER_RENEWS_S if self.epoch else STANDBY_ASKS_S):
            return self.epoch > 0
        self.epoch = int(self.store.run("lead", [self.store.keys.leader], self.who, LEADER_LEASE_MS, self._floor)[0])
        self._asked = now
        return self.epoch > 0

    def lose(self, fence: int) -> None:
        """Take note that an account has seen a later epoch; where nobody of that epoch leads, the next one is above."""
        self.epoch, self._floor, self._asked = 0, max(self._floor, fence), float("-inf")

    def resign(self) -> None:
        """Let a standby take over at once. Raises RedisTrouble."""
        self.epoch = 0
        self.store.run_bare("resign", [self.store.keys.leader], self.who)


def leader(store: Store) -> tuple[str, int] | None:
    """Who leads and under which epoch, or None where nobody does now."""
    stored = store.hash(store.keys.leader)
    if not stored or int(stored["until_ms"]) <= store.now_ms():
        return None
    return stored["who"], int(stored["epoch"])
