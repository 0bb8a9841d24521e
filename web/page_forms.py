"""What a page's form sends: read within bounds, and only what the page itself offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

BODY_BYTES_MAX: Final = 32_768
"""A text of 2,000 characters, each written as %XX four times over, and the other fields."""
_FIELDS_MAX: Final = 20
_BLANK: Final = 32
"""The first character that is none of the control characters."""
_FORM: Final = "application/x-www-form-urlencoded"


class BadForm(Exception):
    """What came is no form of ours: too long, of another kind, a field twice."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one form."""

    fields: dict[str, str]

    def word(self, name: str) -> str:
        """A one-line field without outer blanks; '' where it is missing."""
        return " ".join(self.fields.get(name, "").split())

    def text(self, name: str = "text") -> str:
        """A text of several lines, as its writer sees it: browsers send line ends as CR LF."""
        lines = self.fields.get(name, "").replace("\r\n", "\n").replace("\r", "\n").strip()
        return "".join(char for char in lines if char in "\n\t" or ord(char) >= _BLANK)


async def read_form(request: Request) -> Form:
    """The form a request carries. Raises BadForm."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _read(request)
    if body and kind != _FORM:
        raise BadForm
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError:  # not ASCII, not UTF-8, too many fields
        raise BadForm from None
    fields = dict(pairs)
    # Of two answers in one form neither is the one meant.
    if len(fields) != len(pairs):
        raise BadForm
    return Form(fields)


async def _read(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise BadForm
    except ClientDisconnect:
        raise BadForm from None
    return body
