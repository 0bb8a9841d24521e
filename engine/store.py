"""The one place that talks to Redis on behalf of the engine: the client, the scripts, the clock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, cast

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from config.redis_address import names_cluster, parse_cluster
from engine.cluster import ClusterClient
from engine.keys import Keys
from engine.script_client import ScriptClient
from engine.witness import Witness

Call = tuple[str, list[str], Sequence[str | int | bytes]]
"""One call of a script: its name, its keys, its arguments after the time."""

AnyClient = redis.Redis | ClusterClient

RedisTrouble = redis.RedisError
"""What any call of the engine raises when Redis does not answer or answers that it cannot."""


def trouble_text(error: BaseException) -> str:
    """What Redis trouble says, without the command redis-py quotes: an address may stand in it."""
    return str(error).rpartition("caused error: ")[2]


def open_client(url: str, *, timeout_s: float = 15.0) -> AnyClient:
    """A client for ``url``, a server's or a cluster's, that repeats a call a few times after a broken connection.

    Repeating is safe because every script run again with the same arguments changes nothing.
    """
    if names_cluster(url):
        return ClusterClient(parse_cluster(url), timeout_s=timeout_s)
    return ScriptClient.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=5,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 3),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )


@cache
def script_source(name: str) -> str:
    """The text of one script: the shared beginning, then its own body. KeyError for an unknown name."""
    folder = resources.files("engine.lua")
    if not (folder / f"{name}.lua").is_file() or name.startswith("_"):
        raise KeyError(f"no script {name!r} in engine/lua")
    # The scripts that are not about one account stand alone; a long one's functions have a file of their own.
    parts = (
        (*("_clock.lua",) * (name in CLOCKED), *("_directory.lua",) * (name in DIRECTORY))
        if name in STANDALONE
        else (*BEGINNING, *("_talk.lua",) * (name in TALK), *("_amends.lua",) * (name in AMENDS), f"_{name}.lua")
    )
    return "".join((folder / part).read_text() for part in (*parts, f"{name}.lua") if (folder / part).is_file())


@cache
def script_digest(name: str) -> str:
    """What Redis calls one script by."""
    return hashlib.sha1(script_source(name).encode(), usedforsecurity=False).hexdigest()


BEGINNING = ("_keys.lua", "_log.lua", "_moves.lua")


TALK = frozenset({"reply", "undo", "say", "erase"})
"""The scripts of a conversation: called with the keys of one, ``Keys.of_conversation``."""


AMENDS = frozenset({"open_account", "amend"})
"""The scripts that change a subscription: called with the keys of one, ``Keys.of_subscription``."""

DIRECTORY = frozenset({"put_profiles", "remove_profiles", "hide_profiles", "place_addresses", "wish"})
"""The scripts of the directory: called with keys of one of its shards."""

CLOCKED = DIRECTORY | {"deliver", "rotate_key", "begin_request", "begin_upload", "note_upload"}
"""Those of the standalone scripts that are told the time."""

STANDALONE = frozenset(
    {
        *("deliver", "lead", "resign", "rest", "snapshot"),
        *("admit", "rotate_key", "begin_request", "end_request", "begin_upload", "note_upload"),
        *DIRECTORY,
    }
)


class Store:
    """A Redis client, the key names and the scripts; shared freely between threads.

    ``at_ms`` is None in production, where Redis' own clock decides; a simulation sets it. ``spread`` says whether
    keys lie in the slots of a cluster, so that a script can be called with keys of one slot only.
    """

    def __init__(self, client: AnyClient, namespace: str = "inmail", at_ms: int | None = None) -> None:
        self.client: Any = client
        self.spread = isinstance(client, ClusterClient)
        self.keys = Keys(namespace)
        self.at_ms = at_ms
        self.witness = Witness()

    def reach(self) -> None:
        """Connect where nothing did yet, changing nothing; raises RedisTrouble where Redis cannot be reached."""
        if self.spread:
            self.client.connect()
        else:
            self.client.ping()

    def run(self, name: str, keys: list[str], *args: str | int | bytes) -> list[Any]:
        """Run one script with the time put before its arguments; text replies come back as str."""
        try:
            reply = self._call(name, keys, [self.at_ms or 0, *args])
        except ResponseError as error:
            raise _named(error) from error
        return [_text(item) for item in reply] if isinstance(reply, list) else [_text(reply)]

    def run_many(self, calls: Sequence[Call]) -> list[list[Any]]:
        """Run scripts in one round trip, in no order, each answered as by ``run``.

        Errors: the first there is, after all were tried; what was done stays, and all may be run again.
        """
        if len(calls) == 1:
            return [self.run(calls[0][0], calls[0][1], *calls[0][2])]
        pipe = self.client.pipeline(transaction=False)
        for name, keys, args in calls:
            named = self._named_keys(keys)
            pipe.execute_command("EVALSHA", script_digest(name), len(named), *named, self.at_ms or 0, *args)
        replies = []
        for (name, keys, args), reply in zip(calls, pipe.execute(raise_on_error=False), strict=True):
            if isinstance(reply, NoScriptError):
                replies.append(self.run(name, keys, *args))
            elif isinstance(reply, ResponseError):
                raise _named(reply)
            elif isinstance(reply, Exception):
                raise reply
            else:
                replies.append([_text(item) for item in reply] if isinstance(reply, list) else [_text(reply)])
        return replies

    def run_bare(self, name: str, keys: list[str], *args: str | int) -> Any:
        """Run a standalone script that takes no time."""
        return self._call(name, keys, args)

    def now_ms(self, near: str | None = None) -> int:
        """The time every decision is made by: Redis', or the simulation's.

        On a cluster that of the master which holds the key ``near``, else that of the agenda: the clocks of two masters
        may differ by some ms, so that a time is compared with the clock it was written by.
        """
        if self.at_ms is not None:
            return self.at_ms
        asked = self.client.time_near(near or self.keys.runnable) if self.spread else self.client.time()
        seconds, micros = cast("tuple[int, int]", asked)
        return seconds * 1000 + micros // 1000

    def hash(self, key: str) -> dict[str, str]:
        """A whole hash as text; empty where the key does not exist."""
        return {_text(k): _text(v) for k, v in self.client.hgetall(key).items()}

    def hashes(self, *keys: str) -> list[dict[str, str]]:
        """Several whole hashes in one round trip, each as by ``hash``."""
        pipe = self.client.pipeline(transaction=False)
        for key in keys:
            pipe.hgetall(key)
        return [{_text(k): _text(v) for k, v in found.items()} for found in pipe.execute()]

    def _call(self, name: str, keys: list[str], args: Sequence[str | int | bytes]) -> Any:
        named = self._named_keys(keys)
        try:
            return self.client.execute_command("EVALSHA", script_digest(name), len(named), *named, *args)
        except NoScriptError:
            # The server then keeps it; of a cluster only this master is asked, as another may be away.
            return self.client.execute_command("EVAL", script_source(name), len(named), *named, *args)

    def _named_keys(self, keys: list[str]) -> list[str]:
        """The keys to call a script with: on a cluster one more, which keeps it from running in a slot on its way."""
        return [*keys, self.keys.still(keys[0])] if self.spread else keys


def _named(error: ResponseError) -> ResponseError:
    """What Redis 6.2 says of an error within a script, as the kind of error newer ones make of it."""
    for word, kind in (("-OOM", OutOfMemoryError), ("-READONLY", ReadOnlyError)):
        if word in str(error):
            return kind(str(error).partition(word)[2].strip())
    return error


def _text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
