"""What the routes of seats take and give; see web/documents.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.credits import GRANT_CREDITS_MAX
from web.documents import Asked, Given, Ms

Cap = Annotated[
    int | None, Field(ge=0, le=GRANT_CREDITS_MAX, description="credits a month, null: no cap", examples=[50])
]


class SeatAsked(Asked):
    seat: str = Field(min_length=1, max_length=40, pattern="^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", examples=["ben"])
    name: str = Field(min_length=1, max_length=120, examples=["Ben Novak"])
    email: str = Field(
        min_length=3, max_length=320, examples=["ben@example.org"], json_schema_extra={"format": "email"}
    )
    cap_credits: Cap = None


class CapAsked(Asked):
    cap_credits: Cap


class SeatGiven(Given):
    seat: str = Field(examples=["ben"])
    name: str
    email: str
    cap_credits: int | None = Field(description="credits a month, null: no cap")
    used_credits: int = Field(description="debited for its campaigns in this month")
    month: str = Field(description="the subscription's month, such as 's1.3'; '' without one")
    created_at_ms: Ms


class Seats(Given):
    items: list[SeatGiven]
    next: str | None


class SeatRemoved(Given):
    seat: str
    removed: Literal[True]
    keys_revoked: int
