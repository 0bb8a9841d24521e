"""Saved searches: queries an account keeps under a name. What they find is looked for anew each time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from engine.accounts import get_account
from engine.errors import Invalid, NotFound, Refused
from engine.search.query import parse
from engine.store import Store

SAVED_MAX: Final = 200
NAME_CHARS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Saved:
    """A query under a name; ``saved_at_ms`` is when it was last changed."""

    name: str
    query: str
    saved_at_ms: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def save(store: Store, account: str, name: str, query: str) -> bool:
    """Keep a query under a name, in the place of the one before; False when it stood so already.

    Errors: NotFound; QueryError for a query that cannot be read; Invalid for a bad name; Refused past SAVED_MAX.
    """
    get_account(store, account)
    name = check_name(name)
    parse(query, now_ms=store.now_ms())
    key = store.keys.searches(account)
    known = store.client.hget(key, name)
    if known is not None and orjson.loads(known)["query"] == query:
        return False
    if known is None and store.client.hlen(key) >= SAVED_MAX:
        raise Refused(f"account {account!r} has {SAVED_MAX} saved searches: remove some", code="too_many_searches")
    store.client.hset(key, name, orjson.dumps({"query": query, "saved_at_ms": store.now_ms(key)}))
    return True


def get(store: Store, account: str, name: str) -> Saved:
    """The saved search of that name; raises NotFound (``no_search``)."""
    name = _clean(name)
    stored = store.client.hget(store.keys.searches(account), name)
    if stored is None:
        raise NotFound(f"no saved search {name[:80]!r} of account {account!r}", code="no_search")
    return Saved(name, **orjson.loads(stored))


def of_account(store: Store, account: str) -> list[Saved]:
    """The account's saved searches by name; raises NotFound for an account that is not there."""
    get_account(store, account)
    found = store.client.hgetall(store.keys.searches(account))
    return [Saved(name.decode(), **orjson.loads(stored)) for name, stored in sorted(found.items())]


def remove(store: Store, account: str, name: str) -> bool:
    """Forget a saved search; False where there is none of that name."""
    get_account(store, account)
    return bool(store.client.hdel(store.keys.searches(account), _clean(name)))


def query_of(store: Store, account: str, asked: str) -> str:
    """The query that is meant: that of the saved search of this name, else the text itself."""
    stored = store.client.hget(store.keys.searches(account), _clean(asked))
    return str(orjson.loads(stored)["query"]) if stored is not None else asked


def check_name(name: str) -> str:
    """A name for a saved search, blanks made one; raises Invalid."""
    name = _clean(name)
    if not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable() or "/" in name or not name.strip("."):
        raise Invalid(f"a saved search's name has 1 to {NAME_CHARS_MAX} printable characters, no '/'", code="bad_name")
    return name


def _clean(name: str) -> str:
    return " ".join(name.split())
