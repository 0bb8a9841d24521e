"""``inmail web``: the HTTP API and the reply links' pages, in the foreground."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from config.settings import get_settings
from workers.runtime import plan_catalogue

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="where it listens; without it, INMAIL_WEB_PORT")]


def web(
    host: Annotated[str | None, typer.Option(help="the address to listen on; 0.0.0.0 = every one")] = None,
    port: Port = None,
) -> None:
    """Run the web server: the HTTP API under /v1 and the pages of reply links; Ctrl-C stops it."""
    settings = get_settings()  # what is wrong is told here, with this command's exit codes
    plan_catalogue(settings)
    sys.stdout.flush()
    # Python prints a traceback for a Ctrl-C while it starts: it waits until the server says what it means.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # In place of this process, so that whoever started it stops it and sees how it ended.
    where = [f"--host={host or settings.web_host}", f"--port={port or settings.web_port}"]
    os.execv(sys.executable, [sys.executable, "-m", "web", *where])  # noqa: S606 - no shell
