"""Durations as settings take them: ISO 8601 (P7D, PT30S) and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator


def _iso_8601(value: Any) -> Any:
    # Plain numbers would be read as seconds: a refund window of "7" must not become seven seconds.
    if isinstance(value, str) and not value.strip().upper().startswith("P"):
        raise ValueError("give an ISO 8601 duration such as P7D, PT30S or PT1H30M")
    return value


Duration = Annotated[timedelta, BeforeValidator(_iso_8601)]


def milliseconds(span: timedelta) -> int:
    """The whole milliseconds of a duration."""
    return span // timedelta(milliseconds=1)
