"""A workbook's first sheet with data to rows of text cells, each with its row number in the sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import python_calamine as calamine

from engine.errors import Refused
from engine.intake.headers import Columns, Wanted, find_header
from engine.intake.rows import Reject, Row
from engine.intake.sources import Source
from engine.intake.workbook_guard import check_workbook, damaged

_T = TypeVar("_T")


class XlsxTable:
    """The first sheet that has data, the visible ones first; formulas give the values Excel last stored.

    calamine reads a sheet as a whole: about 100 bytes a cell, empty ones included, so a
    million rows of seven cells take some 700 MB: lists of that size belong in CSV.
    Errors: Refused where the file is damaged, a bomb, locked, empty, or without an address column.
    """

    newlines_are_lines = False
    delimiter = None
    notes: tuple[str, ...] = ()

    def __init__(self, source: Source, wanted: Wanted) -> None:
        self._source = source
        path = source.as_file()
        check_workbook(path)
        self._sheet = _first_with_data(path)
        self._rows = self._read()
        self.columns: Columns = find_header(self._rows, wanted)

    def rows(self) -> Iterator[Row | Reject]:
        """The rows below the header, blank ones included."""
        return self._rows

    def _read(self) -> Iterator[Row]:
        cells = _guarded(self._sheet.iter_rows)
        total, height = self._source.bytes_total or 0, max(self._sheet.total_height + 1, 1)
        # iter_rows begins at row 1 of the sheet whatever is empty there, so counting gives the sheet's own numbers.
        for number, row in enumerate(cells, 1):
            self._source.bytes_read = max(self._source.bytes_read, total * min(number, height) // height)
            yield number, [value if type(value) is str else _text(value) for value in row]


def _first_with_data(path: Path) -> Any:
    book = _guarded(lambda: calamine.CalamineWorkbook.from_path(path))
    hidden = [sheet for sheet in book.sheets_metadata if sheet.visible != calamine.SheetVisibleEnum.Visible]
    shown = [sheet for sheet in book.sheets_metadata if sheet not in hidden]
    for info in shown + hidden:
        if info.typ == calamine.SheetTypeEnum.WorkSheet:
            sheet = _guarded(partial(book.get_sheet_by_name, info.name))
            if sheet.height and any(value != "" for row in sheet.iter_rows() for value in row):
                return sheet
    raise Refused("the list is empty: no sheet of the workbook has data", code="empty_list")


def _guarded(read: Callable[[], _T]) -> _T:
    """Call into calamine; what it raises, a Rust panic included (no Exception), becomes Refused."""
    try:
        return read()
    except calamine.PasswordError as error:
        raise Refused("the workbook has a password: save it without one", code="bad_workbook") from error
    except (calamine.CalamineError, OSError, ValueError, OverflowError) as error:
        raise damaged(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise damaged(str(error)) from None


def _text(value: object) -> str:
    """A cell as text: 3.0 is '3', a date without a time of day is the date alone."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
    return str(value)
