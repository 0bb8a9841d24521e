"""The embedded Redis: one private server per data directory, found when it runs, started for as long as it is needed.

Whoever uses it holds a lock; ``workers.redis_guard`` ends the server when the last lock is gone, however it went.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

from engine.errors import Invalid, Refused, Unavailable
from workers import redis_guard
from workers.redis_choice import KINDS, choose
from workers.redis_guard import GUARD_LOCK, LOG, USERS_LOCK, State, lock

_LOG_LINE = re.compile(r"\d+:[A-Z] \d.*?:\d\d\.\d+ ([-.*#]) (.*)")
_Condition = Literal["absent", "starting", "loading", "ready"]


@dataclass(frozen=True)
class ServerInfo:
    """A server that answers. ``started_here``: this attach started it; not ``persistent``: nothing is kept."""

    url: str
    kind: str
    version: str
    pid: int
    started_here: bool
    persistent: bool


class EmbeddedRedis:
    """A use of the data directory's server, from attach() to detach() or the end of the process.

    A process forked in between is a user, too, until it ends or detaches.
    """

    def __init__(self, data_dir: Path, *, prefer: str = "auto", start_timeout_s: float = 20) -> None:
        if prefer not in KINDS:
            raise Invalid(f"embedded Redis {prefer!r}: choose one of {', '.join(KINDS)}")
        self._place, self._prefer, self._timeout_s = Path(data_dir).resolve(), prefer, start_timeout_s
        self._users: int | None = None

    def attach(self) -> ServerInfo:
        """Find the server or start one; it runs at least until detach(). While attached: revives one that died.

        Errors: Unavailable (cannot start, does not answer, directory not usable; one line says why), Refused (the
        data is not for the server there is, or a kind not preferred runs). Loading does not count as start time.
        """
        held = self._users is not None
        try:
            if not held:
                _make(self._place)
                self._users = lock(self._place / USERS_LOCK, fcntl.LOCK_SH, self._timeout_s)
            if self._users is None:
                raise Unavailable(f"the Redis in {self._place} is still shutting down; try again")
            state, started_here = self._ensure()
            if self._prefer not in ("auto", state.kind):
                raise Refused(f"a {state.kind} Redis, not {self._prefer}, runs in {self._place}; stop its users first")
            return _info(state, started_here=started_here)
        except BaseException as error:
            if not held:
                self.detach()
            if isinstance(error, OSError):
                raise _unusable(self._place, error) from error
            raise

    def detach(self) -> None:
        """Stop using the server; it ends at once if nobody else does. Twice is once."""
        if self._users is not None:
            os.close(self._users)
            self._users = None

    @property
    def handle(self) -> int | None:
        """The descriptor whose lock is this use: a process it is handed down to is a user, too."""
        return self._users

    def __enter__(self) -> ServerInfo:
        return self.attach()

    def __exit__(self, *_: object) -> None:
        self.detach()

    def _ensure(self) -> tuple[State, bool]:
        """A state that answers, and whether this call began it. The users lock is held: no guard ends it meanwhile."""
        began, log_from, until = False, 0, time.monotonic() + self._timeout_s
        while True:
            condition, state = _look(self._place)
            if state is not None:
                return state, began
            if condition == "loading":
                until = time.monotonic() + self._timeout_s
            elif condition == "absent" and began:
                raise Unavailable(f"the Redis in {self._place} does not start: {_why(self._place, log_from)}")
            elif condition == "absent":
                began, log_from = self._begin()
            if time.monotonic() > until:
                raise Unavailable(
                    f"the Redis in {self._place} gave no answer in {self._timeout_s:g} s; see {LOG} there"
                )
            time.sleep(0.002)

    def _begin(self) -> tuple[bool, int]:
        """Start a guard and with it the server; whether ours came first, and where in the log its lines begin."""
        kind, version, path, command = choose(self._prefer, self._place)
        guard = [sys.executable, "-I", "-S", redis_guard.__file__, str(self._place), kind, version, path]
        log = os.open(self._place / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        log_from = os.fstat(log).st_size
        try:
            # A session of its own: Ctrl-C in this terminal is for us. No descriptor goes along: a guard is no user.
            ended = subprocess.run(
                [*guard, str(self._timeout_s), *command],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                timeout=self._timeout_s + 5,
            ).returncode
        except subprocess.TimeoutExpired:
            ended = 1
        finally:
            os.close(log)
        if ended not in (0, redis_guard.LOST):
            raise Unavailable(f"the Redis in {self._place} does not start: {_why(self._place, log_from)}")
        return ended == 0, log_from


class SoleUse:
    """One at a time per Redis, for `inmail up`: held from enter to exit or the end of the process.

    ``of`` names a Redis that is not the data directory's own: each has a lock of its own there.
    """

    def __init__(self, data_dir: Path, of: str = "") -> None:
        self._place = Path(data_dir).resolve()
        self._lock = f"up-{sha256(of.encode()).hexdigest()[:12]}.lock" if of else "up.lock"
        self._mend = "stop it there" if of else "stop it there or use another INMAIL_DATA_DIR"
        self._handle: int | None = None

    def __enter__(self) -> Self:
        """Take the place; Refused when another process has it, Unavailable when the directory is not usable."""
        path = self._place / self._lock
        try:
            _make(self._place)
            self._handle = lock(path, fcntl.LOCK_EX, 0)
            if self._handle is None:
                holder = path.read_text() or "just now"
                raise Refused(f"already running here: {holder}; {self._mend}")
            os.ftruncate(self._handle, 0)
            os.write(self._handle, f"pid {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC".encode())
        except OSError as error:
            self.__exit__()
            raise _unusable(self._place, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def running(data_dir: Path) -> ServerInfo | None:
    """The server of a data directory if it answers; a look only: nothing is made, started or waited for."""
    state = _look(Path(data_dir).resolve())[1]
    return _info(state, started_here=False) if state is not None else None


def _look(place: Path) -> tuple[_Condition, State | None]:
    """How things stand, and the state of a server that is ready: the guard's lock and the server's answer tell."""
    try:
        probe = os.open(place / GUARD_LOCK, os.O_RDONLY)
    except OSError:
        return "absent", None
    try:
        fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return "absent", None  # even where a server answers: its guard was killed, and it is on its way out
    except BlockingIOError:
        pass
    finally:
        os.close(probe)
    state = redis_guard.read_state(place)
    try:
        answer = redis_guard.ask(state, b"PING", 1.0) if state else b""
    except OSError:
        answer = b""
    if answer.startswith(b"-LOADING"):
        return "loading", None
    # Other refusals (-BUSY with a script, -MISCONF with a full disk) come from a server that runs.
    return ("ready", state) if answer else ("starting", None)


def _info(state: State, *, started_here: bool) -> ServerInfo:
    return ServerInfo(state.url, state.kind, state.version, state.pid, started_here, persistent=state.kind != "fake")


def _make(place: Path) -> None:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)


def _unusable(place: Path, error: OSError) -> Unavailable:
    return Unavailable(f"the data directory {place} cannot be used: {error.strerror or error}")


def _why(place: Path, log_from: int) -> str:
    """The last line of the log since ``log_from`` that tells why a server did not start, without its pid and time."""
    free_bytes = shutil.disk_usage(place).free
    if free_bytes == 0:
        return "no space left on the disk"  # what the log says then was cut off before the reason
    written = (place / LOG).read_bytes()
    why = "nothing in the log says why" if free_bytes > 1_000_000 else "hardly any space left on the disk"
    for line in written[log_from if log_from <= len(written) else 0 :].decode(errors="replace").splitlines():
        found = _LOG_LINE.match(line)
        if found is None:
            why = line.strip() or why  # the guard's own, or of a command line refused
        elif found[1] == "#" and "WARNING" not in line and "Exiting" not in line:
            why = found[2]
    return why
