"""Cursors of pages: opaque to callers, checked when they come back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from web.problems import Problem

CHARS_MAX: Final = 600


def sealed(place: str | int | None) -> str | None:
    """A place in a list as a cursor; None where the list ends."""
    return None if place is None else urlsafe_b64encode(str(place).encode()).rstrip(b"=").decode()


def opened(cursor: str | None) -> str | None:
    """The place a cursor stands for, ASCII text; raises Problem for what is no cursor."""
    place = opened_text(cursor)
    if place is not None and not (place.isascii() and place.isprintable()):
        raise Problem("bad_cursor")
    return place


def opened_text(cursor: str | None) -> str | None:
    """The place a cursor stands for, any text; raises Problem for what is no cursor."""
    if cursor is None:
        return None
    try:
        if len(cursor) > CHARS_MAX:
            raise ValueError
        place = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        if not place:
            raise ValueError
        return place
    except ValueError:
        raise Problem("bad_cursor") from None


def opened_number(cursor: str | None, *, without: int) -> int:
    """The number a cursor stands for, ``without`` one where none is given; raises Problem."""
    place = opened(cursor)
    if place is None:
        return without
    if not (place.isdecimal() and place.isascii() and len(place) <= 12):
        raise Problem("bad_cursor")
    return int(place)
