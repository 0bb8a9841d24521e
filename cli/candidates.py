"""``inmail candidates``: the directory of people who may be written to, and what they say of it themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli import candidates_import
from cli.account import Json
from cli.output import pairs, plural, print_json, say, when
from cli.output_file import Force, Output, tell_written, write_csv, written
from cli.search import search
from cli.session import session
from engine.directory import exporting, wishes
from engine.directory import store as directory
from engine.directory.profile import Profile
from engine.errors import Invalid, one_line

app = typer.Typer(
    help="The directory: import, show, export and remove candidates; what they say of it themselves.",
    no_args_is_help=True,
)
app.command("import")(candidates_import.import_)
# A query may begin with '-', which leaves somebody out: it is no option then, and -hr is not -h.
app.command("search", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})(search)

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
_AT_ONCE: Final = 10_000


@app.command("show")
def show(
    ident: Annotated[str, typer.Argument(metavar="ID", help="the candidate's id, as it was imported")],
    as_json: Json = False,
) -> None:
    """Show a candidate's profile."""
    with session() as s:
        profile = directory.get(s.store, ident)
        hidden = bool(directory.hidden_of(s.store, [ident]))
    found = profile.as_dict() | {"hidden": hidden}
    print_json(found) if as_json else pairs(_as_read(profile, found))


def _as_read(profile: Profile, found: dict[str, Any]) -> dict[str, str]:
    """The fields as a person reads them."""
    shown = {
        name.replace("_", " "): "–" if value in ("", None) else one_line(str(value)) for name, value in found.items()
    }
    shown |= {name: one_line("; ".join(found[name])) or "–" for name in ("skills", "languages")}
    shown |= {word: "yes" if found[word.replace(" ", "_")] else "no" for word in ("open to work", "consent", "hidden")}
    del shown["last active ms"], shown["updated at ms"]
    return shown | {"last active (UTC)": when(profile.last_active_ms), "updated (UTC)": when(profile.updated_at_ms)}


@app.command("count")
def count(as_json: Json = False) -> None:
    """Say how many candidates the directory holds, the hidden ones included."""
    with session() as s:
        found = directory.count(s.store)
    print_json({"count": found}) if as_json else say(plural(found, "candidate", "candidates"))


@app.command("remove")
def remove(
    idents: Annotated[list[str] | None, typer.Argument(metavar="ID", help="ids of candidates")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="a file with an id a line; '-' reads stdin")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take candidates out of the directory; an import brings them back (for good, by their own wish: erase)."""
    if bool(idents) == (file is not None):
        raise Invalid("name ids or, with --file, a file of them")
    removed = given = 0
    with session(changes=True) as s, _ids(idents or [], file) as named:
        while portion := list(islice(named, _AT_ONCE)):
            given += len(portion)
            removed += directory.remove_many(s.store, portion)
    if as_json:
        print_json({"removed": removed, "not_there": given - removed})
        return
    missing = f"; {given - removed:,} not there" if given > removed else ""
    say(f"{plural(removed, 'candidate', 'candidates')} removed{missing}")


@contextmanager
def _ids(named: list[str], file: Path | None) -> Iterator[Iterator[str]]:
    """The ids named, or those of the lines of a file; raises Invalid for one that cannot be read."""
    if file is None:
        yield iter(named)
        return
    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as lines:
            yield filter(None, (line.decode("utf-8-sig", "replace").strip() for line in lines))
    except OSError as error:
        raise Invalid(f"--file {file}: {(error.strerror or str(error)).lower()}", code="no_file") from None


@app.command("export")
def export(output: Output = None, force: Force = False) -> None:
    """Write every candidate as CSV, which can be imported again; cells a spreadsheet would run are made inert."""
    with session() as s, written(output, force=force) as target:
        n = write_csv(target, exporting.EXPORTED, exporting.export_rows(s.store))
    tell_written(plural(n, "candidate", "candidates"), output)


@app.command("hide")
def hide(address: Address) -> None:
    """Keep every profile of an address out of all searches, as its owner wishes; those imported later too."""
    with session(changes=True) as s:
        changed = wishes.hide(s.store, address)
    say(f"{plural(changed, 'profile', 'profiles')} of {address} hidden" + ("" if changed else " anew"))


@app.command("unhide")
def unhide(address: Address) -> None:
    """Take that back."""
    with session(changes=True) as s:
        changed = wishes.show(s.store, address)
    say(f"{plural(changed, 'profile', 'profiles')} of {address} shown again")


@app.command("erase")
def erase(
    address: Address,
    sure: Annotated[bool, typer.Option("--yes", help="it cannot be taken back")] = False,
) -> None:
    """Forget every profile of an address for good: no import brings them back. (All there is: mailbox erase.)"""
    if not sure:
        raise Invalid(f"erasing {address} cannot be taken back: say so with --yes")
    with session(changes=True) as s:
        erased = wishes.erase(s.store, address)
    say(f"{plural(erased, 'profile', 'profiles')} of {address} erased; none will be imported again")
