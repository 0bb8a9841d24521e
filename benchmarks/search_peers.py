"""The same queries by other means: SQLite's FTS5, and sets in Redis. What they cannot express they are not asked."""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import redis

from benchmarks.candidates import candidates
from engine.directory.profile import Profile
from engine.search.schema import fields_of
from engine.search.tree import TEXT_FIELDS, Active, And, Node, Not, Open, Or, Term, Years

FIRST = 100


class Unsaid(Exception):
    """The peer has no way to express this query."""


class Fts5:
    """A table of FTS5 over the same folded words, and a plain one beside it for numbers."""

    name = "SQLite FTS5"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = sqlite3.connect(path)
        self.db.execute("pragma journal_mode=off")
        self.db.execute("pragma synchronous=off")
        self.db.execute("pragma cache_size=-200000")
        columns = ", ".join(TEXT_FIELDS)
        # The sign between two skills is a token here as well, so that no phrase reaches over it.
        tokenizer = "unicode61 remove_diacritics 0 categories 'L* N* M* S* Co'"
        if self.db.execute("select count(*) from sqlite_master").fetchone() != (0,):
            return
        self.db.execute(f'create virtual table words using fts5({columns}, content="", tokenize="{tokenizer}")')
        self.db.execute("create table person (number integer primary key, years int, open int, active int)")

    def put(self, first: int, rows: list[dict[str, Any]]) -> None:
        marks = ",".join("?" * (len(TEXT_FIELDS) + 1))
        words = ([first + n, *(row[name] for name in TEXT_FIELDS)] for n, row in enumerate(rows))
        self.db.executemany(f"insert into words(rowid, {','.join(TEXT_FIELDS)}) values ({marks})", words)
        facts = ((first + n, row.get("years"), row["open"], row.get("active")) for n, row in enumerate(rows))
        self.db.executemany("insert into person values (?,?,?,?)", facts)

    def finish(self) -> None:
        self.db.commit()

    def bytes(self) -> int:
        return self.path.stat().st_size

    def prepare(self, node: Node) -> Any:
        parts = node.children if isinstance(node, And) else (node,)
        words = [part for part in parts if not isinstance(part, Years | Open | Active)]
        facts = [_fact(part) for part in parts if isinstance(part, Years | Open | Active)]
        if not words:
            raise Unsaid
        match = _matching(And(tuple(words)) if len(words) > 1 else words[0])
        table = "words join person on person.number = words.rowid" if facts else "words"
        return f"from {table} where words match ?" + "".join(f" and {fact}" for fact in facts), match

    def search(self, prepared: Any) -> int:
        """How many, and the first hundred by its BM25."""
        said, match = prepared
        (count,) = self.db.execute(f"select count(*) {said}", (match,)).fetchone()
        self.db.execute(f"select words.rowid {said} order by rank limit {FIRST}", (match,)).fetchall()
        return int(count)

    def everyone(self, prepared: Any) -> set[int]:
        said, match = prepared
        return {number for (number,) in self.db.execute(f"select words.rowid {said}", (match,))}


def _fact(node: Node) -> str:
    match node:
        case Years(low, high):
            return f"years between {low or 0} and {1000 if high is None else high}"
        case Open(value):
            return f"open = {int(value)}"
        case Active(since_ms, until_ms):
            return f"active >= {since_ms or 1} and active < {until_ms or 10**15}"
    raise Unsaid


def _matching(node: Node) -> str:
    match node:
        case Term():
            return f'{{{" ".join(node.fields)}}} : "{" ".join(node.tokens)}"{" *" if node.prefix else ""}'
        case Or(children):
            return "(" + " OR ".join(map(_matching, children)) + ")"
        case And(children):
            wanted = [_matching(child) for child in children if not isinstance(child, Not)]
            unwanted = [_matching(child.child) for child in children if isinstance(child, Not)]
            if not wanted:
                raise Unsaid
            said = "(" + " AND ".join(wanted) + ")"
            return f"({said} NOT ({' OR '.join(unwanted)}))" if unwanted else said
    raise Unsaid


class Sets:
    """A set of numbers per field and word; whole words only, no phrases."""

    name = "Redis sets"

    def __init__(self, url: str) -> None:
        self.client: Any = redis.Redis.from_url(url)
        self._pending: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))

    def put(self, first: int, rows: list[dict[str, Any]]) -> None:
        for number, row in enumerate(rows, first):
            for name in TEXT_FIELDS:
                for token in set(row[name].split()):
                    self._pending[f"{name}:{token}"].append(number)
            self._pending[f"years:{row.get('years')}"].append(number)
            self._pending[f"open:{row['open']}"].append(number)

    def finish(self) -> None:
        pipe = self.client.pipeline(transaction=False)
        for key, numbers in self._pending.items():
            for start in range(0, len(numbers), 10_000):
                pipe.sadd(key, *numbers[start : start + 10_000])
            if len(pipe) > 20:
                pipe.execute()
        pipe.execute()
        self._pending.clear()

    def bytes(self) -> int:
        return int(self.client.info("memory")["used_memory"])

    def prepare(self, node: Node) -> Any:
        parts = node.children if isinstance(node, And) else (node,)
        wanted = [list(_keys(part)) for part in parts if not isinstance(part, Not)]
        unwanted = [key for part in parts if isinstance(part, Not) for key in _keys(part.child)]
        if not wanted:
            raise Unsaid
        return wanted, unwanted

    def search(self, prepared: Any) -> int:
        """How many, and some hundred."""
        pipe = self._asked(prepared)
        pipe.sscan("found", count=FIRST)
        return int(pipe.execute()[-2])

    def everyone(self, prepared: Any) -> set[int]:
        pipe = self._asked(prepared)
        pipe.smembers("found")
        return set(map(int, pipe.execute()[-1]))

    def _asked(self, prepared: Any) -> Any:
        wanted, unwanted = prepared
        pipe = self.client.pipeline(transaction=False)
        names = []
        for n, keys in enumerate(wanted):
            if len(keys) > 1:
                pipe.sunionstore(f"union:{n}", keys)
            names.append(f"union:{n}" if len(keys) > 1 else keys[0])
        pipe.sinterstore("found", names)
        if unwanted:
            pipe.sdiffstore("found", ["found", *unwanted])
        return pipe


def _keys(node: Node) -> Iterator[str]:
    """The sets of which one must hold who matches."""
    match node:
        case Term(fields, (token,), False):
            yield from (f"{field}:{token}" for field in fields)
        case Or(children):
            for child in children:
                yield from _keys(child)
        case Open(value):
            yield f"open:{value}"
        case Years(low, high):
            yield from (f"years:{years}" for years in range(low or 0, 81 if high is None else min(high, 80) + 1))
        case _:
            raise Unsaid


_SHARE = 125_000


def shares(count: int) -> list[tuple[int, int]]:
    """The first profile of each share, and how many there are: a share is the same profiles whoever makes it."""
    return [(first, min(_SHARE, count - first)) for first in range(0, count, _SHARE)]


def chunks(share: tuple[int, int]) -> Iterator[list[Profile]]:
    """The profiles of a share, some thousands at a time."""
    first, count = share
    made = candidates(count, seed=8 + first, first=first)
    while chunk := list(islice(made, 5_000)):
        yield chunk


def rows(profiles: Iterable[Profile]) -> list[dict[str, Any]]:
    """What stands in the index of each."""
    return [fields_of(profile) for profile in profiles]
