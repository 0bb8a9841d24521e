"""From a row of a list to a profile: which columns mean what, and how their cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from engine.directory.profile import MS_MAX, YEARS_MAX, Profile, check_profile, is_profile_id
from engine.errors import Invalid
from engine.identity import digest, parse_address
from engine.intake.rows import without_controls

_NAMES: Final = {
    "id": "id candidateid profileid personid memberid externalid contactid recordid uid uuid kandidatenid",
    "years": "years yearsofexperience yearsexperience experience experienceyears totalexperience totalyearsofexperience"
    " yoe berufserfahrung jahreberufserfahrung anneesdexperience anosdeexperiencia anosdeexperiencia anniesperienza",
    "languages": "languages language languagesspoken spokenlanguages sprachen sprachkenntnisse sprache langues idiomas"
    " linguas lingue talen",
    "open_to_work": "opentowork open openforwork opentoopportunities lookingforwork lookingforjob jobseeker jobseeking"
    " availableforwork available activelylooking wechselwillig",
    "last_active": "lastactive lastactiveat lastactiveon lastactivedate lastactivity lastseen lastlogin lastvisit"
    " lastactivems zuletztaktiv",
    "consent": "consent consentgiven consenttocontact contactconsent gdprconsent maybecontacted optin optedin"
    " einwilligung consentement consentimiento",
}
NAMES: Final = {name: field for field, names in _NAMES.items() for name in names.split()}
"""The field of a header beyond those every list may have (engine/intake/header_names.py)."""

FIELDS: Final = (
    *("id", "full_name", "first_name", "last_name", "headline", "title", "company", "location", "city", "country"),
    *("skills", "industry", "years", "languages", "open_to_work", "last_active", "email", "consent"),
)
"""What a column can be for the directory; others are passed over."""
LISTS: Final = frozenset(("skills", "languages"))
"""The fields that hold several items."""
_ALSO: Final = {"name": "full_name", "address": "email", "open": "open_to_work", "active": "last_active"}
_ALSO_LISTS: Final = {"skill": "skills", "language": "languages"}

_YES: Final = frozenset(("true", "yes", "y", "1", "x", "ja", "oui", "si", "sí", "sim", "open", "on"))
_NO: Final = frozenset(("false", "no", "n", "0", "nein", "non", "não", "closed", "off"))
_YEARS = re.compile(
    r"(\d{1,2})(?:[.,]\d+)?\s*\+?\s*(?:y|yr|yrs|year|years|jahre?|ans|años|anos|anni)?\.?", re.IGNORECASE
)
_SEPARATOR = re.compile(r"[;|\n]")
_MADE_INERT = re.compile(r"'(?='*[=+\-@\t\r])")  # as engine/intake/rejects.py and exporting.py do it
_SECONDS_BELOW: Final = 100_000_000_000  # epoch ms have been above it since 1973


class BadRow(ValueError):
    """The row makes no profile; ``reason`` is a stable word, ``str(error)`` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def directory_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """A mapping of fields to columns with fields as the list reader calls them; raises Invalid for an unknown one."""
    found: dict[str, str] = {}
    for given, column in mapping.items():
        field = (_ALSO | _ALSO_LISTS).get(given, given)
        if field not in FIELDS:
            raise Invalid(f"--map {given[:60]}: no such field; there are: {', '.join(FIELDS)}", code="bad_mapping")
        if field in found:
            raise Invalid(f"--map gives {field} twice", code="bad_mapping")
        found[field] = column
    return found


class ProfileReader:
    """Makes profiles of the rows of one list, by its columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        # A field that is not there is read from a cell put behind the last one, which is empty.
        at = {field: columns.index(field) if field in columns else len(columns) for field in FIELDS}
        self._text = [at[field] for field in FIELDS[:10]]
        self._single = [at[field] for field in ("industry", "years", "open_to_work", "last_active", "email", "consent")]
        self._lists = [at["skills"], at["languages"]]

    def read(self, cells: Sequence[str]) -> Profile:
        """The profile of a row, its id made of the address where it has none of its own; raises BadRow."""
        joined, raw = "".join(cells), [*cells, ""]
        # One look at the whole row decides whether its cells need a closer one: nearly none does.
        plain = joined.isprintable() and "'" not in joined
        line = raw if plain else [*map(_line, raw)]
        (ident, full, first, last, headline, title, company, location, city, country) = [line[at] for at in self._text]
        industry, years, open_, active, email, consent = [line[at] for at in self._single]
        skills, languages = [raw[at] for at in self._lists]
        address = _address(email)
        profile = Profile(
            id=_ident(ident, address),
            name=full or f"{first} {last}".strip(),
            headline=headline,
            title=title,
            company=company,
            location=location or ", ".join(filter(None, (city, country))),
            skills=_items(skills),
            industry=industry,
            years=_years(years),
            languages=_items(languages),
            open_to_work=_yes("open to work", open_, unsaid=False),
            last_active_ms=_time(active),
            address=address,
            consent=_yes("consent", consent, unsaid=True),
        )
        try:
            check_profile(profile)
        except Invalid as error:
            raise BadRow("out_of_bounds", str(error)) from None
        return profile


def _line(cell: str) -> str:
    """A cell on one line, without the mark that keeps a spreadsheet from running it."""
    return _unmarked(cell if cell.isprintable() else " ".join(cell.split()))


def _unmarked(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _MADE_INERT.match(cell) else cell


def marked(text: str) -> str:
    """A text as a cell that is read as this text, where it begins like one that was marked."""
    return f"'{text}" if _MADE_INERT.match(text) else text


def _address(cell: str) -> str:
    if not cell:
        return ""
    try:
        return parse_address(cell)
    except Invalid as error:
        raise BadRow("bad_address", str(error)) from None


def _ident(ident: str, address: str) -> str:
    if is_profile_id(ident):
        return ident
    if ident:
        raise BadRow("bad_id", f"id {ident[:64]!r} is no id: 1 to 64 visible ASCII characters, no blanks")
    if not address:
        raise BadRow("no_id", "neither an id nor an address")
    return id_of_address(address)


def id_of_address(address: str) -> str:
    """The id of a profile that came without one: always the same for an address, and does not tell it, as whoever
    searches sees ids before they may write to anybody."""
    return f"m{digest(address).hex()}"


def _items(cell: str) -> tuple[str, ...]:
    """The items of a list in a cell, each once: a JSON array, or separated by ';', '|' or line breaks."""
    if not cell:
        return ()
    cell = _unmarked(cell)  # the cell has the mark; an item that begins so means it
    parts = _array(cell) if cell.startswith("[") and cell.endswith("]") else None
    items = [each.strip() for each in (_SEPARATOR.split(cell) if parts is None else parts)]
    if parts is not None or not cell.isprintable():
        # JSON may spell out what no cell holds by itself.
        items = [each if each.isprintable() else " ".join(without_controls(each).split()) for each in items]
    return tuple(dict.fromkeys(filter(None, items)))


def _array(cell: str) -> list[str] | None:
    try:
        found = orjson.loads(cell)
    except ValueError:
        return None
    return found if all(isinstance(item, str) for item in found) else None


def _years(cell: str) -> int | None:
    if not cell:
        return None
    if cell.isascii() and cell.isdecimal() and len(cell) <= 2 and int(cell) <= YEARS_MAX:
        return int(cell)
    match = _YEARS.fullmatch(cell)
    if not match or int(match[1]) > YEARS_MAX:
        raise BadRow("bad_years", f"years {cell[:40]!r}: give a number from 0 to {YEARS_MAX}, such as 7")
    return int(match[1])


def _yes(field: str, cell: str, *, unsaid: bool) -> bool:
    if not cell:
        return unsaid
    word = cell.casefold()
    if word not in _YES and word not in _NO:
        raise BadRow(f"bad_{field.partition(' ')[0]}", f"{field} {cell[:40]!r}: give yes or no")
    return word in _YES


def _time(cell: str) -> int:
    """Epoch ms of a date, a date with a time (UTC unless it says otherwise), epoch seconds or ms; 0 for none."""
    if not cell:
        return 0
    try:
        if cell.isascii() and cell.isdecimal():
            number = int(cell) if len(cell) < 15 else -1
            at_ms = number * 1000 if 0 <= number < _SECONDS_BELOW else number
        else:
            at = datetime.fromisoformat(cell)
            at_ms = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
        if not 0 <= at_ms <= MS_MAX:
            raise ValueError("before 1970, or long after")
    except (ValueError, OverflowError):
        raise BadRow(
            "bad_last_active", f"last active {cell[:40]!r}: give a date such as 2026-11-27, or epoch seconds"
        ) from None
    return at_ms
