"""A command's way to the engine: settings, logging and a store, for as long as the command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dramatiq.errors import BrokerConnectionError
from redis.connection import parse_url

from cli.output import warn
from config import logging
from config.redis_address import names_cluster, parse_cluster
from config.settings import Settings, get_settings
from engine.errors import Unavailable
from engine.store import Store, trouble_text
from workers.broker import DurableRedisBroker
from workers.runtime import Redises, find_redis, open_store, plan_catalogue, release_redis
from workers.wiring import bare_broker


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


@contextmanager
def queues_of(settings: Settings, redises: Redises) -> Iterator[DurableRedisBroker]:
    """The broker, to look at and to steer; raises Unavailable, saying which Redis, where that does not answer."""
    made = bare_broker(redises.broker_url, settings.namespace)
    try:
        with queues_answering(settings, redises):
            yield made
    finally:
        made.client.close()


@contextmanager
def queues_answering(settings: Settings, redises: Redises) -> Iterator[None]:
    """Dramatiq's word for a Redis of the queues that fails, put as ours."""
    try:
        yield
    except BrokerConnectionError as error:
        why = trouble_text(error.__cause__ or error).rstrip(".")
        raise Unavailable(
            f"the Redis of the queues ({queues_place(settings, redises)}) does not answer as it should: {why}; "
            "what was asked may be asked again"
        ) from None


def queues_place(settings: Settings, redises: Redises) -> str:
    """Which Redis holds the queues: the variable that names it and its address, without the password."""
    if not settings.broker_url and not settings.redis_url:
        return f"embedded, in {settings.data_dir}"
    name = "INMAIL_BROKER_URL" if settings.broker_url else "INMAIL_REDIS_URL"
    if names_cluster(redises.broker_url):
        return f"{name}, the cluster at {parse_cluster(redises.broker_url).shown}"
    parts = parse_url(redises.broker_url)  # type: ignore[no-untyped-call]
    return f"{name}, {parts.get('path') or '{}:{}'.format(parts.get('host', 'localhost'), parts.get('port', 6379))}"
