"""The web application: the API under /v1, the pages beside it, problems for whatever goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Final

from fastapi import FastAPI

from config.settings import Settings, get_settings
from engine.store import Store, open_client
from web import (
    openapi,
    problems,
    routes_account,
    routes_billing,
    routes_campaigns,
    routes_events,
    routes_mailbox,
    routes_payments,
    routes_search,
    routes_seats,
    routes_service,
    routes_submit,
    routes_suppressions,
)
from web.events import LogReaders
from web.limits import BodyLimit
from web.searching import SearchDesk
from web.services import Checks, Services
from web.uploading import UploadDesk
from workers.payments.collecting import collector
from workers.runtime import find_redis, release_redis, the_offer

REDIS_TIMEOUT_S: Final = 5.0
"""A call of the engine that Redis leaves without an answer for so long is given up; it is tried again a few times."""

_PROBE_TIMEOUT_S: Final = 2.0
_API: Final = (
    routes_account,
    routes_billing,
    routes_campaigns,
    routes_submit,
    routes_events,
    routes_mailbox,
    routes_suppressions,
    routes_seats,
    routes_payments,
    routes_search,
    routes_service,
)


def create_app(settings: Settings | None = None, *, store: Store | None = None) -> FastAPI:
    """The application on the settings' Redis, or on ``store``, which stays the caller's.

    Errors: BadSettings; Unavailable where no Redis can be had; Invalid for a wrong plans file.
    """
    settings = settings or get_settings()
    offer = the_offer(settings)
    redises = None if store is not None else find_redis(settings)
    if redises is None:
        assert store is not None
        own, checks = False, Checks({})
    else:
        own, store = True, Store(open_client(redises.url, timeout_s=REDIS_TIMEOUT_S), settings.namespace)
        urls = {"redis": redises.url, "broker": redises.broker_url}
        checks = Checks({name: open_client(url, timeout_s=_PROBE_TIMEOUT_S) for name, url in urls.items()})
    searches = SearchDesk(store, settings.index_dir)
    desk, readers = UploadDesk(store), LogReaders(store)
    services = Services(store, settings, offer, collector(store, settings), checks, desk, readers, searches)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if own:
            searches.start()
        yield
        services.close()
        if own:
            services.store.client.close()
            release_redis()

    app = FastAPI(title="InMail", version="1", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.services = services
    app.add_middleware(BodyLimit, settings=settings)
    problems.add_handlers(app)
    for routes in _API:
        app.include_router(routes.router)
    app.include_router(routes_payments.webhooks)
    if find_spec("web.pages") is not None:
        from web import pages  # type: ignore[attr-defined,unused-ignore]

        app.include_router(pages.router())
    openapi.serve(app)
    return app
