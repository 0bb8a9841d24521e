"""Opens a candidate list, whatever it is written as, and gives it in batches of accepted and rejected rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from engine.errors import Refused
from engine.intake.formats import ListFormat, recognise
from engine.intake.headers import Wanted, check_mapping
from engine.intake.physical_lines import PhysicalLines
from engine.intake.rows import Batch, Reject, Row, RowCheck
from engine.intake.sources import Source, open_source
from engine.intake.tables_csv import CsvTable
from engine.intake.tables_jsonl import JsonlTable
from engine.intake.tables_xlsx import XlsxTable

__all__ = ["Batch", "CandidateList", "ListFormat", "Reject", "Row", "open_list"]

Table = CsvTable | JsonlTable | XlsxTable


class CandidateList:
    """An opened list, read once, in order and in flat memory; closing it closes the file.

    ``columns`` are field names, 'email' at ``email_index``; ``source_columns`` the header as written, same order. Of
    people told apart by ids the addresses are not looked at, and nothing is a duplicate.
    """

    def __init__(
        self, source: Source, form: ListFormat, table: Table, lines: PhysicalLines | None, *, ids: bool = False
    ) -> None:
        self._source = source
        self._form = form
        self._table = table
        self._lines = lines
        self.columns = table.columns.fields
        self.source_columns = table.columns.written
        self.email_index = table.columns.email_index
        check = RowCheck(table.columns, newlines_are_lines=table.newlines_are_lines, ids=ids)
        self._batches = check.batches(_not_only_a_header(table.rows()))

    @property
    def format(self) -> ListFormat:
        """How the list is written, as far as it has been read."""
        return self._form if self._lines is None else replace(self._form, encoding=self._lines.encoding)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know though it is no error; complete once all batches are read."""
        if self._lines is None or self._lines.switched_at_line is None:
            return self._table.notes
        switched = f"not UTF-8 from line {self._lines.switched_at_line} on: read as {self._lines.encoding}"
        return (switched, *self._table.notes)

    @property
    def bytes_read(self) -> int:
        return self._source.bytes_read

    @property
    def bytes_total(self) -> int | None:
        """The size of the file, None where the list comes through a pipe."""
        return self._source.bytes_total

    def batches(self) -> Iterator[Batch]:
        """The rows not yet read, up to 1,000 of input a batch; blank rows are left out silently.

        Errors: Refused for a fault that spoils the list from there on (a line or a quote without end, bytes
        outside the encoding); the batches before it stand.
        """
        return self._batches

    def close(self) -> None:
        """Close the file; batches not yet read are lost. Standard input is left open."""
        self._source.close()

    def __enter__(self) -> CandidateList:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_list(
    source: str | Path,
    *,
    mapping: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    ids: bool = False,
    arrays: frozenset[str] = frozenset(),
    stdin: BinaryIO | None = None,
) -> CandidateList:
    """Open a candidate list, ``-`` for standard input, and read as far as its first row.

    ``mapping`` gives fields the columns to take them from, by the header as written (case does not matter); ``names``,
    ``ids`` and ``arrays`` are for a list of people with ids, as in ``Wanted``.
    Errors: Invalid for a file that cannot be opened ('no_file') or a bad mapping ('bad_mapping'); Refused for
    what is no list, an empty one, one without an address column or without rows.
    """
    wanted = Wanted(check_mapping(mapping), names or {}, ids, arrays)
    opened = open_source(source, stdin)
    try:
        form = recognise(opened)
        if form.encoding is None:
            return CandidateList(opened, form, XlsxTable(opened, wanted), None, ids=ids)
        lines = PhysicalLines(opened, form.encoding)
        if form.kind == "jsonl":
            return CandidateList(opened, form, JsonlTable(lines, wanted), lines, ids=ids)
        table = CsvTable(lines, wanted)
        return CandidateList(opened, replace(form, delimiter=table.delimiter), table, lines, ids=ids)
    except BaseException:
        opened.close()
        raise


def _not_only_a_header(rows: Iterator[Row | Reject]) -> Iterator[Row | Reject]:
    """The same rows, the first that is not blank already read; raises Refused where there is none."""
    for row in rows:
        if isinstance(row, Reject) or any(cell.strip() for cell in row[1]):
            return chain((row,), rows)
    raise Refused("the list has a header but no rows", code="no_rows")
