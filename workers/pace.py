"""The pace: how much more the send queue may take, so that it holds what workers do in a moment and no more.

A short queue is what fairness between accounts comes from: whoever has something to send waits for that moment, and
not for a million others. It must not run dry either, so its length follows what workers were seen to do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from config.timings import PACE_ASKS_THREADS_S, PACE_S

_MEMORY_S = 1.0
_SAMPLE_S = 0.02
_MESSAGES_MIN = 2
_MESSAGES_MAX = 2_000


class Pace:
    """Watches one queue from its sender's side. ``backlog`` gives how many messages it has, waiting or running (None
    where that cannot be told: then there is always room); ``threads`` how many run at a time."""

    def __init__(
        self,
        backlog: Callable[[], int | None],
        threads: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backlog, self._threads, self._clock = backlog, threads, clock
        self.per_s = 0.0
        """How many messages a second workers were seen to do."""
        self._size = self._put = 0
        self._at = self._asked_threads = -math.inf
        self._running = 0

    def room(self) -> int:
        """How many messages the queue may take now."""
        size, now = self._backlog(), self._clock()
        if size is None:
            return _MESSAGES_MAX
        self._learn(size, now)
        if now - self._asked_threads >= PACE_ASKS_THREADS_S:
            self._running, self._asked_threads = self._threads(), now
        # Every thread has one to do, and what follows is there when it is done.
        wanted = max(_MESSAGES_MIN, self._running, math.ceil(self.per_s * PACE_S))
        return max(0, min(wanted, _MESSAGES_MAX) - size)

    def put(self, messages: int) -> None:
        """Take note of messages that were put in since."""
        self._put += messages

    def _learn(self, size: int, now: float) -> None:
        elapsed, done = now - self._at, max(0, self._size + self._put - size)
        if elapsed < _SAMPLE_S:
            return
        if not math.isinf(elapsed) and (done or size):
            seen = done / elapsed
            if size == 0:  # it ran dry: they can do no less
                self.per_s = max(self.per_s, seen)
            else:
                self.per_s += (seen - self.per_s) * (1 - math.exp(-elapsed / _MEMORY_S))
        self._size, self._put, self._at = size, 0, now
