"""How much of a body is read, and how long for: counted as it arrives, whatever Content-Length says."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.settings import Settings
from web.problems import Problem, of_problem

STALL_S: Final = 30.0
"""A body of which nothing arrives for so long is given up."""

UPLOAD_TYPES: Final = (b"multipart/form-data", b"application/x-ndjson")
UPLOAD_PATH: Final = "/v1/campaigns"


class BodyLimit:
    """Refuses a body over its limit: at once where its length is told, else when the limit is passed."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.usual, self.upload = settings.api_body_bytes_max, settings.api_upload_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length, kind = b"", None
        for name, value in scope["headers"]:
            if name == b"content-length":
                length = value
            elif name == b"content-type" and kind is None:  # of several types the route goes by the first
                kind = value.lower()
        uploads = scope["path"] == UPLOAD_PATH and (kind or b"").startswith(UPLOAD_TYPES)
        limit = self.upload if uploads else self.usual
        if length.isdigit() and int(length) > limit:
            await of_problem(too_large(limit), scope["path"])(scope, receive, send)
            return
        await self.app(scope, _Counted(receive, limit), send)


class _Counted:
    """The receiving side of a request, counting what arrives of its body."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit = receive, limit
        self._read, self._whole = 0, False

    async def __call__(self) -> Message:
        if self._whole:  # what is waited for now is the caller's going away
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), STALL_S)
        except TimeoutError:
            raise Problem("stalled", f"nothing of the body arrived for {STALL_S:.0f} s") from None
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._read > self._limit:
                raise too_large(self._limit)
        return message


def too_large(limit: int) -> Problem:
    """What is said of a body over its limit."""
    return Problem("too_large", f"the body has more than {limit:,} bytes", limit=limit)
