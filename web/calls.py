"""Who calls: the key of a request is looked at before anything of it is read, and the account comes from it alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from engine import api_keys
from engine.store import Store
from web.problems import Problem
from web.services import Services

SCOPE: Final = "x-scope"
"""What a route's entry in the OpenAPI document says of the scope its key must have."""
STREAMS_BODY: Final = "x-streams-body"
"""Set on a route that reads its body itself, as it arrives."""

_JSON: Final = "application/json"
_NOTHING: Final = (b"", b"{}")


@dataclass(slots=True)
class Call:
    """One request of an account, and of that ``seat`` of it ('' = the account's own key). ``body_digest`` stands for
    its query and body; ``engine_key`` is what its effect is made once by, None where the caller sent no
    Idempotency-Key."""

    services: Services
    account: str
    key_id: str
    request: Request
    body_digest: str = ""
    engine_key: str | None = None
    seat: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.services.store


async def _call(request: Request) -> Call:
    made: Call = request.scope["inmail.call"]
    return made


Caller = Annotated[Call, Depends(_call)]


class CalledRoute(APIRoute):
    """A route for callers with a key: admits them, then has the rest read and run."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner, told = super().get_route_handler(), self.openapi_extra or {}
        scope, streams, takes_json = told[SCOPE], told.get(STREAMS_BODY), self.body_field is not None
        known = frozenset(param.alias for param in self.dependant.query_params)

        async def handle(request: Request) -> Response:
            call = await run_in_threadpool(_admitted, request, scope)
            request.scope["inmail.call"] = call
            _check_query(request, known)
            if request.method != "GET" and not streams:
                if takes_json:
                    _check_type(request)
                elif (await request.body()).strip() not in _NOTHING:
                    raise _takes_none()
                said = request.url.query.encode() + b"\n" + await request.body()
                call.body_digest = hashlib.blake2b(said, digest_size=20).hexdigest()
            try:
                response = await inner(request)
            except Problem as problem:
                problem.headers = call.headers | dict(problem.headers or {})
                raise
            response.headers.update(call.headers)
            return response

        return handle


def _admitted(request: Request, scope: str) -> Call:
    services: Services = request.app.state.services
    kind, _, presented = request.headers.get("authorization", "").partition(" ")
    pace = services.pace
    found = api_keys.admit(services.store, presented.strip(), pace) if kind.lower() == "bearer" else None
    if found is None:
        raise Problem("no_key", headers={"WWW-Authenticate": 'Bearer realm="inmail"'})
    headers = {
        "RateLimit-Policy": f'"key";q={pace.burst};w={max(1, -(-pace.burst // pace.rate))}',
        "RateLimit": f'"key";r={found.left};t={-(-max(found.empty_ms, found.wait_ms) // 1000)}',
    }
    if found.wait_ms:
        seconds = -(-found.wait_ms // 1000)
        raise Problem(
            "too_often",
            f"this key may ask {pace.rate} times a second, {pace.burst} times at once",
            headers=headers | {"Retry-After": str(seconds)},
            limit=pace.rate,
            burst=pace.burst,
            retry_after_ms=found.wait_ms,
            resets_at_ms=services.store.now_ms() + found.wait_ms,
        )
    if scope not in found.scopes:
        raise Problem("no_scope", f"this key lacks the scope {scope}", headers=headers, scope=scope)
    return Call(services, found.account, found.key_id, request, seat=found.seat, headers=headers)


def _check_query(request: Request, known: frozenset[str]) -> None:
    """A parameter misspelt would be one left out, unseen."""
    for name in request.query_params:
        if name not in known:
            detail = "there is no such parameter" + (f"; there are: {', '.join(sorted(known))}" if known else "")
            errors = [{"parameter": name[:100], "in": "query", "detail": detail}]
            raise Problem("bad_request_fields", f"{name[:100]}: {detail}", errors=errors)


def _takes_none() -> Problem:
    """What was asked for in a body nobody reads would be left out, unseen."""
    detail = "this route takes no body"
    return Problem("bad_request_fields", detail, errors=[{"pointer": "#", "detail": detail}])


def _check_type(request: Request) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != _JSON:
        raise Problem("wrong_type", f"a body of type {sent[:60] or 'none'!r} is not taken here", accepted=[_JSON])
