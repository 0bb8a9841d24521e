"""A Redis client on which scripts go the short way: a connection of the thread's own, nothing between it and them.

The ordinary way of redis-py costs as much CPU as the script it carries, and a worker does little else than call scripts
(``python -m benchmarks.sends``, the row of pack size 1). Whatever goes wrong on the short way is done again the
ordinary way, with its retries: scripts may be repeated.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

_BROKEN = (RedisConnectionError, RedisTimeoutError, OSError)


class ScriptClient(redis.Redis):
    """redis-py's client but for EVALSHA. Each thread that calls scripts keeps one connection until it ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = threading.local()
        self._all: weakref.WeakSet[Any] = weakref.WeakSet()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] != "EVALSHA" or options:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        # Out of reach while a reply is awaited: an exception thrown into this thread must not leave a connection
        # behind on which the next call would read this one's reply.
        pid, line = self._own.__dict__.pop("line", (0, None))
        if line is None or pid != os.getpid():
            line = self._connection()
        try:
            line.send_command(*args, check_health=False)
            reply = line.read_response()
        except ResponseError:
            self._own.line = os.getpid(), line
            raise
        except _BROKEN:
            line.disconnect()
            return super().execute_command(*args)  # type: ignore[no-untyped-call]
        except BaseException:
            line.disconnect()
            raise
        self._own.line = os.getpid(), line
        return reply

    def close(self) -> None:
        for line in list(self._all):
            line.disconnect()
        super().close()

    def _connection(self) -> Any:
        made = self.connection_pool.connection_class(**self.connection_pool.connection_kwargs)
        self._all.add(made)
        return made
