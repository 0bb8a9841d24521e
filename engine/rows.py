"""Recipients' fields, packed: one compressed blob per pack, column by column so that alike values stand together."""

from __future__ import annotations

from collections.abc import Sequence
from threading import local

import orjson
import zstandard

ERASED = "erased"
"""What stands for the address in the row of somebody who had it erased: no address, so that nobody can be it."""

_LEVEL = 6
_UNPACKED_BYTES_MAX = 128 * 1024 * 1024


class _PerThread(local):
    """zstandard's contexts may be reused but not shared between threads."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True)
        self.unpacker = zstandard.ZstdDecompressor()


_contexts = _PerThread()


def pack(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows (each a list of fields, all of one length, at least one row) as one blob."""
    assert rows, "a pack has at least one recipient"
    return _contexts.packer.compress(orjson.dumps(list(zip(*rows, strict=True))))


def unpack(blob: bytes) -> list[list[str]]:
    """The columns of a blob: ``unpack(blob)[column][row]``."""
    columns: list[list[str]] = orjson.loads(_contexts.unpacker.decompress(blob, max_output_size=_UNPACKED_BYTES_MAX))
    return columns
