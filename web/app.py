"""The web application: the API under /v1, the pages beside it, problems for whatever goes wrong."""

from __future__ import annotations

from importlib.util import find_spec

from fastapi import FastAPI

from config.settings import Settings, get_settings
from engine.store import Store
from web import problems
from web.services import Services
from workers.runtime import find_redis, open_store, plan_catalogue


def create_app(settings: Settings | None = None, *, store: Store | None = None) -> FastAPI:
    """The application on the settings' Redis, or on ``store``; raises as ``find_redis`` and ``plan_catalogue`` do."""
    settings = settings or get_settings()
    plans = plan_catalogue(settings)
    if store is None:
        store = open_store(find_redis(settings).url, settings)
    app = FastAPI(title="InMail", version="1", docs_url=None, redoc_url=None)
    app.state.services = Services(store, settings, plans)
    problems.add_handlers(app)
    if find_spec("web.pages") is not None:
        from web import pages  # type: ignore[attr-defined]

        app.include_router(pages.router())
    return app
