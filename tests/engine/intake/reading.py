"""Reading a list to its end in one call, from bytes or from a path."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.intake.lists import ListFormat, Reject, Row, open_list


@dataclass
class WholeList:
    columns: tuple[str, ...]
    source_columns: tuple[str, ...]
    format: ListFormat
    notes: tuple[str, ...]
    accepted: list[Row]
    rejected: list[Reject]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(reject.line, reject.reason) for reject in self.rejected]


def read(source: bytes | str | Path, mapping: Mapping[str, str] | None = None) -> WholeList:
    """Bytes and text come over standard input, a path from the file."""
    if isinstance(source, str):
        source = source.encode()
    if isinstance(source, bytes):
        opened = open_list("-", mapping=mapping, stdin=io.BytesIO(source))
    else:
        opened = open_list(source, mapping=mapping)
    with opened as candidates:
        accepted: list[Row] = []
        rejected: list[Reject] = []
        for batch in candidates.batches():
            accepted += batch.accepted
            rejected += batch.rejected
        return WholeList(
            candidates.columns,
            candidates.source_columns,
            candidates.format,
            candidates.notes,
            accepted,
            rejected,
        )
