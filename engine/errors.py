"""What can go wrong, as few named kinds; each carries one line a person can act on.

A command maps the kind to its exit code, an actor to whether a retry makes sense, a web edge to its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_line(text: str) -> str:
    """Foreign text as part of a line: blanks made one, '?' for what would steer a terminal instead of showing."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))


class EngineError(Exception):
    """Root of every error this project raises on purpose; ``str(error)`` is one clear line.

    ``code`` is a stable word for programs; ``details`` are further lines (rows, problems), each whole in itself;
    ``facts`` are named values a program can go by (used, limit, when it lifts).
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: tuple[str, ...] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.details = details
        self.facts = dict(facts or {})


class Invalid(EngineError):
    """An argument that can never be right as given: a negative amount, an unknown plan name, a bad date."""

    code = "invalid"


class Refused(EngineError):
    """A rule of the trade says no to this request as things stand: a basic account sending, a bad list."""

    code = "refused"


class NotFound(Refused):
    """The account, campaign or InMail named does not exist, or is not the asker's to see."""

    code = "not_found"


class Unavailable(EngineError):
    """Redis or the payment provider does not answer, or answers that it cannot; nothing is known to be half done, a
    repeat is safe."""

    code = "unavailable"


class Corrupt(EngineError):
    """Stored state breaks an invariant. Never retried: stop and look."""

    code = "corrupt"
