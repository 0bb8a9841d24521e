"""How big a list, a line, a row or a cell may be; past these a file is no candidate list, or an attack."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

COLUMNS_MAX: Final = 200
CELL_MAX_BYTES: Final = 8 * KIB  # as UTF-8
ROW_MAX_BYTES: Final = 64 * KIB  # as UTF-8, the cells together
LINE_MAX_CHARS: Final = 1 * MIB  # one physical line, or one row whose quoted cells span lines

READ_BYTES: Final = 64 * KIB  # one read from the file; also what the format is recognised from
HEADER_ROWS_MAX: Final = 20  # how far down the header is looked for
SAMPLE_OBJECTS_MAX: Final = 100  # JSONL: how many objects the columns are taken from

BATCH_ROWS_MAX: Final = 1000
BATCH_CHARS_MAX: Final = 2 * MIB  # a batch of huge rows is cut short, so that memory stays flat

WORKBOOK_FILE_MAX_BYTES: Final = 256 * MIB  # XLSX as stored
WORKBOOK_MAX_BYTES: Final = 1024 * MIB  # XLSX unpacked
WORKBOOK_RATIO_MAX: Final = 200  # unpacked to packed, per member; real sheets stay below 60
WORKBOOK_CELLS_MAX: Final = (
    2_000_000  # rows times columns, empty ones included: the reader holds them all, 100 bytes each
)
WORKBOOK_ROWS_MAX: Final = 1_048_576
