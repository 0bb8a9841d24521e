"""Campaigns: look at them, at their recipients, steer them, take them home as CSV. Submitting is routes_submit's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from engine import campaigns
from engine.answers import parse_answer
from engine.errors import NotFound, Refused
from engine.identity import account_of
from engine.letters import BY_WORD
from web.calls import Call, CalledRoute, Caller
from web.csv_export import csv_lines
from web.cursors import opened_number, sealed
from web.documents import CampaignGiven, Campaigns, Recipients, Steered
from web.idempotency import once
from web.openapi import described, posted
from web.problems import Problem
from web.replies import given, page

router = APIRouter(prefix="/v1", tags=["campaigns"], route_class=CalledRoute)

CampaignId = Annotated[str, Path(max_length=100, description="the campaign's id", examples=["acme.7"])]
Cursor = Annotated[str | None, Query(max_length=600, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]

_MOVES: dict[str, list[str]] = {
    "scheduled": ["pause", "cancel"],
    "running": ["pause", "cancel"],
    "waiting": ["pause", "cancel"],
    "paused": ["resume", "cancel"],
}
"""What may be asked of a campaign in each state; in those not named, nothing."""


def own(call: Call, campaign: str) -> str:
    """The campaign's id, when it is the caller's; NotFound alike for another account's and what is no id."""
    try:
        if account_of(campaign) == call.account:
            return campaign
    except NotFound:
        pass
    raise NotFound("no such campaign", code="no_campaign")


@router.get("/campaigns", **described("campaigns:read", "no_account", "bad_cursor", model=Campaigns))
def list_campaigns(call: Caller, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The account's campaigns, oldest first."""
    after = opened_number(cursor, without=0)
    found = campaigns.campaigns_after(call.store, call.account, after=after, most=limit + 1)
    following = int(found[limit - 1].id.rpartition(".")[2]) if len(found) > limit else None
    return page([_listed(it) for it in found[:limit]], sealed(following))


@router.get("/campaigns/{campaign}", **described("campaigns:read", "no_campaign", model=CampaignGiven))
def show(call: Caller, campaign: CampaignId) -> Response:
    """One campaign: its state, what it waits for, how many recipients stand where."""
    return given(campaigns.describe(call.store, own(call, campaign)))


@router.get(
    "/campaigns/{campaign}/recipients",
    **described("campaigns:read", "no_campaign", "bad_cursor", "unknown_state", model=Recipients),
)
def recipients(
    call: Caller,
    campaign: CampaignId,
    state: Annotated[
        str | None, Query(description="only those in this state", json_schema_extra={"enum": list(BY_WORD)})
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Recipients in list order, of one state if asked for."""
    after = opened_number(cursor, without=-1)
    found = campaigns.recipients(call.store, own(call, campaign), state=state, after=after)
    items = list(islice(found, limit + 1))
    following = items[limit - 1].index if len(items) > limit else None
    return page([_recipient(campaign, item) for item in items[:limit]], sealed(following))


@router.get(
    "/campaigns/{campaign}/export",
    **described("campaigns:read", "no_campaign"),
    response_class=StreamingResponse,
)
def export(call: Caller, campaign: CampaignId) -> Response:
    """Every recipient with its state as CSV; cells a spreadsheet would run as a formula are inert."""
    it = campaigns.get_campaign(call.store, own(call, campaign))
    headers = {"Content-Disposition": f'attachment; filename="{it.id}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_packs(call, it), media_type="text/csv; charset=utf-8", headers=headers)


def _packs(call: Call, it: campaigns.Campaign) -> Iterator[str]:
    rows = campaigns.recipients(call.store, it.id)
    yield csv_lines([["inmail", "state", "sent_at_ms", "answer", "reason", "until", "text", "failure", *it.columns]])
    while batch := list(islice(rows, it.pack_size)):
        yield csv_lines(_cells(it, item) for item in batch)


def _cells(it: campaigns.Campaign, item: campaigns.Recipient) -> list[str]:
    answer = parse_answer(item.reply)
    said = ["", "", "", ""] if answer is None else [answer.kind, answer.reason, answer.until, answer.text]
    sent = str(item.sent_at_ms) if item.sent_at_ms else ""
    return [f"{it.id}.{item.index}", item.state, sent, *said, item.failure, *(item.fields[n] for n in it.columns)]


@router.post("/campaigns/{campaign}/pause", **posted("campaigns:write", "no_campaign", "wrong_state", model=Steered))
@once
def pause(*, call: Caller, campaign: CampaignId) -> Response:
    """Stop sending; what was sent is answered and refunded as ever."""
    return _steered(call, campaign, "pause")


@router.post("/campaigns/{campaign}/resume", **posted("campaigns:write", "no_campaign", "wrong_state", model=Steered))
@once
def resume(*, call: Caller, campaign: CampaignId) -> Response:
    """Go on with a paused campaign."""
    return _steered(call, campaign, "resume")


@router.post("/campaigns/{campaign}/cancel", **posted("campaigns:write", "no_campaign", "wrong_state", model=Steered))
@once
def cancel(*, call: Caller, campaign: CampaignId) -> Response:
    """Give up what is not sent yet; what was sent is answered and refunded as ever."""
    return _steered(call, campaign, "cancel")


def _steered(call: Call, campaign: str, verb: campaigns.Verb) -> Response:
    try:
        state = campaigns.steer(call.store, own(call, campaign), verb, key=call.engine_key)
    except Refused as refusal:
        if refusal.code != "wrong_state":
            raise
        state = campaigns.get_campaign(call.store, campaign).state
        raise Problem(
            "wrong_state", f"campaign {campaign} is {state}: it cannot {verb} any more", allowed=_MOVES.get(state, [])
        ) from None
    return given({"campaign": campaign, "state": state})


def _listed(it: campaigns.Campaign) -> dict[str, Any]:
    return {
        "campaign": it.id,
        "name": it.name,
        "state": it.state,
        "waiting_for": it.waiting_for or None,
        "seat": it.seat or None,
        "recipients": it.recipients,
        "subject": it.subject,
        "submitted_at_ms": it.submitted_at_ms,
        "start_at_ms": it.start_at_ms or None,
    }


def _recipient(campaign: str, item: campaigns.Recipient) -> dict[str, Any]:
    answer = parse_answer(item.reply)
    return {
        "inmail": f"{campaign}.{item.index}",
        "state": item.state,
        "fields": item.fields,
        "sent_at_ms": item.sent_at_ms or None,
        "answer": answer.as_dict() if answer else None,
        "failure": item.failure or None,
    }
