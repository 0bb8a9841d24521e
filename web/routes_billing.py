"""The account's subscription, what it allows, its invoices. That one was paid is never said here: an operator says so,
or a payment provider."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from engine import entitlements, invoice_page, invoice_search, standing, subscriptions
from engine import preview as previews
from engine.invoices import CSV_COLUMNS, Invoice, csv_rows, get_invoice, list_invoices
from engine.plans import find_plan
from web.calls import Call, CalledRoute, Caller
from web.csv_export import csv_lines
from web.documents_billing import (
    ChangeAsked,
    Done,
    Entitlements,
    InvoiceGiven,
    Invoices,
    PreviewGiven,
    SubscribeAsked,
    SubscriptionGiven,
)
from web.idempotency import once
from web.openapi import described, posted
from web.replies import given, page

router = APIRouter(prefix="/v1", tags=["billing"], route_class=CalledRoute)

Number = Annotated[str, Path(max_length=100, description="the invoice's number", examples=["acme-0001"])]
Day = Annotated[str | None, Query(max_length=40, description="a day as 2026-12-31, by the subscription's time zone")]

_CHANGE_CODES: Final = (
    "unknown_plan",
    "free_plan",
    "not_sold_so",
    "version_sold",
    "unpaid",
    "cancelled",
    "currency",
    "refused",
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(invoice_page.STYLE.encode()).digest()).decode()
_PAGE_HEADERS: Final = {
    # Nothing is loaded and nothing runs; only the style within the page, by its hash.
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_CSV_ROWS: Final = 200


@router.get("/subscription", **described("billing:read", "no_account", "no_subscription", model=SubscriptionGiven))
def subscription(call: Caller) -> Response:
    """The subscription: where it stands, what comes next and when, what is not paid; the ended one too."""
    return given(standing.standing(call.store, call.services.offer, call.account))


@router.post(
    "/subscription",
    **posted("billing:write", "no_account", "use_change", *_CHANGE_CODES, model=Done, body=True),
    status_code=201,
)
@once
def subscribe(*, call: Caller, asked: SubscribeAsked) -> Response:
    """Begin a subscription, or take back that it was cancelled; where it stands so already nothing is changed."""
    offer = call.services.offer
    plan = find_plan(offer.plans, asked.plan)
    outcome = subscriptions.subscribe(call.store, offer, call.account, plan, annual=asked.annual)
    return _done(call, outcome, 201)


@router.post(
    "/subscription/preview",
    **posted("billing:read", "no_account", "no_subscription", *_CHANGE_CODES, model=PreviewGiven, body=True),
)
@once
def preview(*, call: Caller, asked: ChangeAsked) -> Response:
    """What moving to a plan would come to, a first one or another; changes nothing."""
    offer = call.services.offer
    plan = find_plan(offer.plans, asked.plan)
    return given(previews.preview(call.store, offer, call.account, plan, annual=asked.annual).as_dict())


@router.post(
    "/subscription/change",
    **posted("billing:write", "no_account", "no_subscription", *_CHANGE_CODES, model=Done, body=True),
)
@once
def change(*, call: Caller, asked: ChangeAsked) -> Response:
    """Change plan or cycle: to a dearer one at once, to any other at the end of the billing period."""
    offer = call.services.offer
    plan = find_plan(offer.plans, asked.plan)
    return _done(call, subscriptions.change(call.store, offer, call.account, plan, annual=asked.annual))


@router.post("/subscription/cancel", **posted("billing:write", "no_account", "no_subscription", model=Done))
@once
def cancel(*, call: Caller) -> Response:
    """Have it end with the billing period that was invoiced; one that is not paid ends at once."""
    return _done(call, subscriptions.cancel(call.store, call.services.offer, call.account))


def _done(call: Call, outcome: subscriptions.Outcome, status: int = 200) -> Response:
    sub = standing.told(call.store, call.services.offer, outcome.subscription)
    return given({"changed": outcome.changed, "subscription": sub, "invoice": outcome.invoice}, status)


@router.get("/entitlements", **described("billing:read", "no_account", model=Entitlements))
def list_entitlements(call: Caller) -> Response:
    """What the plan allows, how much of it is used, and when more of it is there by itself."""
    standing.up_to_date(call.store, call.services.offer, call.account)
    return page([one.as_dict() for one in entitlements.entitlements(call.store, call.account)], None)


@router.get("/invoices", **described("billing:read", "no_account", "bad_invoice", model=Invoices))
def invoices(
    call: Caller,
    after: Annotated[str, Query(max_length=100, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The account's invoices in order of number."""
    standing.up_to_date(call.store, call.services.offer, call.account)
    found = list_invoices(call.store, call.account, after=after, most=limit + 1)
    return page([asdict(it) for it in found[:limit]], found[limit - 1].number if len(found) > limit else None)


@router.get("/invoices.csv", **described("billing:read", "no_account", "bad_day"), response_class=StreamingResponse)
def export(call: Caller, since: Day = None, until: Day = None) -> Response:
    """The invoices issued from one day to another, both included, as CSV; amounts in major units, cells inert."""
    days = invoice_search.parse_days(since, until)
    standing.up_to_date(call.store, call.services.offer, call.account)
    found = invoice_search.search(call.store, call.account, days=days)
    headers = {"Content-Disposition": 'attachment; filename="invoices.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_lines(found), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(found: Iterator[Invoice]) -> Iterator[str]:
    yield csv_lines([CSV_COLUMNS])
    rows = csv_rows(found)
    while batch := list(islice(rows, _CSV_ROWS)):
        yield csv_lines(batch)


@router.get("/invoices/{number}", **described("billing:read", "no_invoice", model=InvoiceGiven))
def invoice(call: Caller, number: Number) -> Response:
    """One invoice."""
    return given(asdict(get_invoice(call.store, call.account, number)))


@router.get("/invoices/{number}/print", **described("billing:read", "no_invoice"), response_class=HTMLResponse)
def print_invoice(call: Caller, number: Number) -> Response:
    """The invoice as a page to read and to print: one HTML file that needs nothing else."""
    it = get_invoice(call.store, call.account, number)
    made = invoice_page.render(it, timezone=invoice_search.timezone_of(call.store, call.account))
    return HTMLResponse(made, headers=_PAGE_HEADERS)
