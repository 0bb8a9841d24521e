"""One JSON object per line to rows of cells; the columns are the keys of the first objects."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import orjson

from engine.errors import Refused, one_line
from engine.intake.headers import Columns, Wanted, find_header
from engine.intake.limits import LINE_MAX_CHARS, SAMPLE_OBJECTS_MAX
from engine.intake.physical_lines import PhysicalLines
from engine.intake.rows import Reject, Row

_IGNORED_MAX: Final = 1000
_IGNORED_SHOWN: Final = 20
_KEY_SHOWN_CHARS: Final = 60
_RAW_MAX_CHARS: Final = 2000


class JsonlTable:
    """A list of JSON objects: ``columns`` from the first SAMPLE_OBJECTS_MAX of them, in first-seen order.

    A line that is no object, or holds a nested one, is a reject. Keys first seen later are left out; ``notes``
    names them once the rows are read. Errors: Refused where the first objects have no address.
    """

    newlines_are_lines = False
    delimiter = None

    def __init__(self, lines: PhysicalLines, wanted: Wanted) -> None:
        self._lines = ((number, line) for number, line in enumerate(lines, 1) if not line.isspace())
        self._ignored: dict[str, None] = {}
        self._sample: list[tuple[int, str]] = []
        keys = self._read_sample()
        self.columns: Columns = find_header(iter([(1, keys)]), wanted)
        self._position = {key: at for at, key in enumerate(keys[: len(self.columns.fields)])}
        self._arrays = {at for at, field in enumerate(self.columns.fields) if field in wanted.arrays}

    @property
    def notes(self) -> tuple[str, ...]:
        if not self._ignored:
            return ()
        names = ", ".join(one_line(key[:_KEY_SHOWN_CHARS]) for key in list(self._ignored)[:_IGNORED_SHOWN])
        more = len(self._ignored) - _IGNORED_SHOWN
        suffix = f" and {more} more" if more > 0 else ""
        return (f"fields ignored after line {self._sample[-1][0]}: {names}{suffix}",)

    def rows(self) -> Iterator[Row | Reject]:
        """The cells of every line that is not blank, in the order of the columns."""
        for number, line in chain(self._sample, self._lines):
            parsed = _parse(line)
            if isinstance(parsed, str):
                yield _bad_row(number, parsed, line)
                continue
            try:
                yield number, self._cells(parsed)
            except _NestedError as error:
                yield _bad_row(number, f"field {error} holds an object, not a text or a number", line)

    def _read_sample(self) -> list[str]:
        """Keep the first lines and give the keys of their objects, in first-seen order."""
        keys: dict[str, None] = {}
        objects = chars = 0
        for number, line in self._lines:
            self._sample.append((number, line))
            chars += len(line)
            parsed = _parse(line)
            if not isinstance(parsed, str):
                objects += 1
                keys.update(dict.fromkeys(parsed))
            if objects == SAMPLE_OBJECTS_MAX or chars > LINE_MAX_CHARS:
                break
        if not objects:
            raise Refused(
                f"line {self._sample[0][0]} and those below are no JSON objects: write one object per line (JSONL)",
                code="not_a_list",
            )
        return list(keys)

    def _cells(self, parsed: dict[str, Any]) -> list[str]:
        cells = [""] * len(self.columns.fields)
        for key, value in parsed.items():
            at = self._position.get(key)
            if at is not None:
                cells[at] = value if type(value) is str else _text(key, value, as_json=at in self._arrays)
            elif len(self._ignored) < _IGNORED_MAX:
                self._ignored[key] = None
        return cells


class _NestedError(ValueError):
    """A value that is no text, number, boolean, null, or list of these."""


def _parse(line: str) -> dict[str, Any] | str:
    """The object on a line, or what is wrong with it."""
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return f"not JSON: {error.msg} (character {error.colno})"
    return parsed if isinstance(parsed, dict) else "not a JSON object"


def _text(key: str, value: object, *, as_json: bool) -> str:
    if isinstance(value, list):
        items = [_scalar(key, item) for item in value]
        return orjson.dumps(items).decode() if as_json else "; ".join(items)
    return _scalar(key, value)


def _scalar(key: str, value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
    raise _NestedError(repr(key[:_KEY_SHOWN_CHARS]))


def _bad_row(number: int, detail: str, line: str) -> Reject:
    return Reject(number, "bad_row", detail, [line.rstrip("\n")[:_RAW_MAX_CHARS]])
