"""A small application for the dramatiq command, steered by its environment."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from workers.broker import DurableRedisBroker

timeout = int(os.environ.get("APP_HEARTBEAT_TIMEOUT", "15000"))
broker: Any
if os.environ["APP_BROKER"] == "ours":
    broker = DurableRedisBroker(url=os.environ["APP_URL"], heartbeat_timeout=timeout, heartbeat_interval=timeout // 5)
else:
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        url=os.environ["APP_URL"], heartbeat_timeout=timeout
    )
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="q", time_limit=3_600_000)
def note(value: Any, busy_s: float = 0.0) -> None:
    """Note that it began, be busy, note that it ended: two lines in $NOTES."""
    with Path(os.environ["NOTES"]).open("a") as notes:
        print("began", value, file=notes, flush=True)
        threading.Event().wait(busy_s)
        print("ended", value, file=notes, flush=True)


@dramatiq.actor(queue_name="q")
def kill_a_consumer_thread() -> None:
    """Make the next fetch fail in a way nothing is prepared for: the thread dies, the process stays."""
    consumer = broker.open_consumers()[0]

    def die(*_: Any) -> None:
        raise SystemExit

    consumer._hand.wait_for_room = die
