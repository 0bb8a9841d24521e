"""One structlog chain for every process: readable on a terminal, JSON elsewhere, always on stderr."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog

_TOLD_ELSEWHERE = (
    "Consumer encountered a connection error",
    "Failed to process message",
    "Failed to post_process_message",
)
_REDIS_TROUBLE = frozenset({"ConnectionClosed", "BrokerConnectionError", "ConnectionError", "TimeoutError"})


def _not_told_elsewhere(record: logging.LogRecord) -> bool:
    """Leave out what Dramatiq says at length and our own lines say in one (message.failed, redis.away).

    The traceback of a message that failed for good stands in its dead letter.
    """
    if not record.name.startswith("dramatiq") or record.levelno <= logging.DEBUG:
        return True
    kind = record.exc_info[0] if record.exc_info else None
    trouble = kind is not None and kind.__name__ in _REDIS_TROUBLE
    return not trouble and not record.getMessage().startswith(_TOLD_ELSEWHERE)


def configure(level: str = "info", form: Literal["auto", "console", "json"] = "auto") -> None:
    """Send every log line, ours and the libraries', through one chain to stderr.

    Lines carry what is bound to the context (account, campaign, pack, message_id) and nothing personal:
    addresses, names and message texts are never logged.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=24,
            # The default shows local variables, in which addresses and names stand.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if console
        else structlog.processors.JSONRenderer()
    )
    finish: list[Any] = [] if console else [structlog.processors.format_exc_info]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish, renderer],
        )
    )
    handler.addFilter(_not_told_elsewhere)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Dramatiq tells of every boot and shutdown step at info; quiet in the healthy case.
    logging.getLogger("dramatiq").setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
