"""Reading uploaded lists in the background: what each has come to stands in Redis, kept up by one thread."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from engine import submitting, uploads
from engine.accounts import Account
from engine.errors import EngineError
from engine.forecast import Terms, forecast
from engine.intake.lists import CandidateList, open_list
from engine.message import parse_message
from engine.store import RedisTrouble, Store, trouble_text
from web.orders import FirstRejects, OrderAsked
from web.problems import Problem, code_of, told
from web.spool import Spooled

log = structlog.get_logger("inmail.web")

READERS: Final = 2
UPLOADS_MAX: Final = 5
"""Uploads of one account a process reads or has waiting at a time."""
_NOTE_S: Final = 0.5


class _StoppedError(Exception):
    """The process is to end, or another one reads this upload by now."""


@dataclass(slots=True)
class Reading:
    """One upload being read, or waiting for it. ``said`` is what is known so far, ``ended`` that it is all."""

    upload: str
    account: Account
    order: submitting.Order
    asked: OrderAsked
    spooled: Spooled
    dry_run: bool
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    said: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    lost: bool = False


def forecast_terms(order: submitting.Order) -> Terms:
    """What of an order bears on its forecast."""
    return Terms(order.refund_after_ms, order.start_at_ms, order.strict, order.seat, order.refund_when)


class UploadDesk:
    """Takes uploads in and reads them, a few at a time, each under a lease in Redis.

    Where the process dies the lease runs out, and the upload shows as interrupted; sent again with the same
    Idempotency-Key it is read again, and the engine's own key keeps its campaign one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="upload")
        self._held: dict[str, Reading] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    def take(self, reading: Reading, fingerprint: str) -> str:
        """Begin to read an upload; returns 'go', 'reused', or the state of one that came before. Closes the list of
        one it does not read. Raises Problem where too many wait."""
        taken = False
        try:
            with self._lock:
                used = sum(one.account.id == reading.account.id for one in self._held.values())
            if used >= UPLOADS_MAX:
                raise Problem("too_many_uploads", headers={"Retry-After": "5"}, used=used, limit=UPLOADS_MAX)
            verdict = uploads.begin(
                self._store,
                reading.upload,
                reading.account.id,
                token=reading.token,
                fingerprint=fingerprint,
                bytes_total=reading.spooled.size(),
            )
            if verdict == "go":
                with self._lock:
                    self._held[reading.token] = reading
                self._keep()
                self._pool.submit(self._read, reading)
                taken = True
            return verdict
        finally:
            if not taken:
                reading.spooled.file.close()

    def close(self) -> None:
        """End: what is not read to its end shows as interrupted at once."""
        self._stop.set()
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._keeper is not None:
            self._keeper.join(10)
        with self._lock:
            left = list(self._held.values())
        for reading in left:
            reading.ended = True
            self._note(reading)
            reading.spooled.file.close()

    def _keep(self) -> None:
        with self._lock:
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._note_all, name="uploads", daemon=True)
                self._keeper.start()

    def _note_all(self) -> None:
        while not self._stop.is_set():
            self._ended.wait(_NOTE_S if self._held else 5.0)
            self._ended.clear()
            with self._lock:
                held = list(self._held.values())
            for reading in held:
                # An end that could not be told for Redis' sake is told again until it is.
                if self._note(reading):
                    with self._lock:
                        self._held.pop(reading.token, None)

    def _note(self, reading: Reading) -> bool:
        """Tell how far a reading is; True when nothing is left to tell."""
        ended = reading.ended
        try:
            kept = uploads.note(self._store, reading.upload, reading.token, over=ended, **dict(reading.said))
        except RedisTrouble as error:
            log.warning("upload.not_noted", upload=reading.upload, error=trouble_text(error))
            return False
        reading.lost = not kept
        return ended or reading.lost

    def _read(self, reading: Reading) -> None:
        try:
            reading.said |= self._outcome(reading)
        except _StoppedError:
            log.warning("upload.interrupted", upload=reading.upload)
        finally:
            reading.spooled.file.close()
            reading.ended = True
            self._ended.set()

    def _outcome(self, reading: Reading) -> dict[str, Any]:
        rejects = FirstRejects()
        try:
            with open_list("-", mapping=reading.asked.map, stdin=reading.spooled.file) as listed:
                done = self._listed(reading, listed, rejects)
                done["notes"] = list(listed.notes)
        except EngineError as error:
            done = {"state": "failed", "code": code_of(error), "detail": told(error)}
        except RedisTrouble as error:
            log.warning("upload.redis_trouble", upload=reading.upload, error=trouble_text(error))
            raise _StoppedError from error
        except _StoppedError:
            raise
        except Exception:
            log.exception("upload.unforeseen", upload=reading.upload)
            done = {"state": "failed", "code": "error", "detail": "something went wrong that was not foreseen"}
        return done | {"rejects": rejects.first, "ended_at_ms": self._now()}

    def _listed(self, reading: Reading, listed: CandidateList, rejects: FirstRejects) -> dict[str, Any]:
        def progress(bytes_read: int, rows: int) -> None:
            reading.said |= {"bytes_read": bytes_read, "rows": rows}
            if reading.lost or self._stop.is_set():
                raise _StoppedError

        message = parse_message(reading.asked.subject, reading.asked.body, columns=listed.columns)
        if reading.dry_run:
            found = forecast(
                self._store, reading.account, listed, message, forecast_terms(reading.order), rejects, progress
            )
            counts = {name: found[name] for name in ("accepted", "rejected", "rejected_by_reason")}
            return {"state": "checked", "forecast": found, **counts}
        done = submitting.submit(self._store, reading.account.id, listed, message, reading.order, rejects, progress)
        return {
            "state": "submitted",
            "campaign": done.campaign,
            "accepted": done.tally.accepted,
            "rejected": done.tally.rejected_total,
            "rejected_by_reason": dict(done.tally.rejected),
        }

    def _now(self) -> int:
        try:
            return self._store.now_ms()
        except RedisTrouble:
            return 0
