"""The list of a campaign: a file, or whom a search finds at this moment."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.output import note
from cli.search import index_of
from cli.session import Session, session
from engine.errors import Invalid, NotFound
from engine.intake.lists import CandidateList, open_list
from engine.search import saved
from engine.search.snapshot import Snapshot, snapshot


def called_after(file: str | None, search: str) -> str:
    """What a campaign is called that was given no name."""
    written = " ".join(search.split()) or "everybody"
    if file is not None:
        written = "stdin" if file == "-" else Path(file).name
    return "".join(char if char.isprintable() else "?" for char in written)[:120]


def query_of(account: str, search: str) -> str:
    """The query that is meant: a saved one by its name, else the text itself. To whoever has saved some it is told of
    a word that is none of them: a mistyped name finds others than it was meant to."""
    with session() as s:
        try:
            return saved.get(s.store, account, search).query
        except (Invalid, NotFound):
            if search.isalnum() and saved.of_account(s.store, account):
                note(f"no saved search is called {search!r}: read as a query")
            return search


@contextmanager
def listed_from(
    s: Session, account: str, file: str | None, query: str, fields: dict[str, str], contacted_days: int
) -> Iterator[CandidateList]:
    """The list in the file, or what the query finds where there is none, told on stderr."""
    if file is not None:
        with open_list(file, mapping=fields) as listed:
            yield listed
        return
    taken = snapshot(s.store, index_of(s), account, query, contacted_days=contacted_days)
    _tell(taken)
    with open_list("-", mapping=fields, stdin=io.BytesIO(taken.as_lines())) as listed:
        yield listed


def _tell(taken: Snapshot) -> None:
    left_out = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in taken.left_out.most_common())
    cap = f", your plan shows {taken.shown:,} of them" if taken.shown < taken.total else ""
    note(
        f"the search finds {taken.total:,}{cap}; {len(taken.rows):,} to write to"
        + (f", left out: {left_out}" if left_out else "")
    )
