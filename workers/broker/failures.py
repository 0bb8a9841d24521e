"""Why a message failed, in the words kept with it among the dead letters."""

from __future__ import annotations

import traceback
from typing import Final

from dramatiq.broker import MessageProxy

TEXT_CHARS_MAX: Final = 500
TRACEBACK_CHARS_MAX: Final = 4000


def describe_error(message: MessageProxy) -> dict[str, str]:
    """Say why a message failed, from its exception or else from the traceback Retries left in its options."""
    exception = message._exception
    if exception is not None:
        return error_report(message.actor_name, exception)
    trace = str(message.options.get("traceback") or "")
    last_line = trace.strip().rpartition("\n")[2]
    kind, _, text = last_line.partition(": ")
    return _report(message.actor_name, kind or "Failed", text, trace)


def error_report(actor_name: str, exception: BaseException) -> dict[str, str]:
    """Put an exception into words: actor, type, message (500 characters), traceback (its last 4,000)."""
    trace = "".join(traceback.format_exception(exception, limit=-20))
    try:
        text = str(exception)
    except BaseException as no_text:  # what an actor raised may be of any kind: it must be buried all the same
        text = f"(its text cannot be had: {type(no_text).__name__})"
    return _report(actor_name, type(exception).__name__, text, trace)


def _report(actor: str, kind: str, text: str, trace: str) -> dict[str, str]:
    return {
        "actor": actor,
        "type": kind,
        "message": printable(text[:TEXT_CHARS_MAX]),
        "traceback": printable(trace[-TRACEBACK_CHARS_MAX:]),
    }


def printable(text: str) -> str:
    """The text with what UTF-8 cannot carry (lone surrogates, of file names for one) written out."""
    return text.encode("utf-8", "backslashreplace").decode()
