"""What the routes work with: one set per app, made at its start, closed at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request

from config.settings import Settings
from engine.api_keys import Pace
from engine.offer import Offer
from engine.plans import Plan
from engine.store import RedisTrouble, Store, trouble_text
from web.events import LogReaders
from web.searching import SearchDesk
from web.uploading import UploadDesk
from workers.payments.collecting import Collector

_KEPT_S: Final = 1.0


class Checks:
    """What readiness hangs on: Redis, and the broker's. Looked at by one at a time and at most once a second, however
    many ask."""

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._at = -_KEPT_S
        self._found = dict.fromkeys(clients, "not looked at yet")

    def look(self) -> dict[str, str]:
        """Each check and its outcome, 'ok' or what is wrong."""
        if self._lock.acquire(blocking=False):  # else somebody waits for an answer just now
            try:
                if time.monotonic() - self._at >= _KEPT_S:
                    self._found = {name: _ping(client) for name, client in self._clients.items()}
                    self._at = time.monotonic()
            finally:
                self._lock.release()
        return self._found

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


def _ping(client: Any) -> str:
    try:
        client.ping()
    except RedisTrouble as error:
        return f"does not answer as it should: {trouble_text(error) or type(error).__name__}"
    return "ok"


@dataclass(slots=True)
class Services:
    """The store, the settings and what is sold, shared by every route and page of an app.

    ``link_keys`` are the keys of reply links, None where there are none.
    """

    store: Store
    settings: Settings
    offer: Offer
    collector: Collector
    checks: Checks
    uploads: UploadDesk
    logs: LogReaders
    searches: SearchDesk
    link_keys: Any = None
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(self.settings.api_rate, self.settings.api_burst)

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plan catalogue."""
        return self.offer.plans

    def close(self) -> None:
        """End what runs in the background; the store is whoever opened it's to close."""
        self.logs.close()
        self.uploads.close()
        self.searches.close()
        self.checks.close()


async def get_services(request: Request) -> Services:
    """The app's services, as a dependency."""
    services: Services = request.app.state.services
    return services
