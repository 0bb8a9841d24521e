"""What every process needs before it can work: settings, logging, a Redis, the store. The one place they meet."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import config
from config.durations import milliseconds
from config.settings import Settings, get_settings
from engine.errors import Invalid
from engine.offer import Offer
from engine.plans import Plan, load_plans
from engine.store import Store, open_client
from workers.embedded_redis import EmbeddedRedis, ServerInfo

_attached: list[EmbeddedRedis] = []
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Redises:
    """Where account data and queues live, and the embedded server if that is where."""

    url: str
    broker_url: str
    embedded: ServerInfo | None


def find_redis(settings: Settings | None = None) -> Redises:
    """The Redis the settings name; without one, the embedded one, started where none runs.

    The process keeps using the embedded server until it ends or calls ``release_redis``.
    Raises Unavailable where none can be had.
    """
    settings = settings or get_settings()
    if settings.redis_url:
        return Redises(settings.redis_url, settings.broker_url or settings.redis_url, None)
    with _lock:
        server = EmbeddedRedis(settings.data_dir, prefer=settings.embedded)
        info = server.attach()
        _attached.append(server)
    return Redises(info.url, settings.broker_url or info.url, info)


def keep_redis() -> None:
    """Start the embedded server again where it was killed under its users; nothing where it is well, or another's."""
    with _lock:
        for server in _attached:
            server.attach()


def release_redis() -> None:
    """Stop using the embedded server; it ends when nobody else uses it."""
    with _lock:
        while _attached:
            _attached.pop().detach()


def uses_to_share() -> tuple[int, ...]:
    """The descriptors by which this process uses the embedded server: a child that is given them uses it as well."""
    with _lock:
        return tuple(handle for server in _attached if (handle := server.handle) is not None)


def open_store(url: str, settings: Settings | None = None) -> Store:
    """A store on that Redis under the settings' namespace."""
    return Store(open_client(url), (settings or get_settings()).namespace)


def the_offer(settings: Settings | None = None) -> Offer:
    """What this network sells, and on which terms, as the settings say."""
    settings = settings or get_settings()
    return Offer(
        plan_catalogue(settings),
        tax_percent=settings.tax_percent,
        payment_due_ms=milliseconds(settings.payment_due),
        grace_ms=milliseconds(settings.grace),
        lapse_keeps_ms=milliseconds(settings.lapse_keeps),
        timezone=settings.timezone,
        provider=settings.payments,
        seller=settings.seller_lines,
    )


def plan_catalogue(settings: Settings | None = None) -> dict[str, Plan]:
    """The built-in plans and the host's own."""
    built_in = Path(config.__file__).parent / "plans.toml"
    try:
        return load_plans(built_in, (settings or get_settings()).plans_file)
    except Invalid as error:
        raise Invalid(f"INMAIL_PLANS_FILE: {error}", code=error.code) from None
