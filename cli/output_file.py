"""``-o FILE``: where a command writes what it exports. '-' is stdout; over a file that is there only with --force."""

from __future__ import annotations

import csv
import errno
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from cli.output import note
from engine.errors import Invalid, Refused, one_line
from engine.intake.rejects import inert
from engine.output_file import OutputFile, regular_place

Output = Annotated[
    Path | None,
    typer.Option("--out", "--output", "-o", metavar="FILE", help="a file; without it, or with '-', stdout"),
]
Force = Annotated[bool, typer.Option("--force", help="over a file that is there")]

STDOUT: Final = Path("-")


def check_output(path: Path | None, *, force: bool, option: str = "--out") -> None:
    """Raises Invalid for a folder, Refused for a regular file that is there, unless with ``force``."""
    if path in (None, STDOUT):
        return
    assert path is not None
    try:
        place = regular_place(path)
    except IsADirectoryError:
        raise Invalid(f"{option} {shown(path)}: is a folder: name the file to write", code="no_file") from None
    except OSError as error:
        raise _unwritable(path, option, error) from None
    if place is not None and place[1] is not None and not force:
        raise Refused(f"{shown(path)} is there already; to write over it: --force", code="file_exists")


@contextmanager
def written(path: Path | None, *, force: bool, option: str = "--out") -> Iterator[TextIO]:
    """Where to write. A regular file gets its name once it is whole; a pipe or a device is written through.

    Errors: those of ``check_output``; Invalid where it cannot be written.
    """
    check_output(path, force=force, option=option)
    if path is None or path == STDOUT:
        yield sys.stdout
        return
    try:
        file = OutputFile(path)
    except OSError as error:
        raise _unwritable(path, option, error) from None
    try:
        yield file.text
        file.close()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), shown(path)) from None
    finally:
        file.discard()


def write_csv(target: TextIO, head: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write rows no spreadsheet will run anything of; gives how many."""
    writer, n = csv.writer(target), 0
    writer.writerow(head)
    for row in rows:
        writer.writerow([inert(cell) for cell in row])
        n += 1
    return n


def tell_written(what: str, path: Path | None) -> None:
    """Say on stderr what a file was written with, for the command's own stdout is of the data."""
    if path is not None and path != STDOUT:
        note(f"{what} written to {shown(path)}")


def shown(path: Path) -> str:
    """A file's name need not be UTF-8; what is printed must."""
    return one_line(str(path)[:200].encode("utf-8", "replace").decode())


def _unwritable(path: Path, option: str, error: OSError) -> Invalid:
    why = (error.strerror or errno.errorcode.get(error.errno or 0, str(error))).lower()
    return Invalid(f"{option} {shown(path)}: cannot be written: {why}", code="no_file")
