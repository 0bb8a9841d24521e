"""Row by row: cells cleaned and fitted to the columns, the address normalised, what cannot be used rejected."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from engine.intake.addresses import BadAddress, is_ordinary, normalise_address
from engine.intake.duplicates import SeenAddresses
from engine.intake.headers import Columns
from engine.intake.limits import BATCH_CHARS_MAX, BATCH_ROWS_MAX, CELL_MAX_BYTES, KIB, ROW_MAX_BYTES

Row = tuple[int, list[str]]  # line, and the fields in the order of the columns

_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\u200b\u2060]")
_ONE_LINE: Final = frozenset({"first_name", "last_name", "full_name", "title", "company"})
_SURELY_SHORT_CHARS: Final = CELL_MAX_BYTES // 4  # no character takes more than four bytes
_SHOWN_CELLS_MAX: Final = 200
_SHOWN_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is left out. ``reason`` is a stable word, ``detail`` a sentence, ``raw`` the cells as they stood."""

    line: int
    reason: str
    detail: str
    raw: list[str]


@dataclass(slots=True)
class Batch:
    """What became of up to BATCH_ROWS_MAX rows of input, each part in list order."""

    accepted: list[Row] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)


class RowCheck:
    """Turns rows of one list into batches; remembers its addresses, so it is made once per list.

    With ``ids`` a row is only cleaned and fitted to the columns: its address may be missing, wrong, or there twice.
    """

    def __init__(self, columns: Columns, *, newlines_are_lines: bool, ids: bool = False) -> None:
        self._width = len(columns.fields)
        self._email = columns.email_index
        self._one_line = frozenset(at for at, name in enumerate(columns.fields) if name in _ONE_LINE)
        self._newlines_are_lines = newlines_are_lines
        self._ids = ids
        self._seen = SeenAddresses()

    def batches(self, rows: Iterator[Row | Reject]) -> Iterator[Batch]:
        """Judge the rows as they come; a batch ends after BATCH_ROWS_MAX rows, sooner where they are huge."""
        batch, count, chars = Batch(), 0, 0
        accepted, email, seen = batch.accepted, self._email, self._seen.first_line
        for row in rows:
            if count == BATCH_ROWS_MAX or chars > BATCH_CHARS_MAX:
                yield batch
                batch, count, chars = Batch(), 0, 0
                accepted = batch.accepted
            count += 1
            if isinstance(row, Reject):
                batch.rejected.append(row)
                chars += sum(map(len, row.raw))
                continue
            line, cells = row
            joined = "".join(cells)
            chars += len(joined)
            # One look at the whole row decides whether its cells need a closer one: nearly none does.
            plain = len(joined) <= _SURELY_SHORT_CHARS and joined.isprintable() and len(cells) == self._width
            if plain and self._ids:
                accepted.append((line, list(map(str.strip, cells))))
                continue
            if plain and is_ordinary(address := cells[email].strip().lower()):
                first = seen(address, line)
                if first == line:
                    fields = list(map(str.strip, cells))
                    fields[email] = address
                    accepted.append((line, fields))
                else:
                    batch.rejected.append(_duplicate(line, first, cells))
                continue
            verdict = self._look_closer(line, cells, len(joined))
            if isinstance(verdict, Reject):
                batch.rejected.append(verdict)
            elif verdict is not None:
                accepted.append((line, verdict))
        if count:
            yield batch

    def _look_closer(self, line: int, cells: list[str], chars: int) -> list[str] | Reject | None:
        """The fields of a row, or why not; None for a blank row."""
        if too_long := _too_long(cells, chars):
            return Reject(line, "row_too_long", self._with_end(too_long, line, cells), _shortened(cells))
        fields = [self._clean(at, cell) for at, cell in enumerate(cells)]
        if not any(fields):
            return None
        if len(fields) > self._width:
            if any(fields[self._width :]):
                detail = f"{len(fields)} cells where the header has {self._width}"
                return Reject(line, "too_many_cells", self._with_end(detail, line, cells), cells)
            del fields[self._width :]
        fields.extend(repeat("", self._width - len(fields)))
        if self._ids:
            return fields
        if not fields[self._email]:
            return Reject(line, "no_address", self._with_end("the address is empty", line, cells), cells)
        try:
            address = fields[self._email] = normalise_address(fields[self._email])
        except BadAddress as error:
            return Reject(line, "bad_address", self._with_end(str(error), line, cells), cells)
        first = self._seen.first_line(address, line)
        return fields if first == line else _duplicate(line, first, cells)

    def _clean(self, at: int, cell: str) -> str:
        """Without control characters but newline and tab; names keep to one line, they end up in mail headers."""
        if cell.isprintable():
            return cell.strip()
        cell = without_controls(cell)
        return " ".join(cell.split()) if at in self._one_line else cell

    def _with_end(self, detail: str, line: int, cells: list[str]) -> str:
        """A quote left open makes one row of many lines; a rejected row that runs on says so."""
        more = sum(cell.count("\n") for cell in cells) if self._newlines_are_lines else 0
        return f"{detail}; the row runs on to line {line + more}: is a quote left open?" if more > 1 else detail


def without_controls(text: str) -> str:
    """A text without control characters but newline and tab."""
    return _CONTROL.sub("", _LINE_ENDS.sub("\n", text)).strip()


def _duplicate(line: int, first: int, cells: list[str]) -> Reject:
    return Reject(line, "duplicate", f"same address as line {first}", cells)


def _too_long(cells: list[str], chars: int) -> str | None:
    if chars <= _SURELY_SHORT_CHARS:
        return None
    sizes = [len(cell.encode("utf-8", "surrogatepass")) for cell in cells]
    if sum(sizes) > ROW_MAX_BYTES:
        return f"the row is longer than {ROW_MAX_BYTES // KIB} KiB"
    if max(sizes) > CELL_MAX_BYTES:
        return f"cell {sizes.index(max(sizes)) + 1} is longer than {CELL_MAX_BYTES // KIB} KiB"
    return None


def _shortened(cells: list[str]) -> list[str]:
    """A row too long to keep, cut so that it can be told apart."""
    return [
        cell if len(cell) <= _SHOWN_CHARS_MAX else cell[:_SHOWN_CHARS_MAX] + "…" for cell in cells[:_SHOWN_CELLS_MAX]
    ]
