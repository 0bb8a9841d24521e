"""A thread that does one small thing every few seconds, whatever happens: the heartbeat's, the reaper's."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from dramatiq.errors import BrokerConnectionError

logger = logging.getLogger(__name__)


class Ticker(threading.Thread):
    """Calls `tick` at once and then every `interval_ms`, come what may, until stopped."""

    def __init__(self, name: str, interval_ms: int, tick: Callable[[], bool | None]) -> None:
        super().__init__(name=name, daemon=True)
        self._interval_s: Final = interval_ms / 1000
        self._tick = tick
        self._stopping = threading.Event()
        self._failing = False
        #: When a call last succeeded (monotonic seconds).
        self.succeeded_at = time.monotonic()

    def run(self) -> None:
        more = True
        while more or not self._stopping.wait(self._interval_s):
            if self._stopping.is_set():
                return
            more = self._attempt()

    def _attempt(self) -> bool:
        """Call once; return True when there is more to do at once."""
        try:
            more = bool(self._tick())
        except Exception as error:
            # Said once per outage; anything but an unreachable Redis is a bug, and shown as one.
            if not self._failing:
                is_outage = isinstance(error, BrokerConnectionError)
                logger.warning("%s fails and goes on trying: %s", self.name, error, exc_info=not is_outage)
            self._failing = True
            return False
        if self._failing:
            logger.info("%s works again.", self.name)
        self._failing = False
        self.succeeded_at = time.monotonic()
        return more

    def ask_to_stop(self) -> None:
        """Ask the thread to end."""
        self._stopping.set()

    def wait(self, timeout_s: float) -> None:
        """Wait for the thread to end, so long at most."""
        if self.is_alive() and threading.current_thread() is not self:
            self.join(max(0.0, timeout_s))
