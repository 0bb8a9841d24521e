"""A campaign's progress as server-sent events, from the account's log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from engine import api_keys, campaigns
from engine.credits import LogEntry
from engine.errors import EngineError
from engine.store import RedisTrouble
from web.calls import Call, CalledRoute, Caller
from web.events import Followed, older
from web.openapi import described
from web.problems import Problem
from web.routes_account import entry_given
from web.routes_campaigns import CampaignId, own

router = APIRouter(prefix="/v1", tags=["campaigns"], route_class=CalledRoute)

HEARTBEAT_S: Final = 15.0
SHOWN_S: Final = 1.0
"""The campaign as a whole is sent at most so often."""

_STREAM: Final = {
    200: {
        "description": "`campaign` events show it as a whole, `log` events are entries of the log (their id: seq)",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: log\nid: 7\ndata: {"seq":7,"kind":"settle","campaign":"acme.1"}\n\n',
            }
        },
    }
}


def _documented() -> dict[str, Any]:
    made = described("campaigns:read", "no_campaign", "bad_event_id", "too_many_streams")
    made["responses"] |= _STREAM
    return made


@router.get("/campaigns/{campaign}/events", **_documented(), response_class=StreamingResponse)
async def events(
    call: Caller,
    campaign: CampaignId,
    last_event_id: Annotated[
        str | None, Header(max_length=20, description="go on after this event; without it, from now on")
    ] = None,
) -> Response:
    """Follow a campaign live. Goes on after `Last-Event-ID`; a comment every 15 s keeps the connection."""
    await run_in_threadpool(campaigns.get_campaign, call.store, own(call, campaign))
    after = _place(last_event_id)
    stream = _stream(call, campaign, after)
    # As far as the first event, so that what is refused is refused with a status.
    first = await anext(stream)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_joined(first, stream), media_type="text/event-stream", headers=headers)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def _place(last_event_id: str | None) -> int | None:
    if last_event_id is None or last_event_id == "":
        return None
    if not (last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= 16):
        raise Problem("bad_event_id", "Last-Event-ID is the number of a log entry")
    return int(last_event_id)


async def _stream(call: Call, campaign: str, after: int | None) -> AsyncIterator[bytes]:
    async with call.services.logs.follow(call.account) as followed:
        place = followed.seq if after is None else min(after, followed.seq)
        yield await _shown(call, followed, campaign, place)
        shown_at, stale = time.monotonic(), False
        asked_at = shown_at
        while not followed.closed:
            if time.monotonic() - asked_at >= HEARTBEAT_S:
                if not await _may_go_on(call):
                    return
                asked_at = time.monotonic()
            if (entries := followed.after(place)) is None:
                entries = await _older(call, followed, place)
            if entries:
                place = entries[-1].seq
                if theirs := [entry for entry in entries if entry.campaign == campaign]:
                    stale = True
                    yield b"".join(map(_event, theirs))
                continue
            due_s = shown_at + SHOWN_S - time.monotonic() if stale else HEARTBEAT_S
            if stale and due_s <= 0:
                yield await _shown(call, followed, campaign, place)
                shown_at, stale = time.monotonic(), False
                continue
            await followed.wait(place, due_s)
            if not stale and followed.seq <= place and not followed.closed:
                yield b": heartbeat\n\n"


async def _may_go_on(call: Call) -> bool:
    """Whether the key is in force still: a stream may outlive it by a heartbeat, not more."""
    try:
        return await run_in_threadpool(api_keys.in_force, call.store, call.key_id)
    except RedisTrouble:
        return True


async def _older(call: Call, followed: Followed, place: int) -> list[LogEntry]:
    try:
        return await older(call.store, call.account, place)
    except RedisTrouble:
        await followed.wait(followed.seq, SHOWN_S)  # the client stays; it is tried again
        return []


async def _shown(call: Call, followed: Followed, campaign: str, place: int) -> bytes:
    """The campaign as a whole. Its id is the last entry told, so that a client that comes back goes on after it."""
    try:
        document = await followed.shown(call.store, campaign)
    except (RedisTrouble, EngineError):
        return b": not at hand\n\n"
    return b"event: campaign\nid: %d\ndata: %s\n\n" % (place, orjson.dumps(document))


def _event(entry: LogEntry) -> bytes:
    return b"event: log\nid: %d\ndata: %s\n\n" % (entry.seq, orjson.dumps(entry_given(entry)))
