"""What a person or a program sees: rich tables on a terminal, one JSON document with --json."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.errors import one_line
from engine.letters import LETTERS

# Off a terminal nobody sees an edge to wrap at, and `| grep` wants whole rows.
_OFF_TERMINAL_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200
console = Console(highlight=False, emoji=False, soft_wrap=False, width=_OFF_TERMINAL_WIDTH)
errors = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
_LEAST_REST = 12
_WIDE = 110

COLOURS = {
    "queued": "bright_black",
    "claimed": "yellow",
    "sent": "blue",
    "answered": "green",
    "declined": "magenta",
    "refunded": "cyan",
    "late": "bright_cyan",
    "failed": "red",
    "suppressed": "red",
    "pair_locked": "bright_black",
    "cancelled": "bright_black",
}


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """A plain line on stdout."""
    console.print(text, markup=False, soft_wrap=True)


def prose(text: str) -> None:
    """A sentence on stdout that breaks between words; what is to be copied out of it stands in a line of its own."""
    # Not rich's way of wrapping, which cuts a path or an address that is longer than a line.
    width = console.width if _has_edge() else len(text)
    for line in textwrap.wrap(text, max(_LEAST_REST, width), break_long_words=False, break_on_hyphens=False):
        say(line)


def warn(text: str) -> None:
    """A warning on stderr; never mixed into the output a program reads."""
    complain("warning", text)


def note(text: str) -> None:
    """A line on stderr beside what went where it was asked to go."""
    errors.print(f"inmail: {one_line(text)}", markup=False)


def complain(kind: str, text: str) -> None:
    """One line on stderr, whatever of a list or an argument it quotes."""
    errors.print(f"inmail: {kind}: {one_line(text)}", markup=False)


def when(ms: int | None) -> str:
    """A time as people read it, UTC; '–' for none."""
    if not ms:
        return "–"
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(ms: int) -> str:
    """A duration in its two largest units: '6 d 23 h', '40 s'."""
    parts: list[str] = []
    left = max(0, ms) // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        n, left = divmod(left, size)
        if n or (unit == "s" and not parts):
            parts.append(f"{n} {unit}")
    return " ".join(parts[:2])


def pairs(rows: Mapping[str, Any]) -> None:
    """Name and value, a line each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bright_black")
    grid.add_column()
    for name, value in rows.items():
        grid.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    _print_grid(grid)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """A plain table; the columns named in ``right`` are numbers. A heading may have several lines."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in columns:
        side: Literal["left", "right"] = "right" if name in right else "left"
        grid.add_column(name, justify=side, vertical="bottom", no_wrap=True, overflow="ellipsis")
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    _print_grid(grid)


def _print_grid(grid: Table) -> None:
    """Off a terminal without the spaces that fill up the last column: they stand in the way of whoever reads on."""
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as printed:
        console.print(grid)
    console.out(re.sub(r" +$", "", printed.get(), flags=re.MULTILINE), end="", highlight=False)


def listing(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = (), below: bool = False
) -> None:
    """A plain table whose columns are never cut, for ids are copied from them.

    Each row has one cell more than there are columns: free text, after them or ``below``, wrapped at the terminal's
    edge.
    """
    cells = [columns, *rows]
    widths = [max(cell_len(row[i]) for row in cells) for i in range(len(columns))]
    for n, row in enumerate(cells):
        line = Text(style="" if n else "bright_black")
        for name, cell, width in zip(columns, row, widths, strict=False):
            space = " " * (width - cell_len(cell))
            line.append(f"{space}{cell}  " if name in right else f"{cell}{space}  ")
        indent = 2 if below else line.cell_len
        rest = _wrapped(row[len(columns)] if n else "", indent)
        if not below and rest:
            line.append_text(rest.pop(0))
        line.rstrip()
        console.print(line, soft_wrap=True)
        for part in rest:
            console.print(Text(" " * indent).append_text(part), soft_wrap=True)


def narrow() -> bool:
    """Whether there is no room for free text beside the columns of a wide table."""
    return console.width < _WIDE


def fitting(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How many of a listing's columns fit beside each other, the first in any case; all where nobody sees an edge."""
    taken = 0
    for n in range(len(columns)):
        taken += max(cell_len(row[n]) for row in (columns, *rows))
        if n and taken > console.width and _has_edge():
            return n
        taken += 2
    return len(columns)


def in_a_line(*parts: Text) -> Text:
    """Parts of a line, two spaces apart; where they do not all fit, it breaks between them and not within."""
    line, taken = Text(), 0
    for part in parts:
        if taken and taken + 2 + part.cell_len > console.width:
            line.append("\n")
            taken = 0
        elif taken:
            line.append("  ")
            taken += 2
        line.append_text(part)
        taken += part.cell_len
    return line


def _has_edge() -> bool:
    return console.is_terminal or console.width != _OFF_TERMINAL_WIDTH


def _wrapped(text: str | Text, indent: int) -> list[Text]:
    """The lines free text takes up; one where nobody sees an edge."""
    if not text:
        return []
    text = text if isinstance(text, Text) else Text(text)
    if not _has_edge():
        return [text]
    lines = list(text.wrap(console, max(_LEAST_REST, console.width - indent)))
    for line in lines:
        line.rstrip()
    return lines


def plural(n: int, one: str, many: str) -> str:
    """'1 dead letter is', '2 dead letters are'."""
    return f"{n:,} {one if n == 1 else many}"


def counts_line(counts: Mapping[str, int]) -> Text:
    """The letters that occur, in words: '120 sent  30 answered'."""
    return Text("  ").join(counts_told(counts))


def counts_told(counts: Mapping[str, int]) -> list[Text]:
    """The letters that occur, each by itself: '120 sent', '30 answered'."""
    return [
        Text.assemble(
            (f"{n:,} ", f"bold {COLOURS[letter.word]}"), (letter.word.replace("_", "-"), COLOURS[letter.word])
        )
        for letter in LETTERS.values()
        if (n := counts.get(letter.word, 0))
    ]


_BAR_ORDER = (
    *("answered", "declined", "late", "refunded", "sent", "claimed"),
    *("failed", "suppressed", "pair_locked", "cancelled", "queued"),
)


def bar(counts: Mapping[str, int], width: int) -> Text:
    """A campaign's column as one coloured bar of ``width`` cells, in the order of the letters' lives."""
    total = sum(counts.values()) or 1
    text, drawn, seen = Text(), 0, 0
    for word in _BAR_ORDER:
        seen += counts.get(word, 0)
        cells = round(seen * width / total) - drawn
        drawn += cells
        text.append(("░" if word == "queued" else "█") * cells, style=COLOURS[word])
    return text
