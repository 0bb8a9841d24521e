"""How a page is made and sent: the templates, the one style sheet, and the headers every page has."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from web import page_words as words

STYLE: Final = (resources.files("web") / "static" / "page.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS: Final = {
    # Nothing is loaded, from nowhere: no script, no image, no font; only the style within the page, by its hash.
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address of the page is its key
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
"""On every answer of these pages, whatever it is."""


def _source(name: str) -> str:
    return (resources.files("web") / "templates" / name).read_text()


_templates = Environment(
    loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_templates.globals.update(style=STYLE, words=words)


def page(template: str, *, status: int = 200, headers: dict[str, str] | None = None, **shown: Any) -> Response:
    """A page from its template; whatever is shown is escaped."""
    made = _templates.get_template(template).render(**shown)
    return HTMLResponse(made, status, {**HEADERS, **(headers or {})})


def refused() -> Response:
    """What every token that opens nothing is answered with, in the same bytes."""
    return page("refused.html", status=404)


def see(place: str) -> Response:
    """After a form: fetch that page, so that reloading sends nothing again."""
    return Response(status_code=303, headers={**HEADERS, "Location": place})


def unavailable() -> Response:
    """Redis does not answer as it should."""
    return page("unavailable.html", status=503, headers={"Retry-After": "5"})


def failed() -> Response:
    """Something is wrong on our side."""
    return page("failed.html", status=500)
