"""A command's way to the engine: settings, logging and a store, for as long as the command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cli.output import warn
from config import logging
from config.settings import Settings, get_settings
from engine.store import Store
from workers.runtime import Redises, find_redis, open_store, plan_catalogue, release_redis


@dataclass(frozen=True, slots=True)
class Session:
    """Settings, a store, and where its Redis is."""

    settings: Settings
    store: Store
    redises: Redises


@contextmanager
def session() -> Iterator[Session]:
    """Find a Redis (starting the embedded one where none runs), and let go of it afterwards."""
    settings = get_settings()
    logging.configure(settings.log_level, settings.log_format)
    plan_catalogue(settings)  # a wrong plans file is told by every command, not only by the one that needs it
    redises = find_redis(settings)
    if redises.embedded is not None and not redises.embedded.persistent and redises.embedded.started_here:
        warn("a stand-in for Redis is used that keeps nothing once this command ends: install redis-server")
    store = open_store(redises.url, settings)
    try:
        yield Session(settings, store, redises)
    finally:
        store.client.close()
        release_redis()
