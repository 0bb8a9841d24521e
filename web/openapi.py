"""The OpenAPI 3.1 document: what each route answers, problems included, and how it is called."""

from __future__ import annotations

from typing import Any, Final

import orjson
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from web.calls import SCOPE, STREAMS_BODY
from web.documents import ProblemGiven
from web.idempotency import HEADER, REPLAYED
from web.problem_kinds import KINDS
from web.problems import MEDIA_TYPE

KEY_SCHEME: Final = "key"
_EVERY_CALL: Final = ("no_key", "no_scope", "too_often", "unavailable", "error", "corrupt", "bad_request_fields")
_EVERY_BODY: Final = ("bad_body", "too_large", "stalled", "wrong_type")
_EVERY_POST: Final = ("bad_key", "key_reused", "in_progress", "bad_body", "too_large", "stalled")

ABOUT: Final = """
The HTTP API of an InMail campaign engine. Every call carries an API key, `Authorization: Bearer ID.SECRET`; the
account comes from the key alone, and what another account owns is answered like what does not exist.

Errors are RFC 9457 problems with a stable `code`. Every POST takes an `Idempotency-Key`: sent again with the same body
it is carried out once and answered the same, with `Idempotent-Replayed: true`. Times are epoch milliseconds (`*_at_ms`,
`*_due_ms`). Lists are `{items, next}`; pass `next` as `cursor` for the next page.
"""

TAGS: Final = [
    {"name": "account", "description": "The key's account, its plan, its credits and their log."},
    {"name": "billing", "description": "The account's subscription, what it allows, its invoices."},
    {"name": "candidates", "description": "The directory of candidates, searched as the plan allows; saved searches."},
    {"name": "campaigns", "description": "Submit, look at, follow and steer campaigns."},
    {"name": "mailbox", "description": "What was received and sent: conversations, answers, messages."},
    {"name": "suppressions", "description": "Addresses the account must not write to."},
    {"name": "seats", "description": "Several people on the account's credits, each within a cap of their own."},
    {"name": "service", "description": "The service itself."},
]


def described(
    scope: str, *codes: str, model: Any = None, body: bool = False, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What a route's decorator says of it: the scope its key needs, what it gives, which problems it answers with."""
    known = [*_EVERY_CALL, *(_EVERY_BODY if body else ()), *codes]
    return {
        "responses": problem_responses(*known),
        "response_model": model,
        "openapi_extra": {SCOPE: scope, "security": [{KEY_SCHEME: []}], **(extra or {})},
    }


def posted(
    scope: str, *codes: str, model: Any = None, body: bool = False, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The same of a POST, which takes an Idempotency-Key."""
    made = described(scope, *_EVERY_POST, *codes, model=model, body=body, extra=extra)
    key = {
        "name": HEADER,
        "in": "header",
        "description": "Makes the request once, however often it is sent within a day.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }
    made["openapi_extra"].setdefault("parameters", []).append(key)
    return made


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The answers of those codes, by status, each with an example."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys(codes):
        kind = KINDS[code]
        answer = by_status.setdefault(
            kind.status,
            {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}}},
        )
        document = {
            "type": f"/problems/{code}",
            "title": kind.title,
            "status": kind.status,
            "detail": kind.title,
            "code": code,
            "mend": kind.mend,
            "request_id": "5f0c1d2e3a4b5c6d",
        }
        answer["content"][MEDIA_TYPE]["examples"][code] = {"value": document}
        answer["description"] = ", ".join(answer["content"][MEDIA_TYPE]["examples"])
    for status, answer in by_status.items():
        if status in (429, 503):
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return by_status


def serve(app: FastAPI) -> None:
    """Make the document once, and serve it at /openapi.json."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _made(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    told: list[bytes] = []

    def openapi_json() -> Response:
        if not told:  # in a thread: it takes a second to make, and no other call is to wait for it
            told.append(orjson.dumps(document()))
        return Response(told[0], media_type="application/json")

    app.add_api_route("/openapi.json", openapi_json, include_in_schema=False)


def _made(app: FastAPI) -> dict[str, Any]:
    whole = get_openapi(
        title="InMail API", version="1", openapi_version="3.1.0", description=ABOUT, routes=app.routes, tags=TAGS
    )
    parts = whole.setdefault("components", {})
    schema = ProblemGiven.model_json_schema(ref_template="#/components/schemas/{model}")
    parts.setdefault("schemas", {})["Problem"] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(unused, None)
    parts["securitySchemes"] = {
        KEY_SCHEME: {"type": "http", "scheme": "bearer", "description": "An API key, `ID.SECRET`: inmail key create."}
    }
    for path in whole["paths"].values():
        for operation in path.values():
            operation.pop(STREAMS_BODY, None)
            _add_replay_header(operation)
    return whole


def _add_replay_header(operation: dict[str, Any]) -> None:
    if any(parameter["name"] == HEADER for parameter in operation.get("parameters", [])):
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                replayed = {"schema": {"type": "string"}, "description": "`true`: this was answered before"}
                answer.setdefault("headers", {})[REPLAYED] = replayed
