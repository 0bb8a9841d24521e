"""Addresses the account must not write to."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated

from fastapi import APIRouter, Path, Response

from engine import suppressions
from engine.identity import parse_address
from web.calls import CalledRoute, Caller
from web.cursors import opened_text, sealed
from web.documents_mailbox import SuppressionAsked, SuppressionGiven, Suppressions
from web.idempotency import once
from web.openapi import described, posted
from web.replies import given, page
from web.routes_campaigns import Cursor, Limit

router = APIRouter(prefix="/v1", tags=["suppressions"], route_class=CalledRoute)


@router.get("/suppressions", **described("suppressions:read", "no_account", "bad_cursor", model=Suppressions))
def list_suppressions(call: Caller, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The addresses the account must not write to, in order."""
    found = suppressions.suppressions(call.store, call.account)
    last = opened_text(cursor)
    start = 0 if last is None else bisect_right(found, last)
    items = found[start : start + limit]
    return page(items, sealed(items[-1]) if len(found) > start + limit else None)


@router.post(
    "/suppressions",
    **posted("suppressions:write", "no_account", "bad_address", model=SuppressionGiven, body=True),
    status_code=201,
)
@once
def add(*, call: Caller, asked: SuppressionAsked) -> Response:
    """Never write to that address again; what is queued for it is skipped."""
    new = suppressions.suppress(call.store, call.account, asked.address)
    return given({"address": parse_address(asked.address), "suppressed": True, "changed": new}, 201)


@router.delete(
    "/suppressions/{address}",
    **described("suppressions:write", "no_account", "bad_address", "stopped_by_candidate", model=SuppressionGiven),
)
def remove(call: Caller, address: Annotated[str, Path(max_length=320, examples=["ana@example.org"])]) -> Response:
    """Allow writing to an address again; nothing when that is allowed already."""
    gone = suppressions.unsuppress(call.store, call.account, address)
    return given({"address": parse_address(address), "suppressed": False, "changed": gone})
