"""Processes whose every trip to Redis is counted, and one of which goes wrong in a chosen way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

KINDS = ("refused", "lost", "repeated", "died before", "died after", "forgotten", "scripts gone")
"""What can go wrong at a trip: it fails before Redis does anything; Redis does it and the reply is lost, which the
caller sees or which its client answers by sending it again; the process dies just before or just after; all derived
keys and the whole broker are deleted right after; the script cache was flushed."""


class Died(BaseException):
    """The process was killed: nothing of it runs on, no handler and no clean-up."""


@dataclass(slots=True)
class Trips:
    """Counts the trips of all processes together; number ``at`` goes wrong (0 = none), in the way of ``kind``."""

    at: int = 0
    kind: str = ""
    count: int = 0
    forget: Callable[[], Any] = field(default=lambda: None)
    flush_scripts: Callable[[], Any] = field(default=lambda: None)


class FaultyRedis(redis.Redis):
    """One process' client. Once the process has died, every further call only dies again."""

    def __init__(self, trips: Trips, path: str) -> None:
        super().__init__(unix_socket_path=path, retry=Retry(NoBackoff(), 0))
        self.trips, self.dead = trips, False

    def execute_command(self, *args: Any, **options: Any) -> Any:
        send = super().execute_command
        # A script of the engine's is answered alike the second time; the broker's fetch is made good in another way.
        alike = str(args[0]).startswith("EVAL") and "{dramatiq}" not in str(args[3])
        return self._trip(lambda: send(*args, **options), alike=alike)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Any:
        pipe = super().pipeline(transaction, shard_hint)
        execute = pipe.execute

        def counted(raise_on_error: bool = True) -> Any:
            stack = list(pipe.command_stack)

            def send() -> Any:
                pipe.command_stack[:] = stack
                return execute(raise_on_error)

            return self._trip(send) if stack else execute(raise_on_error)

        pipe.execute = counted
        return pipe

    def _trip(self, send: Callable[[], Any], *, alike: bool = False) -> Any:
        if self.dead:
            raise Died
        trips = self.trips
        trips.count += 1
        if trips.count != trips.at:
            return send()
        if trips.kind == "refused":
            raise redis.ConnectionError("refused")
        if trips.kind == "scripts gone":
            trips.flush_scripts()
            return send()
        if trips.kind == "died before":
            self.dead = True
            raise Died
        reply = send()
        if trips.kind == "died after":
            self.dead = True
            raise Died
        if trips.kind == "lost":
            raise redis.ConnectionError("reply lost")
        if trips.kind == "repeated":
            again = send()
            assert again == reply or not alike, f"the repeat was answered {again!r}, the first {reply!r}"
            return again
        trips.forget()
        return reply
