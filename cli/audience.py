"""Simulated recipients for the demo: some say yes, some no, some too late; the same ones every time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine import answers, campaigns
from engine.errors import EngineError
from engine.store import RedisTrouble, Store

ACCEPT, DECLINE, LATE = 0.18, 0.10, 0.03
"""Shares of recipients who say yes, say no, or answer only after the refund."""


@contextmanager
def audience(store: Store, campaign: str, window_s: float) -> Iterator[None]:
    """Recipients who answer within the refund window, or too late, on a thread of their own while the block runs."""
    done = threading.Event()
    crowd = threading.Thread(target=_answer, args=(store, campaign, window_s, done), daemon=True)
    crowd.start()
    try:
        yield
    finally:
        done.set()
        crowd.join(timeout=5)


def _answer(store: Store, campaign: str, window_s: float, done: threading.Event) -> None:
    rng = random.Random(20)
    plans: dict[int, tuple[str, float]] = {}
    while not done.wait(0.2):
        try:
            letters = (store.client.get(store.keys.letters(campaign)) or b"").decode()
            for index, letter in enumerate(letters):
                if letter in "SR" and index not in plans:
                    plans[index] = (_temper(rng.random()), time.monotonic() + rng.uniform(0.05, 0.9) * window_s)
                temper, at = plans.get(index, ("silent", 0.0))
                in_time = letter == "S" and temper in ("yes", "no") and time.monotonic() >= at
                if in_time or (letter == "R" and temper == "late"):
                    _reply(store, campaign, index, accept=temper != "no")
        except (RedisTrouble, EngineError):
            continue


def _temper(roll: float) -> str:
    for share, temper in ((ACCEPT, "yes"), (DECLINE, "no"), (LATE, "late")):
        if roll < share:
            return temper
        roll -= share
    return "silent"


def _reply(store: Store, campaign: str, index: int, *, accept: bool) -> None:
    it = campaigns.get_campaign(store, campaign)
    pack, position = divmod(index, it.pack_size)
    address = campaigns.read_pack(store, campaign, pack)[it.address_column][position]
    answers.answer(store, f"{campaign}.{index}", address=address, kind="accept" if accept else "decline")
