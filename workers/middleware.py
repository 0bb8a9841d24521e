"""Dramatiq middleware: every log line knows its message, and every worker says that it is alive."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import structlog
from dramatiq import Broker, Middleware, Worker
from dramatiq.errors import BrokerConnectionError

from config.timings import PRESENCE_BEAT_S
from engine import agenda
from engine.errors import EngineError
from engine.store import RedisTrouble, Store, trouble_text

log = structlog.get_logger("inmail.worker")


class LogContext(Middleware):
    """Binds message id, campaign and pack to the log lines of the message being worked on; logs failures once."""

    def before_process_message(self, broker: Broker, message: Any) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            message_id=message.message_id, actor=message.actor_name, **_what(message.args)
        )

    def after_process_message(
        self, broker: Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is not None:
            # Where Redis is away the heartbeat says so once; a line for each message in hand would say no more.
            tell = log.debug if isinstance(exception, RedisTrouble | BrokerConnectionError) else log.warning
            retries = message.options.get("retries", 0)
            tell("message.failed", error=type(exception).__name__, detail=_impersonal(exception), retries=retries)
        structlog.contextvars.clear_contextvars()


def _what(args: Any) -> dict[str, Any]:
    """Account, campaign and pack of a message: of its first pack, and how many there are, where it carries several."""
    packs = args[0] if args and isinstance(args[0], list | tuple) else [args]
    if not packs or len(packs[0]) < 2:
        return {}
    campaign, pack = packs[0][:2]
    said = {"campaign": campaign, "pack": pack, "account": str(campaign).partition(".")[0]}
    return said if len(packs) == 1 else said | {"packs": len(packs)}


def _impersonal(error: BaseException) -> str:
    """What may be logged of an error: our own and Redis' words; of others, whose words may hold an address, where."""
    if isinstance(error, RedisTrouble):
        return trouble_text(error)
    if isinstance(error, EngineError):
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def identity(kind: str) -> str:
    """How a process is named in the presence list: kind:host:pid."""
    return f"{kind}:{socket.gethostname()}:{os.getpid()}"


class Heartbeat:
    """A thread that says every five seconds that this process is alive."""

    def __init__(self, store: Store, kind: str, threads: int = 0) -> None:
        self.store, self.who, self.threads = store, identity(kind), threads
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        try:
            agenda.leave(self.store, self.who)
        except RedisTrouble:
            log.debug("presence.not_cleared")

    def _beat(self) -> None:
        away = False
        while True:
            try:
                agenda.be_present(self.store, self.who, self.threads)
                if away:
                    log.warning("redis.back")
                away = False
            except RedisTrouble as error:
                if not away:
                    log.warning("redis.away", detail=trouble_text(error))
                away = True
            if self._stop.wait(PRESENCE_BEAT_S):
                return


class Presence(Middleware):
    """Runs the heartbeat of a worker process."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._heartbeat: Heartbeat | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        self._heartbeat = Heartbeat(self.store, "worker", worker.worker_threads)
        self._heartbeat.start()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()
