"""What a path takes that was asked with a method it does not take."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.routing import Match

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def methods_of(request: Request) -> list[str]:
    """The methods of all routes of a request's path: the router itself knows of the first alone."""
    routes = request.app.router.routes
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
