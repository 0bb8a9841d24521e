"""What the routes work with: one set per app, made at its start, closed at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from config.settings import Settings
from engine.plans import Plan
from engine.store import Store


@dataclass(slots=True)
class Services:
    """The store, the settings and the plan catalogue, shared by every route and page of an app.

    ``link_keys`` are the keys of reply links, None where there are none.
    """

    store: Store
    settings: Settings
    plans: Mapping[str, Plan]
    link_keys: Any = None


async def get_services(request: Request) -> Services:
    """The app's services, as a dependency."""
    services: Services = request.app.state.services
    return services
