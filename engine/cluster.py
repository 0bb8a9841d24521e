"""A client for a Redis Cluster that fails and holds on as the one for a single server does.

It connects at its first call, so that a process may start before its Redis. A call that meets a broken connection, a
master that is gone or a slot that is being moved is made again a few times; safe, as every script run again changes
nothing. Whatever still fails is a ``redis.RedisError``, which redis-py's own errors of a cluster are not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

import redis
from redis._parsers.encoders import Encoder
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, ClusterPipeline, PipelineCommand, RedisCluster
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ClusterError,
    MovedError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from config.redis_address import ClusterAddress

PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8)
"""How long to wait before a call is made again; one more than for a single server, as a slot may be on its way."""

_PASSING = (
    RedisConnectionError,
    RedisTimeoutError,
    RedisClusterException,
    ClusterDownError,
    ClusterError,
    TryAgainError,
)
_REDIRECTED = (MovedError, AskError)
_HALF_MOVED = "attempted to access a non local key"
"""What a script is told whose slot began to move while it ran."""


def passes(error: object) -> bool:
    """Whether a failed call may succeed when it is made again in a moment."""
    return isinstance(error, _PASSING) or (isinstance(error, ResponseError) and _HALF_MOVED in str(error))


def plain(error: Exception) -> Exception:
    """The error as a RedisError, without the command redis-py may quote: an address may stand in it."""
    if isinstance(error, RedisClusterException):
        text = next(iter(str(error).strip().splitlines()), type(error).__name__)
        said = text.rpartition("at least one reachable node: ")[2].partition('. "require_full_coverage')[0]
        return RedisConnectionError(
            f"no node of the cluster answers: {said}" if said != text and "Slot" not in said else said
        )
    if isinstance(error, ClusterError) and not isinstance(error, ClusterDownError):
        return RedisConnectionError("a slot is being moved from one master to another; try again")
    return error


class ClusterClient(RedisCluster):
    """redis-py's client of a cluster, holding on as said above; shared freely between threads.

    ``address`` names some of the masters, ``timeout_s`` is how long an answer may take unless the address says so.
    """

    # So many redirections in one call; then the topology is read anew and the call made again after a pause.
    RedisClusterRequestTTL = 6

    def __init__(self, address: ClusterAddress, *, timeout_s: float) -> None:
        self._state, self._address = "unused", address
        self._connection = {"socket_timeout": timeout_s, "socket_connect_timeout": 5, **address.options}
        self._connecting = threading.RLock()
        self.encoder = Encoder("utf-8", "strict", False)  # type: ignore[no-untyped-call]

    def __getattr__(self, name: str) -> Any:
        # What redis-py's own __init__ sets is missing until the first call needs it.
        if name.startswith("__") or name == "connection_pool":
            raise AttributeError(name)
        with self._connecting:
            if self._state == "unused":
                self._state = "connecting"
                try:
                    self._connect()
                finally:
                    self._state = "unused"
                self._state = "connected"
        if name not in self.__dict__:
            raise AttributeError(name)
        return self.__dict__[name]

    def _connect(self) -> None:
        nodes = [ClusterNode(host, port) for host, port in self._address.nodes]  # type: ignore[no-untyped-call]
        try:
            super().__init__(
                startup_nodes=nodes,
                # Tried again here, with pauses and a fresh look at who is master.
                retry=Retry(NoBackoff(), 0),
                # Where the cluster serves what slots it has, so do we.
                require_full_coverage=False,
                **self._connection,
            )
        except RedisClusterException as error:
            raise plain(error) from error

    def connect(self) -> None:
        """Ask the masters named for all others, where that was not done yet. Raises RedisError."""
        _ = self.nodes_manager

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command on the master of its keys. Raises RedisError."""
        return self._persist(lambda: self._once(*args, **options))

    def time_near(self, key: str) -> tuple[int, int]:
        """TIME of the master that holds a key: seconds and microseconds."""

        def ask() -> Any:
            node = self.get_node_from_key(key)  # type: ignore[no-untyped-call]
            return self._once("TIME", target_nodes=node)

        found: tuple[int, int] = self._persist(ask)
        return found

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        """A pipeline over any slots: one round trip for each master; nothing of it is a transaction."""
        return _Pipeline(self)

    def attempt(self, command: PipelineCommand) -> None:
        """Run a command that was redirected, once; its result may be an error again."""
        try:
            command.result = self._once(*command.args, **command.options)
        except (redis.RedisError, RedisClusterException) as error:
            command.result = error

    def refresh(self) -> None:
        """Read anew who holds which slot, where anybody can be asked."""
        try:
            self.nodes_manager.initialize()
        except (redis.RedisError, RedisClusterException):
            return

    def masters(self) -> dict[str, redis.Redis]:
        """A client of each master by its host:port, which tries nothing twice. Raises RedisError."""
        nodes: list[ClusterNode] = self.get_primaries()  # type: ignore[no-untyped-call]
        return {node.name: self.get_redis_connection(node) for node in nodes}

    def get_node(self, host: Any = None, port: Any = None, node_name: Any = None) -> Any:
        # A master that has no slot of its own yet, but is being given its first, is in no list of slots.
        found = super().get_node(host, port, node_name)  # type: ignore[no-untyped-call]
        if found is None and node_name:
            host, _, port = node_name.rpartition(":")
            found = ClusterNode(host, int(port), "primary")  # type: ignore[no-untyped-call]
            self.nodes_manager.nodes_cache[node_name] = found
        return found

    def get_connection_kwargs(self) -> dict[str, Any]:
        return self._connection

    def close(self) -> None:
        if self.__dict__.get("_state") == "connected":
            super().close()

    def _once(self, *args: Any, **options: Any) -> Any:
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def _persist(self, call: Callable[[], Any]) -> Any:
        for pause_s in PAUSES_S:
            try:
                return call()
            except (redis.RedisError, RedisClusterException) as error:
                if not passes(error):
                    raise
            time.sleep(pause_s)
        try:
            return call()
        except (redis.RedisError, RedisClusterException) as error:
            raise plain(error) from error


class _Pipeline(ClusterPipeline):
    """Commands for any slots, sent to each master at once; those that fail in passing are sent again together."""

    def __init__(self, client: ClusterClient) -> None:
        manager = client.nodes_manager
        super().__init__(
            nodes_manager=manager,
            commands_parser=client.commands_parser,
            startup_nodes=list(manager.startup_nodes.values()),
            result_callbacks=client.result_callbacks,
            cluster_response_callbacks=client.cluster_response_callbacks,
            retry=client.retry,
            lock=client._lock,
        )
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was collected and give the replies in its order; errors among them, or the first raised."""
        stack: list[PipelineCommand] = self._execution_strategy.command_queue
        self.reset()  # type: ignore[no-untyped-call]
        left = stack
        for pause_s in (*PAUSES_S, None):
            self._try(left)
            left = [command for command in left if passes(command.result)]
            if not left or pause_s is None:
                break
            time.sleep(pause_s)
            self._client.refresh()
        replies = [plain(found) if isinstance(found, Exception) else found for found in (c.result for c in stack)]
        if raise_on_error:
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
        return replies

    def _try(self, commands: list[PipelineCommand]) -> None:
        for command in commands:
            command.result = None
        try:
            self.send_cluster_commands(  # type: ignore[no-untyped-call]
                commands, raise_on_error=False, allow_redirections=False
            )
        except (redis.RedisError, RedisClusterException) as error:
            for command in commands:
                command.result = error if command.result is None else command.result
            return
        stuck = False
        for command in commands:
            if isinstance(command.result, _REDIRECTED) and not stuck:
                self._client.attempt(command)
                stuck = passes(command.result)
            elif isinstance(command.result, _REDIRECTED):
                command.result = TryAgainError("after others of its slot")
