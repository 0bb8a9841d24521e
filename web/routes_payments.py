"""Paying: where a person pays an invoice or sees to cards, and what the payment provider reports by itself."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from engine.errors import Refused
from web.calls import CalledRoute, Caller
from web.documents_billing import PaymentPage
from web.idempotency import once
from web.openapi import posted
from web.problems import Problem
from web.replies import given
from web.services import Services

router = APIRouter(prefix="/v1", tags=["billing"], route_class=CalledRoute)
webhooks = APIRouter(include_in_schema=False)

Number = Annotated[str, Path(max_length=100, description="the invoice's number", examples=["acme-0001"])]

_SIGNATURE: Final = "stripe-signature"


@router.post(
    "/invoices/{number}/checkout",
    **posted("billing:write", "no_account", "no_invoice", "no_page", "payment_refused", model=PaymentPage),
)
@once
def checkout(*, call: Caller, number: Number) -> Response:
    """The page where a person pays this invoice, and leaves a card for those to come."""
    page = call.services.collector.checkout(call.account, number)
    if page is None:
        raise Problem("no_page", "it is paid, is about to be, or is not paid over a page")
    return given({"url": page.url, "expires_at_ms": page.expires_at_ms or None})


@router.post(
    "/subscription/portal", **posted("billing:write", "no_account", "no_page", "payment_refused", model=PaymentPage)
)
@once
def portal(*, call: Caller) -> Response:
    """The page where the account's cards and receipts are seen to."""
    url = call.services.collector.portal(call.account)
    if url is None:
        raise Problem("no_page", "nothing was paid over a page yet, or payments are not taken over one")
    return given({"url": url, "expires_at_ms": None})


@webhooks.post("/webhooks/stripe")
async def stripe(request: Request) -> Response:
    """What Stripe reports. No key: its signature over the very bytes of the body says who it is.

    Whatever is not 2xx is sent again; so what is ours but cannot be recorded now is answered with a problem.
    """
    services: Services = request.app.state.services
    payload, signature = await request.body(), request.headers.get(_SIGNATURE, "")
    event = await run_in_threadpool(services.collector.provider.event, payload, signature)
    if event is not None:
        with suppress(Refused):  # told in the log; however often it were sent again, it would be no other amount
            await run_in_threadpool(services.collector.take, event)
    return Response(status_code=204)
