"""What one process holds of one queue: the ids it fetched and has not yet acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable


class Hand:
    """Ids in this process' hand, shared by the worker threads and by every consumer the queue has in turn.

    A consumer that is restarted after an error finds here what its predecessor fetched, so that it takes up
    only what is in nobody's memory.
    """

    #: How long a nearly full hand waits for more to be finished, so that fast jobs are fetched in batches.
    GATHER_S = 0.005

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._changed = threading.Condition()
        #: Held during a fetch: two at once could not tell a lost reply from one still under way.
        self.fetching = threading.Lock()

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> set[str]:
        """Return a copy, safe to go through while others come and go."""
        with self._changed:
            return set(self._ids)

    def take(self, ids: Iterable[str]) -> None:
        """Count these as held."""
        with self._changed:
            self._ids.update(ids)

    def release(self, ids: Iterable[str]) -> None:
        """Count these as held no longer, and rouse whoever waits for room."""
        with self._changed:
            self._ids.difference_update(ids)
            self._changed.notify_all()

    def wait_for_room(self, size_max: int, timeout_s: float) -> int:
        """Wait until fewer than `size_max` are held; return how many more may be, 0 after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        batch = max(1, size_max // 2)
        with self._changed:
            while (room := size_max - len(self._ids)) <= 0:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    return 0
            if room < batch:
                self._changed.wait_for(lambda: size_max - len(self._ids) >= batch, self.GATHER_S)
            return max(0, size_max - len(self._ids))
