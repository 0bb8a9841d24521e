"""The rows that were left out, as a CSV file the recruiter can mend and submit again."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from engine.errors import Invalid
from engine.intake.rows import Reject
from engine.output_file import OutputFile

_BELOW_ZERO: Final = re.compile(r"-[0-9]+(\.[0-9]+)?")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class TakesRejects(Protocol):
    """What the rows that were left out are given to, in the order of the list."""

    def add(self, rejects: Iterable[Reject]) -> None: ...


class RejectsFile:
    """Collects rejects in a file beside ``target``, moved into place on ``close``: it is never half written.

    No reject, no file; a pipe or a device is written through. ``counts`` has the number of rows per reason. As a
    context manager it closes at the end, and leaves nothing behind when an exception passes. Errors: Invalid('no_file')
    where it cannot be written.
    """

    def __init__(self, target: str | Path, columns: Sequence[str]) -> None:
        self.target = Path(target)
        self.counts: Counter[str] = Counter()
        self._columns = tuple(columns)
        self._file: OutputFile | None = None

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, rejects: Iterable[Reject]) -> None:
        """Write rejects, in the order given: line, reason, detail, then the row as it stood."""
        rows = [[str(r.line), r.reason, r.detail, *r.raw] for r in rejects]
        if not rows:
            return
        try:
            if self._file is None:
                self._file = self._begin()
            csv.writer(self._file.text, lineterminator="\n").writerows([map(inert, row) for row in rows])
        except OSError as error:
            self.discard()
            raise self._unwritable(error) from error
        self.counts.update(row[1] for row in rows)

    def close(self) -> Path | None:
        """Put the file in its place; gives its path, or None where there was nothing to write."""
        if self._file is None:
            return self.target if self.counts else None
        try:
            self._file.close()
        except OSError as error:
            self.discard()
            raise self._unwritable(error) from error
        self._file = None
        return self.target

    def discard(self) -> None:
        """Drop what was written, leaving an earlier file at ``target`` as it is."""
        if self._file is not None:
            self._file.discard()
            self._file = None
            self.counts.clear()

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _begin(self) -> OutputFile:
        file = OutputFile(self.target, replace_what_is_no_text=True)
        csv.writer(file.text, lineterminator="\n").writerow(map(inert, ("line", "reason", "detail", *self._columns)))
        return file

    def _unwritable(self, error: OSError) -> Invalid:
        why = (error.strerror or str(error)).lower()
        return Invalid(f"cannot write the rejects file {str(self.target)!r}: {why}", code="no_file")


def inert(cell: str) -> str:
    """A cell no spreadsheet will run as a formula; a plain number below zero is none, and stays one to add up."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not _BELOW_ZERO.fullmatch(cell) else cell
