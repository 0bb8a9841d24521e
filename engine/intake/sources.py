"""The bytes of a list, from a file or a stream: its head to recognise it by, the rest in flat memory."""

from __future__ import annotations

import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from engine.errors import Invalid, Refused
from engine.intake.limits import MIB, READ_BYTES, WORKBOOK_FILE_MAX_BYTES


class Source:
    """An opened list; ``read`` gives its bytes once, in order, the head included.

    ``bytes_read`` counts what was consumed so far; ``bytes_total`` is None where the end cannot be known (a pipe).
    """

    def __init__(self, stream: BinaryIO, *, name: str, path: Path | None, bytes_total: int | None) -> None:
        self.name = name
        self.bytes_total = bytes_total
        self.bytes_read = 0
        self._stream = stream
        self._path = path
        self._owned = path is not None
        self._spool: str | None = None
        self.head = self._fill_head()
        self._head_given = False

    @property
    def extension(self) -> str:
        """The name's ending in lower case with its dot, or an empty string."""
        return Path(self.name).suffix.lower()

    @property
    def head_is_all(self) -> bool:
        return len(self.head) < READ_BYTES

    def read(self) -> bytes:
        """The next bytes, at most READ_BYTES; empty at the end."""
        if not self._head_given:
            self._head_given = True
            data = self.head
        else:
            data = b"" if self.head_is_all else self._read(READ_BYTES)
        self.bytes_read += len(data)
        return data

    def as_file(self) -> Path:
        """A path whose content can be read at random; a stream is written to a temporary file first."""
        if self._path is not None and self.bytes_total is not None:
            return self._path
        with tempfile.NamedTemporaryFile(prefix="inmail-list-", suffix=".xlsx", delete=False) as spool:
            self._spool = spool.name
            size = 0
            while data := self.read():
                size += len(data)
                if size > WORKBOOK_FILE_MAX_BYTES:
                    raise Refused(
                        f"the workbook is larger than {WORKBOOK_FILE_MAX_BYTES // MIB} MiB: save it as CSV",
                        code="workbook_too_big",
                    )
                spool.write(data)
        return Path(self._spool)

    def close(self) -> None:
        """Close what was opened here (never a stream that was passed in) and remove the temporary file."""
        if self._owned:
            self._stream.close()
        if self._spool is not None:
            Path(self._spool).unlink(missing_ok=True)
            self._spool = None

    def _fill_head(self) -> bytes:
        head = bytearray()
        while len(head) < READ_BYTES and (data := self._read(READ_BYTES - len(head))):
            head += data
        return bytes(head)

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size) or b""
        except (OSError, ValueError) as error:
            raise Invalid(f"cannot read {self.name}: {_why(error)}", code="no_file") from error


def open_source(source: str | Path, stdin: BinaryIO | None = None) -> Source:
    """Open a path, or standard input for ``-``; raises Invalid('no_file') where that cannot be done."""
    if str(source) == "-":
        return Source(stdin or sys.stdin.buffer, name="standard input", path=None, bytes_total=None)
    path = Path(source)
    shown = str(source)[:200]
    try:
        if not str(source).strip():
            raise Invalid("no file is named: give the list's path, or - for standard input", code="no_file")
        if path.is_dir():
            raise Invalid(f"{shown!r} is a folder: name the list inside it", code="no_file")
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise Invalid(f"there is no file {shown!r}", code="no_file") from error
    except (OSError, ValueError) as error:
        raise Invalid(f"cannot open {shown!r}: {_why(error)}", code="no_file") from error
    try:
        info = path.stat()
        size = info.st_size if stat.S_ISREG(info.st_mode) else None
        return Source(stream, name=path.name, path=path, bytes_total=size)
    except BaseException:
        stream.close()
        raise


def _why(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason.lower()
