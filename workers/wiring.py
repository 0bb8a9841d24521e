"""The one broker every process uses, with its middleware in order."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Callbacks, Pipelines, Retries, ShutdownNotifications, TimeLimit

from engine.store import Store, open_client
from workers.middleware import LogContext, Presence


def make_broker(url: str, namespace: str, store: Store) -> RedisBroker:
    """A Redis broker under ``namespace``, set as Dramatiq's global one."""
    broker = RedisBroker(
        client=open_client(url),
        namespace=f"{namespace}:dramatiq",
        middleware=[
            AgeLimit(),
            TimeLimit(),
            ShutdownNotifications(),
            Callbacks(),
            Pipelines(),
            Retries(max_retries=8, min_backoff=1_000, max_backoff=60_000),
            LogContext(),
            Presence(store),
        ],
    )
    dramatiq.set_broker(broker)
    return broker
