"""Redis addresses: which are accepted, what is wrong with one, and how one names a cluster.

A cluster is named by a few of its masters, ``redis+cluster://[user:password@]host:port,host:port[?options]``; the
client asks those for the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from redis.connection import ConnectionPool, parse_url
from redis.exceptions import RedisError

_PORT: Final = 6379
_SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+cluster://", "rediss+cluster://")
# Of what redis-py takes behind the '?', that which the engine's own way of connecting does not depend on.
_CLUSTER_OPTIONS = {"username", "password", "client_name", "protocol", "socket_timeout", "socket_connect_timeout"}
_CLUSTER_OPTIONS |= {"socket_keepalive", "max_connections"}
_SERVER_OPTIONS = _CLUSTER_OPTIONS | {"db", "health_check_interval"}
_TLS_OPTIONS = {"ssl_cert_reqs", "ssl_check_hostname", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"}
_TLS_OPTIONS |= {"ssl_password"}


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Some masters of a cluster (host, port), and redis-py's options for a connection to any of it."""

    nodes: tuple[tuple[str, int], ...]
    options: dict[str, Any]

    @property
    def shown(self) -> str:
        """The masters as they were named, without user and password."""
        return ",".join(f"{host}:{port}" for host, port in self.nodes)


def names_cluster(url: str) -> bool:
    """Whether an address is that of a cluster."""
    return url.startswith(_SCHEMES[-2:])


def shown(url: str) -> str:
    """Where an address leads, in words and without user and password."""
    if names_cluster(url):
        return f"the cluster at {parse_cluster(url).shown}"
    parts = parse_url(url)  # type: ignore[no-untyped-call]
    return parts.get("path") or f"{parts.get('host', 'localhost')}:{parts.get('port', _PORT)}"


def identity(url: str) -> str:
    """What tells one Redis from another, however its options, user and password are written."""
    if names_cluster(url):
        return ",".join(sorted(parse_cluster(url).shown.split(",")))
    return f"{shown(url)}/{parse_url(url).get('db', 0)}"  # type: ignore[no-untyped-call]


def parse_cluster(url: str) -> ClusterAddress:
    """The parts of a cluster's address; ValueError with what is wrong."""
    each = [parse_url(one) for one in _each_node(url)]  # type: ignore[no-untyped-call]
    if any("db" in found or urlsplit(one).path.strip("/") for found, one in zip(each, _each_node(url), strict=True)):
        raise ValueError("a cluster has one database without a number: leave it away")
    nodes = tuple((found.pop("host", "localhost"), found.pop("port", _PORT)) for found in each)
    options = each[0]
    if options.pop("connection_class", None) is not None:
        options["ssl"] = True
    return ClusterAddress(nodes, options)


def check(url: str) -> None:
    """Raise ValueError with what redis-py would say at the first command, whatever is wrong; opens nothing."""
    if not url.startswith(_SCHEMES):
        raise ValueError(f"must begin with {', '.join(_SCHEMES[:-1])} or {_SCHEMES[-1]}")
    try:
        if not names_cluster(url):
            _check_database(url)
            _check_server(url, _SERVER_OPTIONS)
            return
        for one in _each_node(url):
            _check_server(one, _CLUSTER_OPTIONS)
        parse_cluster(url)
    except (ValueError, TypeError, RedisError) as error:
        raise ValueError(f"is no usable address: {error}") from None


def _each_node(url: str) -> list[str]:
    """The address of a single server for each node a cluster's address names."""
    scheme, _, rest = url.partition("+cluster://")
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    user, at, hosts = rest[:end].rpartition("@")
    if not all(hosts.split(",")):
        raise ValueError("a cluster's nodes are named as host:port,host:port")
    return [f"{scheme}://{user}{at}{host}{rest[end:]}" for host in hosts.split(",")]


def _check_database(url: str) -> None:
    path = urlsplit(url).path
    # redis-py passes over one that is no number, and takes database 0.
    if not url.startswith("unix:") and not re.fullmatch(r"/?|/[0-9]{1,9}/?", path):
        raise ValueError("a database is a whole number, as in redis://host:6379/0")


def _check_server(url: str, allowed: set[str]) -> None:
    known = allowed | _TLS_OPTIONS if url.startswith("rediss:") else allowed
    for name in parse_qs(urlsplit(url).query).keys() - known:
        raise ValueError(f"unknown option {name[:60]!r}; there are: {', '.join(sorted(known))}")
    found = parse_url(url)  # type: ignore[no-untyped-call]
    if found.get("db", 0) < 0:
        raise ValueError("a database is a whole number from 0 on")
    for name in ("socket_timeout", "socket_connect_timeout"):
        if not 0 < found.get(name, 1) <= 3600:
            raise ValueError(f"{name} must be above 0 and at most 3600 seconds")
    str(found.get("host", "")).encode("idna")
    ConnectionPool.from_url(url).make_connection()
