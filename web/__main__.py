"""The web server: ``python -m web --port 8000``, on this machine's own address unless told otherwise."""

from __future__ import annotations

import argparse
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
        raise Unavailable(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno) if error.errno else error}"
        ) from None
    # asyncio sends at once only on sockets named as TCP, which this one is not: an answer would wait 40 ms for the
    # caller to acknowledge its head. Those accepted take it over.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


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
    # Once it has stopped in good order, uvicorn passes on the signal that asked for it: that is no failure.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)
    # Calls run in threads beside the one that speaks HTTP: none of them is to be kept waiting for 5 ms by another.
    sys.setswitchinterval(0.001)
    # What there is now stays: a full collection that looks it all over would hold every call up for 100 ms and more.
    gc.collect()
    gc.freeze()
    made.run([line])
    return 0 if made.started else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
