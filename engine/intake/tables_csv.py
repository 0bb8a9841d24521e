"""Delimited text to rows of cells, each with the line it starts on."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from engine.errors import Refused
from engine.intake.headers import Columns, Wanted, find_header, is_header
from engine.intake.limits import HEADER_ROWS_MAX, LINE_MAX_CHARS, READ_BYTES
from engine.intake.physical_lines import PhysicalLines
from engine.intake.rows import Reject, Row

_DELIMITERS: Final = ",;\t|"  # in this order where two fit equally
_SAMPLE_LINES_MAX: Final = 200


class CsvTable:
    """A delimited list: ``columns`` from its header, ``rows`` from what follows, in one pass.

    Errors: Refused where there is no address column, and for a quote that is never closed, naming its line.
    """

    newlines_are_lines = True

    def __init__(self, lines: PhysicalLines, wanted: Wanted) -> None:
        # Python's limit of 128 KiB a cell is per process and ends the reading; ours are stricter and reject the row.
        csv.field_size_limit(max(csv.field_size_limit(), 4 * LINE_MAX_CHARS))
        sample = _sample(lines)
        self.delimiter = guess_delimiter(sample, wanted)
        self._lines: Iterator[str] = chain(sample, lines)
        self._row_lines: list[str] = []  # the physical lines of the row being read
        self._cut_short = False
        self._cells = self._read()
        self.columns: Columns = find_header(_complete(self._cells), wanted)

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def rows(self) -> Iterator[Row | Reject]:
        """The rows below the header, blank ones included."""
        return self._cells

    def _read(self) -> Iterator[Row | Reject]:
        start = 1
        row_lines = self._row_lines
        reader = csv.reader(self._feed(), delimiter=self.delimiter, skipinitialspace=True)
        try:
            for cells in reader:
                row_lines.clear()
                if self._cut_short:
                    yield Reject(start, "bad_row", "a quote opens here and is never closed", cells)
                else:
                    yield start, cells
                start = reader.line_num + 1
        except csv.Error as error:
            raise Refused(f"line {start} cannot be read as CSV: {error}", code="bad_csv") from error

    def _feed(self) -> Iterator[str]:
        """Lines for csv.reader, which asks for more than one only while a quote is open."""
        row_lines = self._row_lines
        number = open_chars = 0
        for number, line in enumerate(self._lines, 1):
            if row_lines:
                open_chars += len(line)
                if open_chars > LINE_MAX_CHARS:
                    raise self._open_quote(number - len(row_lines))
            else:
                open_chars = len(line)
            row_lines.append(line)
            yield line
        if sum(not line.isspace() for line in row_lines) > 1:
            raise self._open_quote(number + 1 - len(row_lines))
        self._cut_short = bool(row_lines)

    def _open_quote(self, row_line: int) -> Refused:
        line = row_line + _lines_before_open_quote(self._row_lines, self.delimiter)
        return Refused(f"the quote opened on line {line} is never closed: close it, or remove it", code="open_quote")


def guess_delimiter(lines: Iterable[str], wanted: Wanted) -> str:
    """The delimiter with which a header with an address column appears, in the most cells."""
    lines = list(lines)

    def fitness(delimiter: str) -> tuple[bool, int]:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        rows = [cells for cells in islice(filter(None, reader), HEADER_ROWS_MAX) if any(cells)]
        header = next((cells for cells in rows if is_header(cells, wanted)), None)
        return header is not None, len(header) if header else max(map(len, rows), default=0)

    return max(_DELIMITERS, key=fitness)


def _sample(lines: Iterable[str]) -> list[str]:
    sample: list[str] = []
    chars = 0
    for line in islice(lines, _SAMPLE_LINES_MAX):
        sample.append(line)
        chars += len(line)
        if chars > READ_BYTES:
            break
    return sample


def _complete(rows: Iterator[Row | Reject]) -> Iterator[Row]:
    return (row for row in rows if not isinstance(row, Reject))


def _lines_before_open_quote(lines: Iterable[str], delimiter: str) -> int:
    """How many of a row's lines end before the one whose quote is still open at the end."""
    opened, quoted, cell_start, just_closed = 0, False, True, False
    for number, line in enumerate(lines):
        for char in line:
            if quoted:
                quoted = char != '"'
                just_closed = not quoted
            elif char == '"' and just_closed:  # a doubled quote: the cell goes on
                quoted = True
            elif char == '"' and cell_start:
                quoted, opened = True, number
            else:
                just_closed = False
                cell_start = char == delimiter or (cell_start and char == " ")
    return opened
