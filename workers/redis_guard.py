"""The guard: keeps one Redis server alive for as long as anybody uses its data directory, then ends it cleanly.

A program of its own, run by file name with the standard library only (``python -I -S``), so that it is up within
milliseconds. Three lock files say who is alive; the kernel drops a lock with its last holder, kill -9 included:

- ``redis.users.lock``   shared by every user; the guard gets it exclusively exactly when the last one is gone
- ``redis.guard.lock``   held by the guard: whoever gets it starts the server, so there is never a second
- ``redis.server.lock``  held by guard and server: a server that outlived its guard keeps its data to itself
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

USERS_LOCK, GUARD_LOCK, SERVER_LOCK = "redis.users.lock", "redis.guard.lock", "redis.server.lock"
STATE, SOCKET, DATA, LOG = "redis.json", "redis.sock", "redis-data", "redis.log"
LOST = 75
"""Exit code of a guard that found another at work."""

_POLITE_S = 10.0  # how long a server may take to end before it is killed; what it acknowledged is in its file anyway
_LOG_BYTES_MAX = 1_000_000  # past that a start begins the log anew
_PR_SET_PDEATHSIG = 1


class State(NamedTuple):
    """What redis.json says of the running server; ``socket`` is empty for a server on a loopback ``port``."""

    url: str
    pid: int
    guard_pid: int
    kind: str
    version: str
    started_at_ms: int
    socket: str
    port: int


def lock(path: Path, how: int, within_s: float) -> int | None:
    """Open ``path``, made if missing, and flock it; its descriptor, or None when others hold it for ``within_s``.

    To be let go by os.close only: LOCK_UN would also take it from processes forked since, which are users too.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + within_s
    try:
        while True:
            try:
                fcntl.flock(handle, how | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    os.close(handle)
                    return None
            time.sleep(0.002)
    except OSError:  # a file system without locks
        os.close(handle)
        raise


def read_state(place: Path) -> State | None:
    """The state file of a data directory, or None where there is none that can be read."""
    try:
        return State(**json.loads((place / STATE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def ask(state: State, command: bytes, within_s: float) -> bytes:
    """Send one inline command; the first line of the answer, empty when the server hung up instead; OSError."""
    family = socket.AF_UNIX if state.socket else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.settimeout(within_s)
        line.connect(state.socket or ("127.0.0.1", state.port))
        line.sendall(command + b"\r\n")
        answer = b""
        while not answer.endswith(b"\n") and (more := line.recv(4096)):
            answer += more
        return answer


def main(arguments: list[str]) -> int:
    """Become the guard of a data directory: DIR KIND VERSION SOCKET WITHIN_S COMMAND….

    An empty SOCKET: the command gets a listening socket handed down, and its descriptor and the guard's pid as words.
    Returns as soon as the guard runs, detached, and holds its lock; LOST when there is another; 1 with the reason
    as the last line on stderr.
    """
    place, (kind, version, path, within_s), command = Path(arguments[0]), arguments[1:5], arguments[5:]
    os.umask(0o077)
    # Waits a moment: those who only look whether a guard lives hold the lock for an instant, too.
    guard_lock = lock(place / GUARD_LOCK, fcntl.LOCK_EX, 0.2)
    if guard_lock is None:
        return LOST
    server_lock = _sole_server(place, float(within_s))
    if server_lock is None:
        return 1
    if os.fstat(2).st_size > _LOG_BYTES_MAX:
        os.ftruncate(2, 0)
    _clear(place)
    (place / DATA).mkdir(mode=0o700, exist_ok=True)
    folder = Path(path).parent if path else place
    if folder != place and not _private(folder):
        _say(f"{folder}, for the socket, belongs to somebody else; use a data directory with a shorter path")
        return 1
    users = os.open(place / USERS_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if os.fork():
        os._exit(0)  # the locks stay with the child, which is nobody's child: no zombie where a user lives long
    server, port = _launch(command, path, server_lock)
    url = f"unix://{quote(path)}?db=0" if path else f"redis://127.0.0.1:{port}/0"
    now_ms = time.time_ns() // 1_000_000
    _watch(place, State(url, server.pid, os.getpid(), kind, version, now_ms, path, port), server, guard_lock, users)
    return 0


def _sole_server(place: Path, within_s: float) -> int | None:
    """The server lock; a server whose guard was killed is asked to end first, over its own socket, never by pid."""
    handle = lock(place / SERVER_LOCK, fcntl.LOCK_EX, 0)
    if handle is not None:
        return handle
    state = read_state(place)
    if state is not None:
        with suppress(OSError):  # it may be ending already; the lock tells
            ask(state, b"SHUTDOWN", 1.0)
    handle = lock(place / SERVER_LOCK, fcntl.LOCK_EX, within_s)
    if handle is None:
        who = f"pid {state.pid}" if state else "see redis.log"
        _say(f"a Redis of an earlier start ({who}) still holds {place} and does not end; end it by hand")
    return handle


def _private(folder: Path) -> bool:
    """Make a folder where everybody may make some, and see that it is ours alone: a stranger may have been quicker."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _launch(command: list[str], path: str, server_lock: int) -> tuple[subprocess.Popen[bytes], int]:
    """The server, started, and its port (0: it listens on the socket ``path``)."""
    with socket.socket() as handed:
        words, fds, port = [*command], [server_lock], 0
        if not path:
            # Bound here and handed down, so that no one else can get the port in between.
            handed.bind(("127.0.0.1", 0))
            handed.listen(128)
            port = handed.getsockname()[1]
            words += [str(handed.fileno()), str(os.getpid())]
            fds.append(handed.fileno())
        server = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - no thread runs yet
        )
    return server, port


def _dying_with(guard_pid: int) -> Any:
    """What the server's process does before it becomes the server: it asks to be ended when the guard dies (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    libc = ctypes.CDLL(None)

    def before_exec() -> None:
        # The signal is tied to the forking thread: here the guard's main one, which lives as long as the guard.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != guard_pid:
            os._exit(1)

    return before_exec


def _watch(place: Path, state: State, server: subprocess.Popen[bytes], guard_lock: int, users: int) -> None:
    """Until the server has ended: because nobody uses it any more, or of itself."""
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: server.terminate())
    try:
        draft = place / f"{STATE}.new"
        draft.write_text(json.dumps(state._asdict()))
        draft.replace(place / STATE)
        threading.Thread(target=_end_when_unused, args=(place, state, server, guard_lock, users), daemon=True).start()
        if server.wait() < 0 and server.returncode != -signal.SIGTERM:  # past 0 it has told the log itself
            _say(f"the server (pid {state.pid}) was ended by signal {-server.returncode}")
    finally:
        server.terminate()
        server.wait()
        if not _replaced(place, guard_lock):
            _clear(place)


def _end_when_unused(place: Path, state: State, server: subprocess.Popen[bytes], guard_lock: int, users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)
    # From here nobody new gets in until this process has ended, and the server before it.
    if _replaced(place, guard_lock):
        server.kill()  # a clean end would remove the socket of the server that has the place now
        return
    try:
        refused = ask(state, b"SHUTDOWN", 1.0).startswith(b"-")
    except OSError:
        refused = True
    if refused:
        server.terminate()
    threading.Event().wait(_POLITE_S)
    server.kill()


def _replaced(place: Path, guard_lock: int) -> bool:
    """Whether the data directory was deleted, and perhaps made anew, under this guard."""
    try:
        return not os.path.samestat(os.fstat(guard_lock), (place / GUARD_LOCK).stat())
    except OSError:
        return True


def _clear(place: Path) -> None:
    """Remove what a server leaves behind; only the holder of the guard lock may."""
    state = read_state(place)
    path = Path(state.socket) if state and state.socket else place / SOCKET
    for left in (place / STATE, place / SOCKET, path):
        left.unlink(missing_ok=True)
    if path.parent != place:
        with suppress(OSError):  # gone already, or something of somebody else is in it
            path.parent.rmdir()


def _say(text: str) -> None:
    os.write(2, f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
