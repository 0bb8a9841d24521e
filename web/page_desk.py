"""Who stands behind a page: the token opened, the InMail read, and what goes wrong turned into a page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine import conversations
from engine.answers import UNDO_MS
from engine.conversation import Conversation
from engine.errors import EngineError, NotFound, Unavailable
from engine.link_keys import LinkKeys, Purpose, open_link_keys
from engine.links import BadLink, Link, good_nonce, open_either, page_nonce, sign
from engine.store import RedisTrouble, Store
from web.page_forms import BadForm, Form, read_form
from web.page_shape import failed, refused, unavailable

REFUSAL_S = 0.03
"""No refusal is sent sooner after its request: finding out that a token is used takes longer than that it is forged."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages need: the store, the keys of links, where candidates reach them, how long a link lives."""

    store: Store
    keys: LinkKeys
    base_url: str
    lifetime_ms: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A good token and the InMail it opens, as its recipient sees it."""

    link: Link
    conversation: Conversation

    @property
    def inmail(self) -> str:
        return self.link.inmail

    @property
    def address(self) -> str:
        return self.conversation.recipient


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. ``up`` leads from its page to where tokens are: pages link to each other relatively, so that they
    work under any prefix a proxy puts before them."""

    desk: Desk
    token: str
    now_ms: int
    up: str

    @property
    def store(self) -> Store:
        return self.desk.store

    def token_for(self, purpose: Purpose, opened: Opened) -> str:
        """The token of this visit where it is for that, else one made now, which ends when this one does: a link that
        made longer ones would have no end."""
        if opened.link.purpose == purpose:
            return self.token
        return sign(self.desk.keys, purpose, opened.inmail, opened.link.expires_at_ms)

    def nonce(self, token: str | None = None) -> str:
        """What a form on this page must carry."""
        return page_nonce(self.desk.keys, token or self.token, self.now_ms)

    def is_from_page(self, form: Form) -> bool:
        """Whether a form carries a nonce of this token's page."""
        return good_nonce(self.desk.keys, self.token, form.word("nonce"), self.now_ms)


Shown = Callable[[Visit, Opened], Response]
Done = Callable[[Visit, Opened, Form | None], Response]
Endpoint = Callable[[Request], Awaitable[Response]]
DeskOf = Callable[[Request], Desk]


def desk_of_services(request: Request) -> Desk:
    """The desk of an app whose state has services."""
    return desk_for(request.app.state.services)


def desk_for(services: Any) -> Desk:
    """The desk of an app's services; the keys of links are opened with the first call. Raises RedisTrouble."""
    secret = services.settings.link_keys
    if services.link_keys is None:
        services.link_keys = open_link_keys(services.store, secret.get_secret_value() if secret else None)
    return Desk(services.store, services.link_keys, services.settings.public_url, services.settings.link_lifetime_ms)


def reads(desk_of: DeskOf, shown: Shown, up: str) -> Endpoint:
    """An endpoint for GET and HEAD; ``up`` leads from it to where tokens are."""

    async def endpoint(request: Request) -> Response:
        return await _answer(desk_of, request, up, shown, time.monotonic())

    return endpoint


def writes(desk_of: DeskOf, done: Done, up: str) -> Endpoint:
    """An endpoint for POST; what it is given as form is None where that cannot be read."""

    async def endpoint(request: Request) -> Response:
        started = time.monotonic()
        form: Form | None
        try:
            form = await read_form(request)
        except BadForm:
            form = None
        return await _answer(desk_of, request, up, lambda visit, opened: done(visit, opened, form), started)

    return endpoint


async def _answer(desk_of: DeskOf, request: Request, up: str, act: Shown, started: float) -> Response:
    def visited() -> Response:
        desk = desk_of(request)
        visit = Visit(desk, request.path_params["token"], desk.store.now_ms(), up)
        return act(visit, _opened(desk.store, open_either(desk.keys, visit.token, visit.now_ms), visit.now_ms))

    try:
        return await run_in_threadpool(visited)
    except NotFound:
        await asyncio.sleep(max(0.0, started + REFUSAL_S - time.monotonic()))
        return refused()
    except (RedisTrouble, Unavailable):
        return unavailable()
    except EngineError:  # what a page has words for, it told itself
        return failed()


def _opened(store: Store, link: Link, now_ms: int) -> Opened:
    """The InMail of a link. Raises NotFound where there is none, or where it is used.

    An answer link is used once the time to take the answer back is over; a conversation link is good as long as there
    is an answer.
    """
    found = conversations.read_linked(store, link.inmail)
    answer = found.answer
    if link.purpose == "conversation" and answer is None:
        raise BadLink
    if link.purpose == "answer" and answer is not None and now_ms >= answer.at_ms + UNDO_MS:
        raise BadLink
    return Opened(link, found)
