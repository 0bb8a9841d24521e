"""The candidate's pages, called in this process or over real HTTP, and what is in Redis before and after."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from engine.link_keys import LinkKeys, open_link_keys
from engine.links import link_for
from engine.store import Store
from tests.factories import a_campaign, an_account, send_all
from web import page_desk, pages
from web.page_desk import Desk

LIFETIME_MS = 30 * 86_400_000
SECRET = "one:an-example-of-a-secret-of-40-characters"
BODY = "Hello {{ first_name }},\nwe build <b>boats</b>.\n\nWould you like to talk?"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are not held back, but where a test measures them."""
    monkeypatch.setattr(page_desk, "REFUSAL_S", 0.0)


@pytest.fixture
def keys(store: Store) -> LinkKeys:
    return open_link_keys(store, SECRET)


@dataclass
class Page:
    """One answer of the pages, its forms taken apart."""

    status: int
    headers: dict[str, str]
    html: str
    location: str = ""
    forms: list[Form] = field(default_factory=list)

    def says(self, text: str) -> bool:
        """Whether a reader of the page sees that text."""
        shown = re.sub(r"<(style|title)>.*?</\1>|<[^>]*>", " ", self.html, flags=re.DOTALL)
        return " ".join(text.split()) in " ".join(unescape(shown).split())

    def form(self, action: str) -> Form:
        """The form that is sent to an address ending so."""
        return next(form for form in self.forms if form.action.endswith(action))


@dataclass
class Form:
    """A form as a browser without JavaScript knows it: where it goes, what its fields hold, its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(has["action"]))
        elif tag == "button" and has.get("formmethod") != "dialog":
            self.found[-1].buttons.append((has.get("name", ""), has.get("value", "")))
        elif tag in ("input", "textarea", "select") and "name" in has:
            self.found[-1].fields[has["name"]] = has.get("value", "")


class Elements(HTMLParser):
    """Which elements and attributes a page has, and where its links and forms lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.places: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "action", "formaction"):
                self.places.append(value or "")


@dataclass
class Visitor:
    """Somebody at the pages; cookies there are none."""

    app: FastAPI

    def ask(self, method: str, path: str, **options: Any) -> Page:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
                return await client.request(method, path, **options)

        answer = asyncio.run(sent())
        parser = _Forms()
        parser.feed(answer.text)
        location = answer.headers.get("location", "")
        return Page(
            answer.status_code,
            dict(answer.headers),
            answer.text,
            str(answer.url.join(location).raw_path.decode()) if location else "",
            parser.found,
        )

    def get(self, path: str) -> Page:
        """Fetch a page, and the one it leads to."""
        found = self.ask("GET", path)
        return self.ask("GET", found.location) if found.status == 303 else found

    def post(self, path: str, fields: dict[str, str]) -> Page:
        return self.ask("POST", path, data=fields)

    def send(self, path: str, action: str, **said: str) -> Page:
        """Fetch a page, fill in its form that goes to ``action``, send it."""
        form = self.get(path).form(action)
        return self.post(str(httpx.URL(path).join(form.action).raw_path.decode()), {**form.fields, **said})


@pytest.fixture
def visitor(store: Store, keys: LinkKeys) -> Visitor:
    return a_visitor(store, keys)


def a_visitor(store: Store, keys: LinkKeys) -> Visitor:
    """Somebody at the pages of that store."""
    return Visitor(_an_app(store, keys, "https://mail.example.org"))


def _an_app(store: Store, keys: LinkKeys, url: str) -> FastAPI:
    app = FastAPI(docs_url=None, openapi_url=None)
    app.include_router(pages.router(lambda _: Desk(store, keys, url, LIFETIME_MS)))
    return app


@pytest.fixture
def link(store: Store, keys: LinkKeys) -> Callable[[str], str]:
    """The path of an InMail's link as things stand."""

    def path(inmail: str) -> str:
        url = link_for(store, keys, inmail, base_url="", lifetime_ms=LIFETIME_MS)
        assert url.startswith("/r/")
        return url

    return path


@pytest.fixture
def sent(store: Store) -> str:
    """An InMail of acme to p0@example.org, delivered; two others lie beside it."""
    an_account(store, credits_=10)
    campaign = a_campaign(store, body=BODY)
    send_all(store, campaign)
    return f"{campaign}.0"


def dump(store: Store) -> dict[bytes, Any]:
    """All that is in Redis."""
    found = {}
    for key in store.client.scan_iter(count=1000):
        kind = store.client.type(key)
        read = {
            b"string": store.client.get,
            b"hash": store.client.hgetall,
            b"set": store.client.smembers,
            b"zset": lambda key: store.client.zrange(key, 0, -1, withscores=True),
            b"list": lambda key: store.client.lrange(key, 0, -1),
            b"stream": store.client.xrange,
        }[kind]
        found[key] = read(key)
    return found


def lasting(store: Store) -> dict[bytes, Any]:
    """All that is in Redis but for what is derived: the scheduler's own lists, which may be woken twice."""
    return {key: value for key, value in dump(store).items() if b"{sched}" not in key}


@dataclass
class Site:
    """The pages over real HTTP."""

    url: str
    store: Store
    keys: LinkKeys

    def link(self, inmail: str) -> str:
        return link_for(self.store, self.keys, inmail, base_url=self.url, lifetime_ms=LIFETIME_MS)


@pytest.fixture
def site(store: Store, keys: LinkKeys) -> Iterator[Site]:
    """A server on loopback for as long as a test takes."""
    # Named as TCP, it is served without waiting for acknowledgements; asyncio sees to that for no other.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = _an_app(store, keys, "https://mail.example.org")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    ready = threading.Event()
    startup = server.startup

    async def started(sockets: Any = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = started  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert ready.wait(10)
        yield Site(url, store, keys)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
