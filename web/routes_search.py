"""Candidates of the directory as an account finds them, and its saved searches."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from engine.search import saved, searching
from web.calls import CalledRoute, Caller
from web.cursors import opened_text, sealed
from web.documents_search import QUERY_BOUND, SaveAsked, SavedGiven, SavedList, SearchGiven
from web.idempotency import once
from web.openapi import described, posted
from web.replies import given, page

router = APIRouter(prefix="/v1", tags=["candidates"], route_class=CalledRoute)

Name = Annotated[str, Path(max_length=200, description="the saved search's name", examples=["nurses"])]

_ASKED: Final = ("no_account", "bad_query", "bad_cursor", "no_index", "unanswerable")


@router.get("/candidates/search", **described("candidates:read", *_ASKED, model=SearchGiven))
def search(
    call: Caller,
    q: Annotated[str, Query(description="a query, or the name of a saved search", json_schema_extra=QUERY_BOUND)] = "",
    limit: Annotated[int, Query(ge=1, le=searching.PAGE_MAX)] = 25,
    after: Annotated[str | None, Query(max_length=600, description="`next` of the page before")] = None,
    contacted_days: Annotated[
        int,
        Query(ge=0, le=searching.CONTACTED_DAYS_MAX, description="mark whom the account wrote to within so many days"),
    ] = searching.CONTACTED_DAYS,
    facets: Annotated[bool, Query(description="count the values of all that match")] = True,
) -> Response:
    """Who matches, best first, as many as the plan shows; each with why, and what to know before writing."""
    found = searching.search(
        call.store,
        call.services.searches,
        call.account,
        saved.query_of(call.store, call.account, q),
        limit=limit,
        after=opened_text(after) or "",
        contacted_days=contacted_days,
        facets=facets,
    )
    return given(found.as_dict() | {"next": sealed(found.next)})


@router.get("/searches", **described("candidates:read", "no_account", model=SavedList))
def searches(call: Caller) -> Response:
    """The account's saved searches, by name."""
    return page([each.as_dict() for each in saved.of_account(call.store, call.account)], None)


@router.post(
    "/searches",
    **posted(
        "candidates:write", "no_account", "bad_query", "bad_name", "too_many_searches", model=SavedGiven, body=True
    ),
    status_code=201,
)
@once
def save(*, call: Caller, asked: SaveAsked) -> Response:
    """Keep a query under a name, in the place of the one before."""
    saved.save(call.store, call.account, asked.name, asked.query)
    return given(saved.get(call.store, call.account, saved.check_name(asked.name)).as_dict(), 201)


@router.get("/searches/{name}", **described("candidates:read", "no_search", model=SavedGiven))
def saved_search(call: Caller, name: Name) -> Response:
    """One saved search."""
    return given(saved.get(call.store, call.account, name).as_dict())


@router.delete("/searches/{name}", **described("candidates:write", "no_account"), status_code=204)
def forget(call: Caller, name: Name) -> Response:
    """Forget a saved search; one that is not there is forgotten already."""
    saved.remove(call.store, call.account, name)
    return Response(status_code=204)
