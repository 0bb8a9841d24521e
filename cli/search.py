"""``inmail candidates search`` and ``inmail search``: find people, keep queries under a name."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.account import AccountId, Json
from cli.output import fitting, listing, note, pairs, print_json, say, warn, when
from cli.session import Session, session
from engine.errors import one_line
from engine.search import saved, searching
from engine.search.follower import catch_up, is_behind
from engine.search.index import Index
from engine.search.marks import Mark

app = typer.Typer(help="Saved searches: queries kept under a name.", no_args_is_help=True)

_CELL_CHARS_MAX = 40
_COLUMNS = ("id", "name", "title", "company", "location")

Query = Annotated[str, typer.Argument(metavar="QUERY", help="what to look for, or the name of a saved search")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="the saved search's name")]


def index_of(s: Session) -> Index:
    """The index of this machine, brought up to date unless another process does that already."""
    path = s.settings.index_dir
    if not path.exists():
        warn("building the search index; with many profiles this takes a while, the first time only")
    if catch_up(s.store, path) == 0 and is_behind(s.store, path):
        warn("another process keeps the search index and is behind: the newest changes are not in it yet")
    return Index.open(path)


def search(
    account: AccountId,
    query: Query,
    limit: Annotated[int, typer.Option(min=1, max=searching.PAGE_MAX, help="so many to a page")] = 25,
    after: Annotated[str, typer.Option(metavar="CURSOR", help="go on after a page: what it said after 'more:'")] = "",
    contacted_days: Annotated[
        int,
        typer.Option(
            min=0, max=searching.CONTACTED_DAYS_MAX, help="mark whom the account wrote to within so many days"
        ),
    ] = searching.CONTACTED_DAYS,
    as_json: Json = False,
) -> None:
    """Find candidates in the directory, as many as the account's plan shows; docs/search.md has the grammar."""
    with session(changes=True) as s:
        text = saved.query_of(s.store, account, query)
        if text != query:
            note(f"the saved search {query!r}: {text}")
        found = searching.search(
            s.store, index_of(s), account, text, limit=limit, after=after, contacted_days=contacted_days
        )
    if as_json:
        print_json(found.as_dict())
        return
    _show(found, after)


def _show(found: searching.Result, after: str) -> None:
    if not found.total:
        say("nobody matches")
        return
    cap = ", your plan's limit" if found.cap and found.shown < found.total else ""
    say(f"showing {found.shown:,} of {found.total:,}{cap}")
    cells = [_cells(item) for item in found.items]
    fits = fitting(_COLUMNS, cells)
    rows = [(*row[:fits], _below(row[fits:], item)) for row, item in zip(cells, found.items, strict=True)]
    listing(_COLUMNS[:fits], rows, below=True)
    if not after:
        pairs({name: _counted(values) for name, values in found.facets.items() if values and name != "open"})
    if found.next:
        say(f"more: --after {found.next}")


def _cells(item: searching.Item) -> list[str]:
    it = item.profile
    return [one_line(text)[:_CELL_CHARS_MAX] for text in (it.id, it.name, it.title, it.company, it.location)]


def _below(unfit: list[str], item: searching.Item) -> str:
    """What stands below a candidate: the columns there was no room for, the mark, and why they are found."""
    why = "; ".join(f"{field}: {text}" for field, text in item.why)
    return one_line(" · ".join(filter(None, (", ".join(filter(None, unfit)), _marked(item.mark), why))))


def _counted(values: list[tuple[str, int]]) -> str:
    return one_line("; ".join(f"{value} {count:,}" for value, count in values[:5]))


_WORDS = {
    "no_address": "no address",
    "opted_out": "wants no InMail",
    "suppressed": "suppressed",
    "open": "has one open",
}


def _marked(mark: Mark | None) -> str:
    if mark is None:
        return ""
    if mark.kind == "contacted":
        return f"written to {when(mark.at_ms or 0)[:10]}"
    until = f" until {when(mark.until_ms)[:10]}" if mark.until_ms else ""
    return _WORDS[mark.kind] + until


@app.command("save")
def save(
    account: AccountId,
    name: Name,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="what to look for")],
) -> None:
    """Keep a query under a name, in the place of the one before."""
    with session(changes=True) as s:
        new, name = saved.save(s.store, account, name, query), saved.check_name(name)
    say(f"{name!r} is saved" if new else f"{name!r} was saved so already")


@app.command("list")
def list_(account: AccountId, as_json: Json = False) -> None:
    """List the account's saved searches."""
    with session() as s:
        found = saved.of_account(s.store, account)
    if as_json:
        print_json({"items": [each.as_dict() for each in found], "next": None})
    elif found:
        listing(("name", "saved (UTC)"), [(each.name, when(each.saved_at_ms), each.query) for each in found])
    else:
        say("no saved search; keep one with: inmail search save")


@app.command("remove")
def remove(account: AccountId, name: Name) -> None:
    """Forget a saved search."""
    with session(changes=True) as s:
        gone = saved.remove(s.store, account, name)
    say(f"{name!r} is forgotten" if gone else f"there is no saved search {name!r}")
