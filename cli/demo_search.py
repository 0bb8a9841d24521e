"""The demo's search: its candidates in the directory, some of them found by a small account that writes to them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.output import console, say
from engine import opening, submitting
from engine.directory.importing import import_profiles, open_candidates
from engine.errors import one_line
from engine.intake.lists import CandidateList, open_list
from engine.message import Message
from engine.plans import Plan
from engine.search.follower import catch_up
from engine.search.index import Index
from engine.search.query import QueryError
from engine.search.searching import Item, Result, search
from engine.search.snapshot import snapshot
from engine.store import Store

ACCOUNT: Final = "scout"
_NARROWS_BY: Final = ("location", "company", "skill")
_SHOWN: Final = 3


def find_and_write(
    store: Store,
    folder: Path,
    source: Path,
    plan: Plan,
    order: submitting.Order,
    write: Callable[[CandidateList], Message],
) -> str | None:
    """Put a list into the directory, show a search and submit whom it finds; None where that is nobody, or so many
    that they would hold up the demo."""
    with open_candidates(source) as listed:
        put = import_profiles(store, listed)
    opening.open_account(store, ACCOUNT, email="ben@example.org", name="Ben, Harbour Talent", plan=plan)
    catch_up(store, folder)
    index = Index.open(folder)
    everybody = search(store, index, ACCOUNT, "")
    query, found = _narrowed(store, index, everybody, most=plan.credits_a_month)
    say(f"directory {put.accepted:,} people; on {plan.name} a search shows {_told(everybody)}")
    say(f"search    {query or 'everybody'}")
    say(f"          showing {_told(found)}")
    for item in found.items[:_SHOWN]:
        say(f"          {_line(item)}"[: console.width])
    if not 0 < found.shown <= plan.credits_a_month:
        return None
    taken = snapshot(store, index, ACCOUNT, query)
    with open_list("-", stdin=io.BytesIO(taken.as_lines())) as listed:
        done = submitting.submit(store, ACCOUNT, listed, write(listed), order)
    say(f"          a second account, on {plan.name}, writes to these {done.tally.accepted}")
    return done.campaign


def _narrowed(store: Store, index: Index, everybody: Result, *, most: int) -> tuple[str, Result]:
    """A query for the most frequent place, there the most frequent company, … until it finds so few; and its result."""
    query, found = "", everybody
    for field in _NARROWS_BY:
        values = found.facets.get(field)
        if found.total <= most or not values:
            continue
        narrower = f'{query} {field}:"{values[0][0].replace(chr(34), " ")}"'.strip()
        try:
            query, found = narrower, search(store, index, ACCOUNT, narrower)
        except QueryError:  # nothing but signs
            continue
    return query, found


def _told(found: Result) -> str:
    cap = ", the plan's limit" if found.cap and found.shown < found.total else ""
    return f"{found.shown:,} of {found.total:,}{cap}"


def _line(item: Item) -> str:
    it = item.profile
    who = it.name or it.id
    why = "; ".join(f"{field} {text}" for field, text in item.why)
    return one_line(f"{who} ({why})" if why else who)
