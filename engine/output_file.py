"""Writing a file that somebody names: a regular one is put in its place whole, anything else is written through."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
from pathlib import Path
from typing import Final, TextIO

_NAME_CHARS: Final = 40


def regular_place(path: Path) -> tuple[Path, os.stat_result | None] | None:
    """The regular file a path stands for, symlinks followed, and what is there now (None: nothing yet).

    None for a pipe, a device, a socket: those are written to, never replaced. Raises OSError for a folder, and where
    the path leads nowhere.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return Path(os.path.realpath(path)), None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return (Path(os.path.realpath(path)), found) if stat.S_ISREG(found.st_mode) else None


class OutputFile:
    """One file being written, through ``text``. A regular one is written beside itself and takes its name on ``close``;
    ``discard`` leaves what was there. What went through a pipe or to a device cannot be taken back. Errors: OSError.
    """

    def __init__(self, path: Path, *, replace_what_is_no_text: bool = False) -> None:
        self._part: Path | None = None
        place = regular_place(path)
        if place is None:
            # Neither made nor cut short: it is what it is.
            fd = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
        else:
            self._target, there = place
            name = f".{self._target.name[:_NAME_CHARS]}.{secrets.token_hex(6)}.part"
            self._part = self._target.with_name(name)
            fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            if there is not None:
                with contextlib.suppress(OSError):  # not everybody may give a file away
                    os.fchown(fd, there.st_uid, there.st_gid)
                with contextlib.suppress(OSError):
                    os.fchmod(fd, stat.S_IMODE(there.st_mode))
        errors = "replace" if replace_what_is_no_text else "strict"
        self.text: TextIO = io.TextIOWrapper(io.FileIO(fd, "w"), "utf-8", errors, newline="", write_through=False)

    def close(self) -> None:
        """Have all of it written, and a regular file take its place."""
        try:
            self.text.close()
            if self._part is not None:
                self._part.replace(self._target)
                self._part = None
        finally:
            self.discard()

    def discard(self) -> None:
        """Drop what was not put in its place yet."""
        with contextlib.suppress(OSError):  # a full disk: what could not be flushed is dropped with the rest
            self.text.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None
