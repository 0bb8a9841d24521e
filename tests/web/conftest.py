"""A web server of this session's own on loopback, on a real Redis, and callers with keys."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from config.settings import Settings
from engine import api_keys
from engine.accounts import account_ids
from engine.audit import audit
from engine.store import Store, open_client
from tests.conftest import NOON_MS
from tests.factories import an_account
from tests.waiting import wait_until
from tests.web.stage import Stage
from web.app import create_app

FREE = Settings(api_rate=100_000, api_burst=1_000_000)
"""Settings under which no test is refused for its pace."""

NO_TLS: Final = False
"""Nothing here speaks TLS: a client need not read the certificates of the world before its first call."""


@dataclass
class Api:
    """A running server, the store it works on, and clients that carry a key."""

    store: Store
    url: str
    app: Any
    clients: list[httpx.Client] = field(default_factory=list)

    def caller(self, account: str = "acme", **key: Any) -> httpx.Client:
        """A client with a new key of that account."""
        made = api_keys.create(self.store, account, **key)
        return self.client({"Authorization": f"Bearer {made}"})

    def client(self, headers: dict[str, str] | None = None) -> httpx.Client:
        self.clients.append(httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=NO_TLS))
        return self.clients[-1]


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def opened(stage: Stage, redis_url: str, settings: Settings = FREE, *, audited: bool = True) -> Iterator[Api]:
    """The app served on an emptied Redis, its data in a folder of its own; every account is audited in the end."""
    with tempfile.TemporaryDirectory(prefix="inmail-test-") as folder:
        yield from _opened(stage, redis_url, settings.model_copy(update={"data_dir": Path(folder)}), audited=audited)


def _opened(stage: Stage, redis_url: str, settings: Settings, *, audited: bool) -> Iterator[Api]:
    store = Store(open_client(redis_url), at_ms=NOON_MS)
    store.client.flushdb()
    app = create_app(settings, store=store)
    with stage.serving(app) as url:
        api = Api(store, url, app)
        yield api
        for client in api.clients:
            client.close()
    for account in account_ids(store):
        assert not audited or audit(store, account).drift == []
    store.client.close()


@pytest.fixture
def api(stage, redis_url, request) -> Iterator[Api]:
    yield from opened(stage, redis_url, audited=request.node.get_closest_marker("drifts") is None)


@pytest.fixture
def acme(api) -> httpx.Client:
    """A caller for the account acme, which has 1,000 credits and no limits."""
    an_account(api.store, "acme", credits_=1_000)
    return api.caller("acme")


def searchable(caller: httpx.Client) -> None:
    """Wait until the index is built: until then every search is told so."""
    wait_until(lambda: caller.get("/v1/candidates/search").is_success)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, when it is that one."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    document = answer.json()
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["type"] == f"/problems/{code}"
    return document
