"""What is asked before something that cannot be taken back, and what an argument must be to be looked up at all."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from cli.output import say
from engine.errors import Invalid

DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what it would come to; change nothing")]
Sure = Annotated[bool, typer.Option("--yes", help="do not ask")]

SEQ_MAX: Final = 2**53
"""Entries and campaigns are counted up to here, as the scores of Redis and the numbers of JSON are."""


def can_be_asked(not_needed: bool, as_json: bool) -> None:
    """Raises Invalid where somebody would have to be asked and nobody is there, or a program reads the answer."""
    if not_needed:
        return
    if as_json:
        raise Invalid("--json does not ask: say so with --yes, or look first with --dry-run")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Invalid("there is nobody to ask: say so with --yes, or look first with --dry-run")


def agreed(question: str) -> bool:
    """Ask at the terminal."""
    yes = typer.confirm(question, err=True)
    if not yes:
        say("nothing was changed")
    return yes


def utf8(value: str | None) -> str | None:
    """An option's or argument's value, for its ``callback``; raises UnicodeEncodeError where it is not UTF-8 text."""
    if value is not None:
        value.encode("utf-8")
    return value
