"""The only place that talks to Redis: runs the scripts, and turns errors into those Dramatiq survives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final

import redis
import redis.cluster
from dramatiq.errors import ConnectionClosed
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.retry import Retry

type_client = redis.Redis | redis.cluster.RedisCluster

SOCKET_TIMEOUT_S: Final = 5.0
CONNECT_RETRIES: Final = 3
#: The longest a consumer sleeps in Redis: what it is not roused for, it sees this late.
BLOCK_MS_MAX: Final = 1000
#: The shortest: Redis 6.2 rounds a single millisecond down to 0, which to BLPOP is for ever.
BLOCK_MS_MIN: Final = 2
#: All that a call can fail with; the last two come of a cluster or a socket, and are no RedisErrors.
FAILURES: Final = (RedisError, RedisClusterException, OSError)


def connect(url: str | None = None, **parameters: Any) -> redis.Redis:
    """Make a client that repeats a call whose reply was lost: safe, as every script is idempotent.

    Units:   socket_timeout in seconds, 5 by default; keep it above twice BLOCK_MS_MAX
    """
    settings: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), CONNECT_RETRIES),
        **parameters,
    }
    if url is None:
        return redis.Redis(**settings)
    return redis.Redis.from_url(url, **settings)


@contextmanager
def survivable() -> Iterator[None]:
    """Turn any failure of Redis within the block into the kind of error Dramatiq waits out."""
    try:
        yield
    except FAILURES as error:
        raise survivable_error(error) from error


def survivable_error(error: Exception) -> ConnectionClosed:
    """Put a failure, READONLY, OOM, time-outs and broken scripts included, as Dramatiq's ConnectionClosed."""
    return ConnectionClosed(f"{type(error).__name__}: {error}")


class Scripts:
    """Runs `lua/<name>.lua` by its digest, sending the text along only where the server has forgotten it."""

    def __init__(self, client: type_client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        #: A cluster refuses a script called with several keys that are not there while their slot is being moved.
        self._keys = (namespace, f"{namespace}:__still__")
        folder = resources.files(__package__) / "lua"
        files = sorted(folder.iterdir(), key=lambda file: file.name)
        prelude = "".join(file.read_text(encoding="utf-8") for file in files if file.name.startswith("prelude"))
        self._texts: dict[str, str] = {}
        self._digests: dict[str, str] = {}
        for file in files:
            name = file.name.removesuffix(".lua")
            if not name.startswith("prelude") and file.name.endswith(".lua"):
                text = prelude + file.read_text(encoding="utf-8")
                self._texts[name] = text
                self._digests[name] = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def run(self, name: str, *arguments: str | bytes | int) -> Any:
        """Run one script, atomically, and return its reply.

        Errors:  KeyError for an unknown script; ConnectionClosed for anything Redis has against it
        """
        try:
            call: Any = self.client.execute_command  # without what redis-py's own method for it adds each time
            return call("EVALSHA", self._digests[name], 2, *self._keys, *arguments)
        except NoScriptError:
            # A restart, a failover or SCRIPT FLUSH. EVAL is one step (and keeps the script again).
            with survivable():
                return self.client.eval(self._texts[name], 2, *self._keys, *arguments)
        except FAILURES as error:
            raise survivable_error(error) from error

    def sleep_until_woken(self, queue_name: str, wait_ms: int) -> None:
        """Sleep in Redis until there may be work in a queue, `wait_ms` at most (and BLOCK_MS_MAX)."""
        wait_ms = max(BLOCK_MS_MIN, min(wait_ms, self._block_ms_max()))
        with survivable():
            self.client.blpop([f"{self.namespace}:{queue_name}.wake"], timeout=wait_ms / 1000)

    def _block_ms_max(self) -> int:
        """Half of the client's socket time-out: blocking longer would look like a dead server."""
        pool = getattr(self.client, "connection_pool", None)
        kwargs = pool.connection_kwargs if pool is not None else self.client.get_connection_kwargs()
        timeout_s = kwargs.get("socket_timeout")
        return BLOCK_MS_MAX if timeout_s is None else min(BLOCK_MS_MAX, int(timeout_s * 500))
