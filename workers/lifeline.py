"""How a child process ends: when its parent is killed (on Linux the kernel sees to it, elsewhere nothing can), and in
good order however often it is asked to."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent_pid: int) -> Callable[[], None] | None:
    """What a child calls first (as ``preexec_fn``, or by itself) to get SIGTERM when its parent dies, or None.

    The system library is loaded here, in the parent, so that the call itself takes no lock.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def hold_on() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:  # it died before this could be said
            os._exit(1)

    return hold_on


def stop_once() -> None:
    """Have this process heed the first request to stop and none after it; called once its handlers are set.

    Dramatiq's worker processes end at once when they are asked again, and are asked again by whoever signals a whole
    process group, since their master passes the signal on. How long the first may take is bounded all the same.
    """
    asked = False

    def heed_first(handler: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
        def heed(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            if not asked:
                asked = True
                handler(number, frame)

        return heed

    for number in (signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(number, heed_first(handler))
