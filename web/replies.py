"""Answers as they are sent: JSON made once, without a second look at what the engine has given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response


def given(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document as JSON. It is not checked against the route's model here: the tests do that."""
    made = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(orjson.dumps(document), status, made, "application/json")


def page(items: list[Any], following: Any) -> Response:
    """A page of a list, and what to ask for the next one with."""
    return given({"items": items, "next": following})
