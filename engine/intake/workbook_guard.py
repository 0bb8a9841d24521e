"""Looks into a workbook before it is opened, so that no crafted file can fill the memory.

The reader unpacks whatever a member holds and lays out every cell between the first and the last one used: two
cells in opposite corners of a sheet would make it ask for 500 GB and abort the whole process.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from engine.errors import Refused, one_line
from engine.intake.limits import (
    MIB,
    READ_BYTES,
    WORKBOOK_CELLS_MAX,
    WORKBOOK_FILE_MAX_BYTES,
    WORKBOOK_MAX_BYTES,
    WORKBOOK_RATIO_MAX,
    WORKBOOK_ROWS_MAX,
)

_REFERENCE = re.compile(rb"""\br\s*=\s*["']\$?([A-Za-z]*)\$?([0-9]+)["']""")
_REFERENCE_MAX_BYTES: Final = 40
_WITHOUT_CELLS: Final = ("xl/sharedstrings.xml", "xl/styles.xml", "xl/media/", "xl/theme/")
_SMALL_BYTES: Final = MIB  # below this no ratio is suspicious
_LOCAL_HEADER_BYTES: Final = 30


def check_workbook(path: Path) -> None:
    """Raise Refused unless the file is an XLSX workbook that can be opened within our limits.

    Sizes are not believed as declared: every member is unpacked here once, in flat memory, and measured.
    """
    if path.stat().st_size > WORKBOOK_FILE_MAX_BYTES:
        raise _too_big()
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RecursionError) as error:
        raise damaged(str(error)) from error
    if not any(member.filename.lower().lstrip("/") == "xl/workbook.xml" for member in members):
        raise Refused(
            "not a CSV, XLSX or JSONL list: a zip archive without an Excel workbook; save the list as .xlsx or CSV",
            code="not_a_list",
        )
    if sum(member.file_size for member in members) > WORKBOOK_MAX_BYTES:
        raise _too_big()
    room = WORKBOOK_MAX_BYTES
    try:
        with path.open("rb") as file:
            for member in members:
                room -= _measure(file, member, room)
    except (OSError, ValueError, OverflowError) as error:
        raise damaged(str(error)) from error


def damaged(why: str) -> Refused:
    """The refusal of a workbook that cannot be read, with the reader's own reason."""
    why = one_line(why)[:200] or "it cannot be read"
    return Refused(f"the workbook is damaged: {why}; open it and save it again", code="bad_workbook")


def _measure(file: BinaryIO, member: zipfile.ZipInfo, room: int) -> int:
    """Unpack one member without keeping it; gives its true size in bytes."""
    if member.flag_bits & 0x1:
        raise Refused("the workbook has a password: save it without one", code="bad_workbook")
    size = 0
    reach = None if member.filename.lower().lstrip("/").startswith(_WITHOUT_CELLS) else _Reach()
    for data in _unpacked(file, member):
        size += len(data)
        if size > room or size > max(_SMALL_BYTES, WORKBOOK_RATIO_MAX * member.compress_size):
            raise _too_big()
        if reach is not None:
            reach.look(data)
    return size


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo) -> Iterator[bytes]:
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    name_bytes, extra_bytes = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    file.seek(name_bytes + extra_bytes, 1)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise damaged("it is packed in a way Excel does not use")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if member.compress_type == zipfile.ZIP_DEFLATED else None
    left = member.compress_size
    while left > 0 and not (unpacker and unpacker.eof) and (packed := file.read(min(READ_BYTES, left))):
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        while packed and not unpacker.eof:  # past its end zlib hands the same bytes back for ever
            try:
                yield unpacker.decompress(packed, READ_BYTES)
            except zlib.error as error:
                raise damaged(str(error)) from error
            packed = unpacker.unconsumed_tail


class _Reach:
    """How far to the right and down the cells of a sheet go, read from their references (``r="C12"``)."""

    def __init__(self) -> None:
        self._tail = b""
        self._column = self._row = 1

    def look(self, data: bytes) -> None:
        """Take in the next bytes of a sheet; raises Refused as soon as its cells reach too far."""
        text = self._tail + data
        self._tail = text[-_REFERENCE_MAX_BYTES:]
        found = _REFERENCE.findall(text)
        if not found:
            return
        letters = {letters for letters, _ in found}
        self._column = max(self._column, *map(_column_number, letters))
        self._row = max(self._row, *(int(digits[:12]) for _, digits in found))
        if self._row > WORKBOOK_ROWS_MAX or self._row * self._column > WORKBOOK_CELLS_MAX:
            raise Refused(
                f"the sheet reaches to row {self._row}, column {self._column}: "
                "clear what lies outside the list, or save it as CSV",
                code="workbook_too_big",
            )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[:8]:
        number = number * 26 + letter - 64
    return max(number, 1)


def _too_big() -> Refused:
    return Refused(
        f"the workbook unpacks to more than {WORKBOOK_MAX_BYTES // MIB} MiB, or far more than its size: save it as CSV",
        code="workbook_too_big",
    )
