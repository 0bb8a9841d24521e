"""The web server, on this machine's own address unless told otherwise."""

from __future__ import annotations

import argparse
import errno
import gc
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

import uvicorn

from config import logging
from config.settings import BadSettings, get_settings
from engine.errors import EngineError, Unavailable
from web.app import create_app

_PORT_TROUBLE = (errno.EADDRINUSE, errno.EACCES)
"""It is taken, or one of the low ones that need more rights; anything else is the address."""
GRACE_S = 10
"""Requests in hand are given so long when the server is asked to stop."""


class Server(uvicorn.Server):
    """uvicorn's server, which ends the event streams before it waits for requests to end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app: Any = self.config.app
        app.state.services.logs.close()
        super().handle_exit(sig, frame)


def server(app: Any, host: str, port: int) -> Server:
    """A server for the app. It writes no line a request: a path may hold a reply link's token."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=32_768,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to that address; raises Unavailable saying why it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        another = "port with --port" if error.errno in _PORT_TROUBLE else "address with --host"
        raise Unavailable(f"cannot listen on {host} port {port}: {_why(error)}; give another {another}") from None
    # asyncio sends at once only on sockets named as TCP, which this one is not: an answer would wait 40 ms for the
    # caller to acknowledge its head. Those accepted take it over.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _why(error: OSError) -> str:
    """The system's own words, without the address, which is named already."""
    if not error.errno:
        return str(error)
    # Another number is one of the look-up of names.
    return os.strerror(error.errno) if error.errno in errno.errorcode else "no such host"


def _end_by(number: int) -> None:
    """End this process as that signal does where nobody handles it: at once, and without a word."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def main(argv: list[str]) -> int:
    """Serve until asked to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="web", description="The HTTP API and the reply links' pages.")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options = parser.parse_args(argv)
    try:
        settings = get_settings()
        logging.configure(settings.log_level, settings.log_format)
        host, port = options.host or settings.web_host, options.port or settings.web_port
        line = listening(host, port)
        app = create_app(settings)
    except (BadSettings, EngineError) as error:
        print(f"inmail: error: {error}", file=sys.stderr)  # noqa: T201 - the one line of a command that cannot begin
        return 1
    made = server(app, host, port)
    # Once it has stopped in good order, uvicorn passes on the signal that asked for it: that is no failure. One that
    # comes before uvicorn listens to signals would be lost.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: None if made.should_exit else _end_by(number))
    # Calls run in threads beside the one that speaks HTTP: none of them is to be kept waiting for 5 ms by another.
    sys.setswitchinterval(0.001)
    # What there is now stays: a full collection that looks it all over would hold every call up for 100 ms and more.
    gc.collect()
    gc.freeze()
    made.run([line])
    return 0 if made.started else 1
