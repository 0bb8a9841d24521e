"""Submitting campaigns: recipients in JSON at once, or a list that is read in the background; and its progress."""

from __future__ import annotations

import io
import secrets
from dataclasses import replace
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from engine import idempotency, submitting, uploads
from engine.accounts import Account, get_account
from engine.errors import NotFound, Refused
from engine.forecast import forecast
from engine.intake.headers import check_mapping
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.search import saved
from engine.search.snapshot import Snapshot, snapshot
from web.calls import STREAMS_BODY, Call, CalledRoute, Caller
from web.documents import Forecast, Submitted, UploadGiven
from web.idempotency import REPLAYED, idempotency_key, once, reused
from web.openapi import described, posted
from web.orders import CampaignAsked, FirstRejects, OrderAsked, SearchedAsked, order_asked, parse_json
from web.problem_kinds import KINDS
from web.problems import Problem, told
from web.replies import given
from web.spool import Spooled, of_multipart, of_ndjson
from web.uploading import Reading, forecast_terms

router = APIRouter(prefix="/v1", tags=["campaigns"], route_class=CalledRoute)

JSON, MULTIPART, NDJSON = "application/json", "multipart/form-data", "application/x-ndjson"
PATH: Final = "/v1/campaigns"

_LIST_CODES: Final = (
    *(
        "no_account",
        "no_seat",
        "cannot_send",
        "bulk",
        "key_reused",
        "nobody",
        "strict",
        "bad_name",
        "bad_start",
        "bad_template",
    ),
    *("bad_mapping", "unknown_channel", "too_long", "too_slow", "no_address_column", "empty_list", "no_rows"),
    *("not_a_list", "line_too_long", "too_many_columns", "too_many_uploads", "wrong_type"),
    *("bad_query", "no_index", "unanswerable"),
)


def _form_schema() -> dict[str, Any]:
    schema = OrderAsked.model_json_schema()
    schema["properties"]["file"] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": "the list: CSV, XLSX or NDJSON",
    }
    schema["properties"]["map"] = {"type": "string", "description": 'a JSON object, such as {"email": "Work mail"}'}
    schema["required"] = [*schema["required"], "file"]
    return schema


_BODY: Final = {
    "required": True,
    "content": {
        JSON: {"schema": {"anyOf": [CampaignAsked.model_json_schema(), SearchedAsked.model_json_schema()]}},
        MULTIPART: {"schema": _form_schema()},
        NDJSON: {
            "schema": {"type": "string", "description": "a line with the order, then one recipient a line"},
            "example": '{"name": "Nurses", "subject": "Hi", "body": "Hello"}\n{"email": "ana@example.org"}\n',
        },
    },
}


def _answers(documented: dict[str, Any]) -> dict[str, Any]:
    location = {"Location": {"schema": {"type": "string"}, "description": "where the campaign or upload is"}}
    documented["responses"] |= {
        200: {"model": Forecast, "description": "a dry run: what submitting would do"},
        201: {"model": Submitted, "description": "submitted; it runs by itself now", "headers": location},
        202: {"model": UploadGiven, "description": "taken in, and read in the background", "headers": location},
    }
    return documented


@router.post(
    "/campaigns",
    **_answers(posted("campaigns:write", *_LIST_CODES, extra={STREAMS_BODY: True, "requestBody": _BODY})),
    status_code=201,
)
async def submit(
    *,
    call: Caller,
    dry_run: Annotated[bool, Query(description="check everything, spend nothing")] = False,
) -> Response:
    """Submit a campaign. As JSON it is done when this answers (201); a list as a form's file or as NDJSON is taken in
    and read in the background (202, see /v1/uploads). `?dry_run=true` foretells it (200, or 202), changing nothing."""
    request = call.request
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent == JSON:
        body = await request.body()
        call.body_digest = Spooled(io.BytesIO(body), "", None).fingerprint(JSON, str(dry_run), *_whose(call))
        return await run_in_threadpool(submit_json, call=call, body=body, dry_run=dry_run)
    if sent not in (MULTIPART, NDJSON):
        raise Problem(
            "wrong_type",
            f"a body of type {sent[:60] or 'none'!r} is not taken here",
            accepted=[JSON, MULTIPART, NDJSON],
        )
    key = idempotency_key(call)
    spooled = await (of_multipart(request) if sent == MULTIPART else of_ndjson(request))
    return await run_in_threadpool(_take_upload, call, spooled, key, dry_run)


submit.__once__ = True  # type: ignore[attr-defined]


@once
def submit_json(*, call: Call, body: bytes, dry_run: bool) -> Response:
    """Submit, or forecast, an order with its recipients, or with a search that finds them."""
    sent = parse_json(body)
    kind = SearchedAsked if isinstance(sent, dict) and "search" in sent and "recipients" not in sent else CampaignAsked
    asked = order_asked(sent, kind)
    owner, order = _checked(call, asked, name="API", key=call.engine_key)
    taken: Snapshot | None = None
    if isinstance(asked, SearchedAsked):
        order = replace(order, search=saved.query_of(call.store, call.account, asked.search))
        if not dry_run and (again := _found_again(call, asked, order)):
            return again
        days = asked.contacted_days
        taken = snapshot(call.store, call.services.searches, call.account, order.search, contacted_days=days)
        lines = taken.as_lines()
    else:
        assert isinstance(asked, CampaignAsked)
        lines = b"\n".join(orjson.dumps(recipient) for recipient in asked.recipients)
    rejects = FirstRejects()
    with open_list("-", mapping=asked.map, stdin=io.BytesIO(lines)) as listed:
        message = parse_message(asked.subject, asked.body, columns=listed.columns)
        if dry_run:
            found = forecast(call.store, owner, listed, message, forecast_terms(order), rejects)
            return given(found)
        try:
            done = submitting.submit(call.store, call.account, listed, message, order, rejects)
        except Refused as refusal:
            if refusal.code != "nobody":
                raise
            raise Problem("nobody", str(refusal), rejects=rejects.first) from None
        return _submitted(done, rejects.first, list(listed.notes), taken)


def _found_again(call: Call, asked: SearchedAsked, order: submitting.Order) -> Response | None:
    """The answer about the campaign that this request submitted before and could not note."""
    if order.key is None:
        return None
    message = parse_message(asked.subject, asked.body)
    how = {name: getattr(order, name) for name in ("search", "name", "channel", "seat", "start_asked")}
    found = submitting.found_again(call.store, call.account, key=order.key, message=message, **how)
    return None if found is None else _submitted(found, [], [], None)


def _submitted(
    done: submitting.Submitted, rejects: list[dict[str, Any]], notes: list[str], taken: Snapshot | None
) -> Response:
    document = {
        "campaign": done.campaign,
        "state": done.state,
        "accepted": done.tally.accepted,
        "rejected": done.tally.rejected_total,
        "rejected_by_reason": dict(done.tally.rejected),
        "rejects": rejects,
        "notes": notes,
        "search": taken.as_dict() if taken else None,
    }
    return given(document, 201, {"Location": f"{PATH}/{done.campaign}"})


def _checked(call: Call, asked: OrderAsked, *, name: str, key: str | None) -> tuple[Account, submitting.Order]:
    """The order as the engine takes it, for its owner; raises as submitting would, before the list is looked at."""
    owner = get_account(call.store, call.account)
    settings = call.services.settings
    order = submitting.Order(
        name=asked.name or name,
        pack_size=settings.pack_size,
        refund_after_ms=settings.refund_after_ms or owner.refund_after_ms,
        refund_when=owner.refund_when,
        channel=asked.channel,
        start_at_ms=asked.start_at_ms,
        start_asked=str(asked.start_at_ms or ""),
        strict=asked.strict,
        key=key,
        seat=call.seat,
    )
    try:
        submitting.check_order(call.store, owner, order)
    except Refused as refusal:
        if refusal.code != "cannot_send":
            raise
        able = [plan.slug for plan in call.services.plans.values() if plan.can_send]
        raise Problem("cannot_send", told(refusal), plans=able, **refusal.facts) from None
    check_mapping(asked.map)
    parse_message(asked.subject, asked.body)
    return owner, order


def _whose(call: Call) -> tuple[str, ...]:
    """What makes the same order of two seats two orders."""
    return (call.seat,) if call.seat else ()


def _take_upload(call: Call, spooled: Spooled, key: str | None, dry_run: bool) -> Response:
    record = secrets.token_hex(20) if key is None else idempotency.record_of(call.account, "POST", PATH, key)
    upload = f"up_{record[:32]}"
    try:
        if key is not None and _came_as_json(call, upload, record):
            raise reused()
        asked = order_asked(spooled.document)
        owner, order = _checked(call, asked, name=spooled.name, key=f"http:{record}")
        fingerprint = spooled.fingerprint(asked.model_dump_json(), str(dry_run), *_whose(call))
    except BaseException:
        spooled.file.close()
        raise
    verdict = call.services.uploads.take(Reading(upload, owner, order, asked, spooled, dry_run), fingerprint)
    if verdict == "reused":
        raise reused()
    headers = {"Location": f"/v1/uploads/{upload}"} | ({} if verdict == "go" else {REPLAYED: "true"})
    return given(_upload(uploads.get(call.store, upload, account=call.account)), 202, headers)


def _came_as_json(call: Call, upload: str, record: str) -> bool:
    """Whether the key of an upload was used for a JSON body, and not for this upload before."""
    if not idempotency.is_known(call.store, record):
        return False
    try:
        return uploads.get(call.store, upload, account=call.account).state == "failed"
    except NotFound:
        return True


@router.get("/uploads/{upload}", **described("campaigns:read", "no_upload", model=UploadGiven))
def show_upload(call: Caller, upload: Annotated[str, Path(max_length=100, examples=["up_5f0c1d2e"])]) -> Response:
    """How far the reading of an uploaded list is, and what became of it."""
    return given(_upload(uploads.get(call.store, upload, account=call.account)))


def _upload(it: uploads.Upload) -> dict[str, Any]:
    mend = None
    if it.state == "interrupted":
        mend = "Send it again, with the same Idempotency-Key if it had one."
    elif it.code:
        mend = KINDS[it.code].mend
    return {
        "upload": it.id,
        "state": it.state,
        "rows": it.rows,
        "accepted": it.accepted,
        "rejected": it.rejected,
        "rejected_by_reason": it.rejected_by_reason,
        "rejects": it.rejects,
        "bytes_read": it.bytes_read,
        "bytes_total": it.bytes_total,
        "began_at_ms": it.began_at_ms,
        "ended_at_ms": it.ended_at_ms or None,
        "campaign": it.campaign or None,
        "forecast": it.forecast,
        "problem": {"code": it.code, "detail": it.detail} if it.code else None,
        "notes": it.notes,
        "mend": mend,
    }
