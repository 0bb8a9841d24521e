"""One server for all tests of a session, and the application it serves changed under it.

Starting and stopping uvicorn takes longer than most tests do: it looks ten times a second whether it is to end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.waiting import wait_until
from web.serving import Server, server


def started(app: Any) -> tuple[Server, threading.Thread, str]:
    """The app served by a thread of this process; its address."""
    made = server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    wait_until(lambda: made.started, 20)
    port = made.servers[0].sockets[0].getsockname()[1]
    return made, thread, f"http://127.0.0.1:{port}"


class Stage:
    """An ASGI application that is whichever one stands on it."""

    def __init__(self) -> None:
        self._app: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server, self._thread, self.url = started(self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        self._loop = asyncio.get_running_loop()
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})

    @contextmanager
    def serving(self, app: Any) -> Iterator[str]:
        """The app served, from its start to its end; its address."""
        assert self._app is None, "one application at a time"
        lifespan = app.router.lifespan_context(app)
        self._within(lifespan.__aenter__())
        self._app = app
        try:
            yield self.url
        finally:
            app.state.services.logs.close()  # as a server does that is asked to stop
            self._app = None
            self._within(lifespan.__aexit__(None, None, None))

    def close(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _within(self, step: Any) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(step, self._loop).result(20)
