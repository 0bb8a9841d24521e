"""Seats of the account: several people on its credits, each within a cap of their own."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from engine import seats
from web.calls import Call, CalledRoute, Caller
from web.cursors import opened_text, sealed
from web.documents_seats import CapAsked, SeatAsked, SeatGiven, SeatRemoved, Seats
from web.idempotency import once
from web.openapi import described, posted
from web.replies import given, page
from web.routes_campaigns import Cursor, Limit

router = APIRouter(prefix="/v1", tags=["seats"], route_class=CalledRoute)

SeatId = Annotated[str, Path(max_length=100, description="the seat's id", examples=["ben"])]


@router.get("/seats", **described("seats:read", "no_account", "bad_cursor", model=Seats))
def list_seats(call: Caller, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The account's seats in order of their ids: cap, and what was debited for each in this month."""
    found, last = seats.of_account(call.store, call.account), opened_text(cursor)
    start = 0 if last is None else bisect_right(found, last, key=lambda seat: seat.id)
    items = found[start : start + limit]
    return page([_fields(seat) for seat in items], sealed(items[-1].id) if len(found) > start + limit else None)


@router.post(
    "/seats",
    **posted(
        "seats:write",
        *(
            "no_account",
            "no_seat",
            "bad_seat_id",
            "bad_name",
            "bad_address",
            "bad_cap",
            "seat_exists",
            "too_many_seats",
        ),
        model=SeatGiven,
        body=True,
    ),
    status_code=201,
)
@once
def add(*, call: Caller, asked: SeatAsked) -> Response:
    """Add a seat. Its key is made with inmail key create ACCOUNT --seat SEAT."""
    seats.add(call.store, call.account, asked.seat, name=asked.name, email=asked.email, cap=asked.cap_credits)
    return _given(call, asked.seat, 201)


@router.patch(
    "/seats/{seat}",
    **described("seats:write", "no_account", "no_seat", "bad_cap", model=SeatGiven, body=True),
)
def change(call: Caller, seat: SeatId, asked: CapAsked) -> Response:
    """Set a seat's cap, null for none: what it used in this month counts; its campaigns go on where it is raised."""
    seats.set_cap(call.store, call.account, seat, asked.cap_credits)
    return _given(call, seat)


@router.delete("/seats/{seat}", **described("seats:write", "no_account", "no_seat", model=SeatRemoved))
def remove(call: Caller, seat: SeatId) -> Response:
    """Take a seat away: its keys are out of force, its campaigns go on without a cap."""
    revoked = seats.remove(call.store, call.account, seat)
    return given({"seat": seat, "removed": True, "keys_revoked": revoked})


def _given(call: Call, seat: str, status: int = 200) -> Response:
    return given(_fields(seats.get(call.store, call.account, seat)), status)


def _fields(seat: seats.Seat) -> dict[str, Any]:
    return {
        "seat": seat.id,
        "name": seat.name,
        "email": seat.email,
        "cap_credits": seat.cap_credits,
        "used_credits": seat.used_credits,
        "month": seat.month,
        "created_at_ms": seat.created_at_ms,
    }
