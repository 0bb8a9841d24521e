"""A command's way to the engine: settings, logging and a store, for as long as the command needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from dramatiq.errors import BrokerConnectionError
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError

from cli.output import warn
from config import logging
from config.redis_address import shown
from config.settings import Settings, get_settings
from engine.errors import Unavailable
from engine.store import RedisTrouble, Store, trouble_text
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
def session(*, changes: bool = False, begins: bool = False) -> Iterator[Session]:
    """A session for a command that reads, or ``changes`` something, with a Redis that can be reached.

    ``begins``: as ``unreached_session`` has it.

    Raises Unavailable, saying which Redis, where it cannot be reached, and where it fails under a command that only
    reads. Where it fails under one that changes something the error stays: whether the last step was done is not known.
    """
    with unreached_session(begins=begins) as s:
        reach(s)
        with nullcontext() if changes else only_reading(s):
            yield s


@contextmanager
def unreached_session(*, begins: bool = False) -> Iterator[Session]:
    """Find a Redis (starting the embedded one where none runs) and let go of it afterwards; one named is not asked.

    A data folder that had to be made is told of, unless the command is one that ``begins``: there nobody expects data.
    """
    settings = get_settings()
    logging.configure(settings.log_level, settings.log_format)
    plan_catalogue(settings)  # a wrong plans file is told by every command, not only by the one that needs it
    new = settings.redis_url is None and not settings.data_dir.exists()
    redises = find_redis(settings)
    if new and not begins:
        warn(
            f"made a new data folder {settings.data_dir.resolve()}: what was kept in another one is not here; "
            "see INMAIL_DATA_DIR"
        )
    if redises.embedded is not None and not redises.embedded.persistent and redises.embedded.started_here:
        warn("a stand-in for Redis is used that keeps nothing once this command ends: install redis-server")
    store = open_store(redises.url, settings)
    try:
        yield Session(settings, store, redises)
    finally:
        store.client.close()
        release_redis()


def reach(s: Session) -> None:
    """Connect; raises Unavailable, saying which Redis and what to check, where that cannot be done."""
    with _told(s, "cannot be reached", "check {check}"):
        s.store.reach()


@contextmanager
def only_reading(s: Session) -> Iterator[None]:
    """Redis trouble under what changes nothing, as Unavailable."""
    with _told(s, "does not answer as it should", "nothing was changed: check {check}, then ask again"):
        yield


@contextmanager
def _told(s: Session, trouble: str, mend: str) -> Iterator[None]:
    try:
        yield
    except (OutOfMemoryError, ReadOnlyError, BusyLoadingError):
        raise  # the command has a sentence of its own for each
    except RedisTrouble as error:
        check = data_check(s.settings)
        why = trouble_text(error).rstrip(".")
        raise Unavailable(f"Redis ({data_place(s.settings)}) {trouble}: {why}; {mend.format(check=check)}") from None


def data_place(settings: Settings) -> str:
    """Which Redis holds the data: the variable that names it and its address, without the password."""
    named = settings.redis_url
    return f"INMAIL_REDIS_URL, {shown(named)}" if named else f"embedded, in {settings.data_dir}"


def data_check(settings: Settings) -> str:
    """What may be amiss where the Redis that holds the data does not answer."""
    return what_to_check("INMAIL_REDIS_URL") if settings.redis_url else "with inmail doctor"


def what_to_check(variable: str) -> str:
    """What may be amiss where the Redis that a variable names does not answer."""
    return f"that it runs there, and that {variable} is right (host, port, password, database)"


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
    return f"{name}, {shown(redises.broker_url)}"
