"""CSV for people: what a spreadsheet would take for a formula is inert."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from engine.intake.rejects import inert


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV text."""
    out = io.StringIO()
    csv.writer(out).writerows([inert(cell) for cell in row] for row in rows)
    return out.getvalue()
