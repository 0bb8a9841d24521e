"""Errors as RFC 9457 problem documents: every kind of error has one way out, and no other text leaves."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from engine.errors import Corrupt, EngineError, Invalid, NotFound, Refused, Unavailable
from engine.store import RedisTrouble, trouble_text
from web import page_shape
from web.problem_kinds import KINDS
from web.wrong_method import methods_of

log = structlog.get_logger("inmail.web")

MEDIA_TYPE = "application/problem+json"
RETRY_S = 2
"""What a caller is asked to wait when Redis does not answer."""

_BY_CLASS: tuple[tuple[type[EngineError], str], ...] = (
    (NotFound, "not_found"),
    (Invalid, "invalid"),
    (Refused, "refused"),
    (Unavailable, "unavailable"),
    (Corrupt, "corrupt"),
)
_BY_STATUS = {400: "bad_body", 401: "no_key", 403: "no_scope", 404: "no_route", 405: "wrong_method", 413: "too_large"}

_TITLED = frozenset({"bad_cursor", "no_index", "index_unusable", "index_broken"})
"""What the title says enough of: the rest is for a command line, or tells where something lies on this disk."""

_PAGES = "/r/"
"""Where an address is a secret, whatever it was asked for."""

# What the engine says to somebody at a command line, as it is said here.
_REWORDED = (
    ("name it with --map email=COLUMN", 'name it in map: {"email": COLUMN}'),
    (" in --map", " in map"),
    ("--map ", "map: "),
    ("(--strict refuses a list with a bad row)", "(strict refuses a list with a bad row)"),
)
_COMMANDS = (
    (re.compile(r" Once it is paid: inmail invoice paid \S+"), ""),
    (re.compile(r"egin one with: inmail subscribe \S+ PLAN"), "egin one with POST /v1/subscription"),
    (
        re.compile(r"with: inmail subscribe \S+ \S+( --annual)?"),
        "with POST /v1/subscription and the same plan and cycle",
    ),
    (re.compile(r"with: inmail subscription change \S+ \S+"), "with POST /v1/subscription/change"),
    (re.compile(r"with: inmail seat cap \S+ (\S+) N\|none"), r"with PATCH /v1/seats/\1"),
)


class Problem(HTTPException):
    """A refusal of the API itself. ``facts`` stand in the document beside code and detail."""

    def __init__(self, code: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **facts: Any) -> None:
        super().__init__(KINDS[code].status, detail or KINDS[code].title, dict(headers or {}))
        self.code, self.facts = code, facts


def code_of(error: EngineError) -> str:
    """The code an error of the engine is told by: its own, or its kind's where no such problem is known."""
    if error.code in KINDS:
        return error.code
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), "error")


def told(error: EngineError) -> str:
    """What an error of the engine says, in the words of this side; the same for what is not there and another's."""
    if isinstance(error, NotFound) or error.code in _TITLED:
        return KINDS[code_of(error)].title
    if isinstance(error, Corrupt):
        return "stored state breaks an invariant; nothing was done"
    text = str(error)
    for said, here in _REWORDED:
        text = text.replace(said, here)
    for command, here in _COMMANDS:
        text = command.sub(here, text)
    return text


def problem(code: str, detail: str, *, headers: Mapping[str, str] | None = None, **facts: Any) -> Response:
    """One problem document as an answer."""
    kind = KINDS[code]
    document = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
        "mend": kind.mend,
        "request_id": secrets.token_hex(8),
        **facts,
    }
    made = {"Cache-Control": "no-store", **(headers or {})}
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        made.setdefault("Retry-After", str(RETRY_S))
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("problem", code=code, detail=detail, request_id=document["request_id"])
    return Response(orjson.dumps(document), kind.status, made, MEDIA_TYPE)


def of_engine(error: EngineError) -> Response:
    """The answer to an error of the engine."""
    if isinstance(error, Corrupt):
        log.error("state.corrupt", detail=str(error))
    details: dict[str, Any] = {"details": list(error.details)} if error.details else {}
    return problem(code_of(error), told(error), **{**error.facts, **details})


def of_problem(error: Problem, path: str) -> Response:
    """The answer to a refusal of the API itself, given at that path."""
    return problem(error.code, error.detail, headers=dict(error.headers or {}) | _of_place(path), **error.facts)


def _of_place(path: str) -> dict[str, str]:
    return page_shape.HEADERS if path.startswith(_PAGES) else {}


def add_handlers(app: FastAPI) -> None:
    """Have every error of the app answered with a problem document."""

    @app.exception_handler(EngineError)
    async def engine(_: Request, error: EngineError) -> Response:
        return of_engine(error)

    @app.exception_handler(RedisTrouble)
    async def redis(_: Request, error: Exception) -> Response:
        return of_redis(error)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: Exception) -> Response:
        return problem("stalled", "the caller went away before the body had arrived")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Problem):
            return of_problem(error, request.url.path)
        code = _BY_STATUS.get(error.status_code, "error" if error.status_code >= 500 else "bad_request")
        detail = KINDS[code].title if error.status_code in (404, 405) else str(error.detail)
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(methods_of(request))
        return problem(code, detail, headers=headers | _of_place(request.url.path))

    @app.exception_handler(RequestValidationError)
    async def fields(_: Request, error: RequestValidationError) -> Response:
        return of_fields(error.errors())

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> Response:
        log.error("unforeseen", kind=type(error).__name__, exc_info=error)
        return problem("error", "something went wrong that was not foreseen; whether anything was done is not known")


def of_redis(error: BaseException) -> Response:
    """The answer while Redis does not answer; its own words go to the log, not out: an address may stand in them."""
    log.warning("redis.trouble", kind=type(error).__name__, error=trouble_text(error))
    return problem(
        "unavailable",
        "Redis does not answer as it should; whether the last step was done is not known, and with the same "
        "Idempotency-Key it may be sent again",
    )


def of_fields(found: Any) -> Response:
    """The answer to a request whose fields are wrong: each named by where it stands."""
    # What should not be there first: it is most often what a missing field was meant to be.
    errors = [_field(one) for one in sorted(found, key=lambda one: one["type"] != "extra_forbidden")[:20]]
    if any(one["type"] == "json_invalid" for one in found):
        return problem("bad_body", f"the body is not JSON: {errors[0]['detail']}")
    detail = "; ".join(f"{one.get('pointer') or one.get('parameter')}: {one['detail']}" for one in errors[:5])
    return problem("bad_request_fields", detail[:1000], errors=errors)


def _field(one: Mapping[str, Any]) -> dict[str, Any]:
    place, *path = one["loc"]
    detail = one["msg"].removeprefix("Value error, ")
    if one["type"] == "extra_forbidden":
        detail = "there is no such field"
    if one["type"] == "json_invalid":
        detail = f"{one['ctx']['error']} (character {path[0] if path else 0})"
    if place == "body":
        return {"pointer": "#" + "".join(f"/{_escaped(part)}" for part in path), "detail": detail}
    return {"parameter": str(path[0]) if path else "", "in": str(place), "detail": detail}


def _escaped(part: Any) -> str:
    return str(part)[:100].replace("~", "~0").replace("/", "~1")
