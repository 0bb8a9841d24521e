"""The ``inmail`` command: nouns, then verbs; errors are one line on stderr and an exit code.

Exit codes: 0 ok, 1 failure (Redis, files), 2 usage, 3 refused by a rule or a list, 4 drift found by the audit.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Annotated, Any

import typer
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError
from typer.main import get_command

from cli.commands import Commands
from cli.output import complain, errors
from config.settings import BadSettings
from engine.errors import Corrupt, EngineError, Invalid, Refused
from engine.store import RedisTrouble, trouble_text

app = typer.Typer(
    name="inmail",
    cls=Commands,
    help="Run InMail campaigns in bulk: credits are debited atomically and come home when nobody answers.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},  # of commands below as well, but some
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"inmail {metadata.version('inmail-engine')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="print the version and exit", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Run InMail campaigns in bulk: credits are debited atomically and come home when nobody answers."""


@cache
def command() -> Any:
    """``inmail`` itself, as click knows it."""
    return get_command(app)


_UsageError: Any = typer.BadParameter.__base__
"""Every complaint about the command line; typer exports only this one of its kinds by name."""

_NO_SUCH_NUMBER = ("Input should be ", "Unable to parse input string as an integer")
"""How what is no whole number, or out of bounds, is told of before we do."""
_INTERRUPTED = 130
_ALSO_MAX = 3
"""So many further problems are named in the line of the first."""

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (Invalid, 2),
    (BadSettings, 2),
    (Refused, 3),
    (Corrupt, 4),
    (EngineError, 1),
    (RedisTrouble, 1),
    (OSError, 1),
)


def execute(argv: list[str]) -> int:
    """Run one command line and return its exit code; never a traceback for what a person can get wrong."""
    if argv[:1] == ["help"]:  # as git and others have it: `help campaign submit`
        argv = [*argv[1:], "--help"]
    try:
        result = command().main(args=argv, prog_name="inmail", standalone_mode=False)
        sys.stdout.flush()  # while what fails can still be told
        if result == _INTERRUPTED:
            errors.print("inmail: interrupted", markup=False)
    except _UsageError as error:
        return _usage(error)
    except UnicodeEncodeError:
        return _fail("an argument is not UTF-8 text", 2)
    except (typer.Abort, KeyboardInterrupt):
        errors.print("inmail: interrupted", markup=False)
        return _INTERRUPTED
    except BrokenPipeError:
        return _seen_enough()
    except SystemExit as end:
        # Both click and rich end the process themselves, with 1, where they meet the same.
        if isinstance(end.__context__, BrokenPipeError):
            return _seen_enough()
        raise
    except tuple(kind for kind, _ in EXIT_CODES) as error:
        return _told(error)
    return result if isinstance(result, int) else 0


def _told(error: BaseException) -> int:
    if getattr(error, "filename", None) == "stdout":
        _write_no_more()
    code = next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    return _fail(_sentence(error), code, getattr(error, "details", ()))


def _seen_enough() -> int:
    """The reader wants no more (`| head`): no more output, and no complaint at exit either."""
    _write_no_more()
    return 0


def _write_no_more() -> None:
    """What is still held back for stdout goes nowhere when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)


def _usage(error: Any) -> int:
    where = error.ctx.command_path if error.ctx else "inmail"
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        return 2
    text = error.format_message().rstrip(".")
    if error.message.startswith(_NO_SUCH_NUMBER):
        text = text.replace(error.message, _whole_number(error.param))
    see = f"see: {where} --help"
    return _fail(f"{text} S{see[1:]}" if text.endswith("?") else f"{text}; {see}", 2)


def _whole_number(param: Any) -> str:
    """What to give for a parameter that is a whole number, its bounds included."""
    low, high = getattr(param, "min", None), getattr(param, "max", None)
    if low is None:
        return "give a whole number"
    return f"give a whole number{f' from {low:,} to {high:,}' if high is not None else f', {low:,} or more'}"


_REFUSED_WHOLE: tuple[tuple[type[BaseException], str], ...] = (
    (OutOfMemoryError, "Redis' memory is full: nothing was done; give it more (maxmemory), or wait for room"),
    (
        ReadOnlyError,
        "Redis is read-only (a replica, or in failover): nothing was done; name the master, or try again",
    ),
    (BusyLoadingError, "Redis is still loading its data: nothing was done; try again soon"),
)


def _sentence(error: BaseException) -> str:
    for kind, told in _REFUSED_WHOLE:
        if isinstance(error, kind):
            return told
    if isinstance(error, RedisTrouble):
        return (
            f"Redis does not answer as it should ({trouble_text(error)}); nothing is half done, but whether the last "
            "step was done is not known: look before you repeat it (with --key, twice is once)"
        )
    if isinstance(error, OSError) and error.filename:
        why = error.strerror or str(error)
        return f"{error.filename}: {why[:1].lower()}{why[1:]}"
    return str(error)


def _fail(message: str, code: int, details: tuple[str, ...] = ()) -> int:
    others = [line for line in details if line != message]
    also = "".join(f"; also: {line}" for line in others[:_ALSO_MAX])
    more = f"; and {len(others) - _ALSO_MAX} more" if len(others) > _ALSO_MAX else ""
    complain("error", message + also + more)
    return code
