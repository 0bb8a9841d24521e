"""What the API takes and gives about candidates and saved searches, as the OpenAPI document tells it."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from engine.search.query import CHARS_MAX
from web.documents import Asked, Given, Ms

QUERY_BOUND: Final[dict[str, Any]] = {"maxLength": CHARS_MAX}
"""Told in the document and checked by the query's parser: what is longer is a bad query, told with the position."""


class WhyGiven(Given):
    field: str = Field(examples=["title"])
    text: str = Field(description="as the profile says it")


class MarkGiven(Given):
    kind: Literal["no_address", "opted_out", "suppressed", "open", "contacted"]
    until_ms: Ms | None = Field(description="open: when the InMail that is open falls due")
    at_ms: Ms | None = Field(description="when the account wrote to them last")


class CandidateGiven(Given):
    id: str
    name: str
    headline: str
    title: str
    company: str
    location: str
    skills: list[str]
    industry: str
    years: int | None = Field(description="of experience")
    languages: list[str]
    open_to_work: bool
    why: list[WhyGiven]
    mark: MarkGiven | None = Field(description="what to know before writing; null: nothing")


class CountGiven(Given):
    value: str
    count: int


class SearchGiven(Given):
    total: int = Field(description="how many match")
    shown: int = Field(description="how many of them the plan shows, page by page")
    cap: int | None = Field(description="the plan's limit; null: none")
    items: list[CandidateGiven]
    facets: dict[str, list[CountGiven]] = Field(description="of all that match: the most frequent values")
    next: str | None = Field(description="`after` of the next page; null: this was the last that is shown")


class SaveAsked(Asked):
    name: str = Field(min_length=1, max_length=200, examples=["nurses"])
    query: str = Field(json_schema_extra=QUERY_BOUND, examples=["title:nurse location:Berlin"])


class SavedGiven(Given):
    name: str
    query: str
    saved_at_ms: Ms


class SavedList(Given):
    items: list[SavedGiven]
    next: None = None
