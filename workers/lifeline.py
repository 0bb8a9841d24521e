"""A child process that ends when its parent is killed: on Linux the kernel sees to it, elsewhere nothing can."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

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
