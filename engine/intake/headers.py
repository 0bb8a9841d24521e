"""From the header a recruiter wrote to field names: found, mapped, made canonical and unique."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import Invalid, Refused, one_line
from engine.intake.header_names import ADDRESS_RANK, FIELD_OF
from engine.intake.limits import COLUMNS_MAX, HEADER_ROWS_MAX

EMAIL: Final = "email"
ID: Final = "id"
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_NAME_MAX_CHARS: Final = 60
_SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a list: ``fields`` as the engine calls them, ``written`` as the header does, same order.

    ``email_index`` is -1 where there is no address column, which only a list of people with ids can do without.
    """

    fields: tuple[str, ...]
    written: tuple[str, ...]
    email_index: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is read for. ``mapping``: fields whose column was named by hand, by its key (``check_mapping``).

    ``names``: fields beyond the usual, by a header without case, accents and punctuation. ``ids``: people may be told
    apart by an id, so that a list may lack an address column, or a row its address. ``arrays``: fields in whose cells
    an array stays one, as JSON, because its items are to be told apart whatever stands in them.
    """

    mapping: Mapping[str, str]
    names: Mapping[str, str]
    ids: bool
    arrays: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields that tell people apart."""
        return (EMAIL, ID) if self.ids else (EMAIL,)


def slug(text: str, position: int) -> str:
    """Snake case of a header, as [a-z][a-z0-9_]*; ``column_N`` (from 1) where nothing is left of it."""
    folded = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text.strip()))
    plain = "".join(char for char in folded if not unicodedata.combining(char)).replace("ß", "ss").lower()
    name = _OTHER.sub("_", plain)[:_NAME_MAX_CHARS].strip("_")
    if not name:
        return f"column_{position}"
    return f"field_{name}" if name[0].isdigit() else name


def check_mapping(mapping: Mapping[str, str] | None) -> dict[str, str]:
    """Take a mapping of field to column header; raises Invalid for a bad field name or a column named twice."""
    taken: dict[str, str] = {}
    for field, column in (mapping or {}).items():
        if not _FIELD.fullmatch(field):
            raise Invalid(
                f"field name {field[:60]!r} in --map is not usable: lower-case letters, digits and '_', "
                "beginning with a letter",
                code="bad_mapping",
            )
        other = taken.setdefault(_key(column), field)
        if other != field:
            named = column[:_NAME_MAX_CHARS]
            raise Invalid(f"--map gives column {named!r} to both {other!r} and {field!r}", code="bad_mapping")
    return {field: column for column, field in taken.items()}


def is_header(cells: Sequence[str], wanted: Wanted) -> bool:
    """Whether a row holds an address column (or, where that will do, an id): the mapped one, or one named like it."""
    mapped = {wanted.mapping[key] for key in wanted.keys if key in wanted.mapping}
    if mapped:
        return mapped <= {_key(cell) for cell in cells}
    if wanted.ids and any(wanted.names.get(_compact(cell)) == ID for cell in cells):
        return True
    return any(_address_rank(cell) is not None for cell in cells)


def find_header(rows: Iterator[tuple[int, list[str]]], wanted: Wanted) -> Columns:
    """Read rows up to and including the header, the first row with an address column, and name its columns.

    Errors: Refused where none of the first rows has one, saying which columns were seen; Invalid where the
    mapping names a column that is not there.
    """
    seen: list[list[str]] = []
    for _, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if is_header(cells, wanted):
            return name_columns(cells, wanted)
        seen.append(cells)
        if len(seen) == HEADER_ROWS_MAX:
            break
    if not seen:
        raise Refused("the list is empty", code="empty_list")
    raise _no_address_column(seen, wanted)


def name_columns(header: Sequence[str], wanted: Wanted) -> Columns:
    """Name every column of a header, one of which tells people apart; names are unique and fit [a-z][a-z0-9_]*."""
    written = [" ".join(cell.split()) for cell in header]
    while len(written) > COLUMNS_MAX and not written[-1]:
        written.pop()
    if len(written) > COLUMNS_MAX:
        raise Refused(f"the list has {len(written)} columns; {COLUMNS_MAX} are the most", code="too_many_columns")
    fields = _mapped(written, wanted.mapping)
    if EMAIL not in fields.values():
        ranks = [(rank, at) for at, cell in enumerate(written) if (rank := _address_rank(cell)) is not None]
        free = [(rank, at) for rank, at in ranks if at not in fields]
        if free:
            fields[min(free)[1]] = EMAIL
        elif not wanted.ids:
            raise _no_address_column([written], wanted)
    taken = set(fields.values())
    for at, cell in enumerate(written):
        if at not in fields:
            fields[at] = _unused(_detect(cell, at + 1, wanted.names), taken)
            taken.add(fields[at])
    names = tuple(fields[at] for at in range(len(written)))
    return Columns(names, tuple(written), names.index(EMAIL) if EMAIL in names else -1)


def _mapped(written: Sequence[str], mapping: Mapping[str, str]) -> dict[int, str]:
    position = {_key(cell): at for at, cell in reversed(list(enumerate(written)))}
    for field, column in mapping.items():
        if column not in position:
            raise _unknown_column(field, column, written)
    return {position[column]: field for field, column in mapping.items()}


def _detect(cell: str, position: int, names: Mapping[str, str]) -> str:
    compact = _compact(cell)
    return names.get(compact) or FIELD_OF.get(compact) or slug(cell, position)


def _unused(name: str, taken: set[str]) -> str:
    unused, count = name, 1
    while unused in taken:
        count += 1
        unused = f"{name}_{count}"
    return unused


def _address_rank(cell: str) -> int | None:
    return ADDRESS_RANK.get(_compact(cell))


def _compact(cell: str) -> str:
    if len(cell) > _NAME_MAX_CHARS:
        return ""
    folded = unicodedata.normalize("NFKD", cell.casefold())
    # Marks go only from Latin letters: in Japanese and Cyrillic they are part of the letter once composed again.
    kept = "".join(c for c in folded if c.isalnum() or (unicodedata.combining(c) and not c.isascii()))
    composed = unicodedata.normalize("NFC", kept)
    plain = "".join(c for c in folded if c.isalnum())
    return composed if composed in ADDRESS_RANK or composed in FIELD_OF else plain


def _key(cell: str) -> str:
    return " ".join(cell.split()).casefold()


def _shown(cells: Sequence[str]) -> str:
    names = [one_line(cell)[:_NAME_MAX_CHARS] for cell in cells if cell.strip()]
    more = f" and {len(names) - _SHOWN_MAX} more" if len(names) > _SHOWN_MAX else ""
    return (", ".join(names[:_SHOWN_MAX]) or "none") + more


def _unknown_column(field: str, column: str, cells: Sequence[str]) -> Invalid:
    named = one_line(column)[:_NAME_MAX_CHARS]
    return Invalid(f"--map {field}={named}: there is no such column; the list has {_shown(cells)}", code="bad_mapping")


def _no_address_column(seen: Sequence[Sequence[str]], wanted: Wanted) -> Invalid | Refused:
    likely = max(seen, key=lambda cells: sum(bool(cell.strip()) for cell in cells))
    for key in wanted.keys:
        if key in wanted.mapping and wanted.mapping[key] not in {_key(cell) for cell in likely}:
            return _unknown_column(key, wanted.mapping[key], likely)
    if any("@" in cell for cell in seen[0]):
        mend = "put a header line with the column names above the rows"
    else:
        mend = " or ".join(f"--map {key}=COLUMN" for key in wanted.keys)
        mend = f"name it with {mend}"
    sought = "neither an address nor an id column" if wanted.ids else "no address column"
    return Refused(f"{sought} among: {_shown(likely)}; {mend}", code="no_address_column")
