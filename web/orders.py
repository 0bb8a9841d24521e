"""Orders as they come over HTTP: their fields checked, made into what the engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.intake.rows import Reject
from web.documents_search import QUERY_BOUND
from web.problems import Problem

REJECTS_TOLD = 100

Cell = str | int | float | bool | None
Template = Annotated[str, Field(max_length=20_000)]


class OrderAsked(BaseModel):
    """What a campaign is to be, beside its list."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(
        "", max_length=120, description="the campaign's name; without it, the list's", examples=["Nurses"]
    )
    subject: Template = Field(min_length=1, examples=["A role for you, {{ first_name }}"])
    body: Template = Field(min_length=1, examples=["Hello {{ first_name }}, would you talk to us?"])
    channel: str = Field("mailbox", max_length=40)
    start_at_ms: int = Field(0, ge=0, le=2**53, description="0 or a time gone by: at once")
    map: dict[str, str] = Field(
        default_factory=dict, max_length=200, description="field → the column of the list it is read from"
    )
    strict: bool = Field(False, description="refuse the whole list when a row is bad")


class CampaignAsked(OrderAsked):
    """An order with its recipients."""

    recipients: list[dict[str, Cell | list[Cell]]] = Field(
        min_length=1, examples=[[{"email": "ana@example.org", "first_name": "Ana"}]]
    )


class SearchedAsked(OrderAsked):
    """An order whose recipients a search finds at this moment."""

    search: str = Field(
        description="a query, or the name of a saved search", examples=["nurses"], json_schema_extra=QUERY_BOUND
    )
    contacted_days: int = Field(30, ge=0, le=730, description="leave out whom the account wrote to in so many days")


class FirstRejects:
    """Keeps the first rejected rows of a list, to be told; the rest are only counted."""

    def __init__(self) -> None:
        self.first: list[dict[str, Any]] = []

    def add(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            if len(self.first) >= REJECTS_TOLD:
                return
            self.first.append({"line": reject.line, "reason": reject.reason, "detail": reject.detail[:500]})


def parse_json(body: bytes) -> Any:
    """A JSON document; raises Problem for what is none."""
    if not body.strip():
        raise Problem("bad_body", "the body is empty: send a JSON document")
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise Problem("bad_body", f"the body is not JSON: {error}"[:300]) from None


def order_asked(document: Any, kind: type[OrderAsked] = OrderAsked) -> OrderAsked:
    """The fields of an order; raises RequestValidationError naming each wrong one."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False, include_input=False)]
        raise RequestValidationError(found) from None


def of_form(fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form as those of a document; what cannot be read is left as it is, and refused with the rest."""
    made: dict[str, Any] = dict(fields)
    if "start_at_ms" in made and made["start_at_ms"].isascii() and made["start_at_ms"].isdecimal():
        made["start_at_ms"] = int(made["start_at_ms"][:20])
    if "strict" in made:
        made["strict"] = {"true": True, "false": False, "1": True, "0": False}.get(made["strict"], made["strict"])
    if "map" in made:
        with suppress(ValueError):  # told as a field of the wrong kind
            made["map"] = orjson.loads(made["map"])
    return made
