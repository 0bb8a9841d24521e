"""What ``inmail doctor`` says of one thing it looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``mend`` says what to do about it, '' when all is well."""

    level: Level
    subject: str
    found: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)
