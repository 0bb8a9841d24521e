"""What this process has seen of each account's log, so that a Redis that comes back older is noticed."""

from __future__ import annotations

import threading
from collections import OrderedDict

_ACCOUNTS_MAX = 50_000


class Witness:
    """Remembers the furthest mark ('history seq chain') seen of each account's log; safe between threads.

    The scripts compare it with the log they find. It is a memory, not a record: a process that has just started has
    seen nothing, and of very many accounts those met longest ago are forgotten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: OrderedDict[str, tuple[tuple[int, int], str]] = OrderedDict()

    def seen(self, account: str) -> str:
        """The mark to pass to a script; '' where nothing was seen."""
        with self._lock:
            return self._marks[account][1] if account in self._marks else ""

    def note(self, account: str, mark: str) -> None:
        """Take note of a mark a script returned; one that is not further than what was seen changes nothing."""
        history, seq, _ = mark.split(" ")
        reached = (int(history), int(seq))
        with self._lock:
            if account not in self._marks or self._marks[account][0] < reached:
                self._marks[account] = (reached, mark)
                self._marks.move_to_end(account)
                if len(self._marks) > _ACCOUNTS_MAX:
                    self._marks.popitem(last=False)
