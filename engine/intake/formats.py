"""What kind of list a file is: its content decides, its name only breaks a tie."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

import orjson

from engine.errors import Refused
from engine.intake.encodings import guess_encoding
from engine.intake.sources import Source

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FOREIGN: Final = (
    (b"\x89PNG", "it is a PNG image"),
    (b"\xff\xd8\xff", "it is a JPEG image"),
    (b"GIF8", "it is a GIF image"),
    (b"%PDF", "it is a PDF"),
    (b"\x7fELF", "it is a program"),
    (b"{\\rtf", "it is an RTF document"),
    (b"\x1f\x8b", "it is a gzip archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is a zstd archive; unpack it first"),
    (b"PK\x05\x06", "it is an empty zip archive"),
    (_OLE, "it is an old .xls or a workbook with a password; save it as .xlsx without a password"),
)
_JUNK = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_JUNK_MAX: Final = 8  # control characters a small list may hold by accident
_JUNK_SHARE_MAX: Final = 0.02


@dataclass(frozen=True)
class ListFormat:
    """How a list is written: ``kind`` is csv, xlsx or jsonl. Only csv has a delimiter, only xlsx no encoding."""

    kind: str
    encoding: str | None
    delimiter: str | None


def recognise(source: Source) -> ListFormat:
    """Judge the head of a list (``delimiter`` still open); raises Refused where it is none, or empty."""
    head = source.head
    if head.startswith(_ZIP):
        return ListFormat("xlsx", None, None)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise _not_a_list(what)
    encoding = guess_encoding(head, whole=source.head_is_all)
    if encoding is None:
        raise _not_a_list("it is binary data")
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    text = codecs.getincrementaldecoder(codec)("replace").decode(head, source.head_is_all)
    if len(_JUNK.findall(text)) > max(_JUNK_MAX, _JUNK_SHARE_MAX * len(text)):
        raise _not_a_list("it is binary data")
    return ListFormat(_kind_of_text(text.lstrip("\ufeff \t\r\n"), source), encoding, None)


def _kind_of_text(text: str, source: Source) -> str:
    if not text and source.head_is_all:
        raise Refused("the list is empty", code="empty_list")
    if text.startswith("["):
        raise Refused("this is a JSON array; write one object per line (JSONL)", code="json_array")
    if not text.startswith("{"):
        return "csv"
    named_as_table = source.extension in {".csv", ".tsv", ".txt"}
    return "csv" if named_as_table and not _is_object(text.partition("\n")[0]) else "jsonl"


def _is_object(line: str) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except ValueError:
        return False


def _not_a_list(what: str) -> Refused:
    return Refused(f"not a CSV, XLSX or JSONL list: {what}", code="not_a_list")
