"""Idempotency keys: a POST that comes twice is carried out once and answered twice, the second time marked."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Final, ParamSpec

import orjson
from fastapi import Response

from engine import idempotency
from engine.store import RedisTrouble
from web.calls import Call
from web.problems import Problem

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
KEY_CHARS_MAX: Final = 255
_KEPT_HEADERS: Final = ("content-type", "location")

P = ParamSpec("P")


def once(endpoint: Callable[P, Response]) -> Callable[P, Response]:
    """Have a POST carried out once for each Idempotency-Key; without one it is carried out as it comes.

    What succeeded is kept and answered again. A refusal has done nothing and is not kept: the same request may be sent
    again, and is looked at anew. Between the effect and its record a process may die; what the engine has a key of its
    own for (``Call.engine_key``) is once even then, the rest does nothing when it is done a second time.
    """

    @wraps(endpoint)
    def carried_out(*args: P.args, **given: P.kwargs) -> Response:
        call = given["call"]
        assert isinstance(call, Call)
        key = idempotency_key(call)
        if key is None:
            return endpoint(*args, **given)
        path = call.request.url.path
        record, token = idempotency.record_of(call.account, "POST", path, key), secrets.token_hex(8)
        if (answer := _answered(call, record, token)) is not None:
            return answer
        call.engine_key = f"http:{record}"
        try:
            response = endpoint(*args, **given)
        except BaseException:
            with suppress(RedisTrouble):
                idempotency.forget(call.store, record, token)
            raise
        _keep(call, record, token, response)
        return response

    carried_out.__once__ = True  # type: ignore[attr-defined]
    return carried_out


def idempotency_key(call: Call) -> str | None:
    """The request's key, or None; raises Problem for one that cannot be used."""
    key = call.request.headers.get(HEADER)
    if key is not None and not (1 <= len(key) <= KEY_CHARS_MAX and all("!" <= char <= "~" for char in key)):
        raise Problem("bad_key", f"an {HEADER} has 1 to {KEY_CHARS_MAX} visible ASCII characters")
    return key


def reused() -> Problem:
    """What is said of a key that came with another request."""
    return Problem("key_reused", f"this {HEADER} was used for another request; use a new one")


def _answered(call: Call, record: str, token: str) -> Response | None:
    """What the request was answered with before; None when it is to be carried out now."""
    begun = idempotency.begin(call.store, record, fingerprint=call.body_digest, token=token)
    if begun.verdict == "reused":
        raise reused()
    if begun.verdict == "running":
        seconds = max(1, -(-begun.wait_ms // 1000))
        raise Problem(
            "in_progress",
            "the request with this key is being carried out",
            headers={"Retry-After": str(min(seconds, 2))},
            lease_ends_in_ms=begun.wait_ms,
        )
    if begun.verdict == "done":
        headers: dict[str, Any] = orjson.loads(begun.headers)
        return Response(begun.body, begun.status, {**headers, REPLAYED: "true"})
    return None


def _keep(call: Call, record: str, token: str, response: Response) -> None:
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    # It is done: that it could not be noted is no reason to tell the caller otherwise.
    with suppress(RedisTrouble):
        idempotency.finish(
            call.store,
            record,
            token,
            status=response.status_code,
            headers=orjson.dumps(kept).decode(),
            body=bytes(response.body),
        )
