"""The workers' own application with one actor more, whose message stays in hand until it is let go."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import dramatiq

from workers.main import broker

__all__ = ["broker"]


@dramatiq.actor(queue_name="held")
def stay() -> None:
    """Note in $NOTES that it began, stay until a file beside it says so, note that it ended."""
    notes, pause = Path(os.environ["NOTES"]), threading.Event()
    notes.write_text("began")
    while not notes.with_suffix(".go").exists():
        pause.wait(0.02)
    notes.write_text("ended")
