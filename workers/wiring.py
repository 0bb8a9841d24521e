"""The one broker every process uses, with its middleware in order."""

from __future__ import annotations

import dramatiq
from dramatiq.middleware import (
    CurrentMessage,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)

from config.timings import BROKER_BEAT_MS, BROKER_SILENT_MS
from engine.store import Store, open_client
from workers.broker import DurableRedisBroker
from workers.broker.scripts import SOCKET_TIMEOUT_S
from workers.middleware import LogContext, Presence

SEND, REFUND, PAYMENT = "send", "refund", "payment"
QUEUES = (SEND, REFUND, PAYMENT)
"""The queues there are; the broker learns of each when it is first used."""


def make_broker(url: str, namespace: str, store: Store) -> DurableRedisBroker:
    """The broker of a worker or scheduler process, under ``namespace``; set as Dramatiq's global one."""
    broker = DurableRedisBroker(
        client=open_client(url, timeout_s=SOCKET_TIMEOUT_S),
        namespace=_tagged(namespace),
        heartbeat_interval=BROKER_BEAT_MS,
        heartbeat_timeout=BROKER_SILENT_MS,
        # Of Dramatiq's own those that something here needs: each costs a little for every message.
        middleware=[
            TimeLimit(),
            ShutdownNotifications(),
            CurrentMessage(),
            Retries(max_retries=8, min_backoff=1_000, max_backoff=60_000),
            LogContext(),
            Presence(store),
        ],
    )
    dramatiq.set_broker(broker)
    return broker


def bare_broker(url: str, namespace: str) -> DurableRedisBroker:
    """The same broker to look at and to steer; it runs no message."""
    return DurableRedisBroker(
        client=open_client(url, timeout_s=SOCKET_TIMEOUT_S), namespace=_tagged(namespace), middleware=[]
    )


def _tagged(namespace: str) -> str:
    return f"{namespace}:{{dramatiq}}"
