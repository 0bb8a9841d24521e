"""One round of a drill: a campaign under way, somebody killed in the middle of it, and how it ended."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cli.drill_stage import VICTIMS, Stage
from cli.drill_tally import Tally, tally
from engine import answers, campaigns, credits, opening, submitting
from engine.errors import EngineError, Unavailable
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.plans import Plan
from engine.store import RedisTrouble, Store

PEOPLE, CREDITS, PACK_SIZE = 200, 120, 10
WINDOW_MS = 2_000
ROUND_S_MAX = 120.0
"""A round that is not over by then has not recovered."""
KILL_WITHIN_S = 2.5
FORGET_ONE_IN = 4
YES, NO, LATE = 0.15, 0.08, 0.04
_T = TypeVar("_T")


@dataclass(slots=True)
class Round:
    """What was done in a round and what came of it. Times in seconds; ``recovered_s`` None when it never did.

    Recovery is from the kill until the account's log next grows: it also holds any time in which nothing was due.
    """

    number: int
    victim: str
    killed_at_s: float
    forgot: str = ""
    recovered_s: float | None = None
    took_s: float = 0.0
    over: bool = False
    tally: Tally = field(default_factory=Tally)

    def as_dict(self) -> dict[str, Any]:
        return {
            "round": self.number,
            "victim": self.victim,
            "killed_at_s": round(self.killed_at_s, 2),
            "forgot": self.forgot or None,
            "recovered_s": None if self.recovered_s is None else round(self.recovered_s, 2),
            "took_s": round(self.took_s, 2),
            "over": self.over,
            **self.tally.as_dict(),
        }


def insist(action: Callable[[], _T], within_s: float = ROUND_S_MAX) -> _T:
    """Do something as a client would that meets trouble: again, under the same key, until it succeeds."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return action()
        except RedisTrouble:
            if time.monotonic() > deadline:
                raise Unavailable("Redis did not come back") from None
            time.sleep(0.05)


def play(stage: Stage, number: int, rng: random.Random) -> Round:
    """Submit a campaign, kill somebody while it runs, answer some of it, wait until it is over, and count."""
    store, account = stage.store, f"drill-{number}"
    insist(
        lambda: opening.open_account(store, account, email="d@example.org", name="Drill", plan=Plan("drill", "Drill"))
    )
    insist(lambda: credits.grant(store, account, CREDITS, reason="drill", key="start"))
    done = Round(number, rng.choice(VICTIMS), rng.uniform(0.0, KILL_WITHIN_S))
    forget_at = rng.uniform(0.0, KILL_WITHIN_S) if rng.randrange(FORGET_ONE_IN) == 0 else None
    began = time.monotonic()
    campaign = insist(lambda: _submit(store, account, number))
    crowd = _Crowd(store, campaign, rng)
    seen = 0
    while not done.over and time.monotonic() - began < ROUND_S_MAX:
        now = time.monotonic() - began
        if forget_at is not None and now >= forget_at:
            done.forgot, forget_at = stage.forget(rng), None
        if not seen and now >= done.killed_at_s:
            before = insist(lambda: credits.last_seq(store, account))
            if stage.kill(done.victim):
                seen, killed = before, time.monotonic()
        elif seen and done.recovered_s is None and _grown(store, account, seen):
            done.recovered_s = time.monotonic() - killed
        crowd.answer()
        done.over = bool(seen) and _over(store, campaign)
        time.sleep(0.02)
    done.took_s = time.monotonic() - began
    if done.over:
        done.tally = insist(lambda: tally(store, campaign, crowd.told))
    return done


def _submit(store: Store, account: str, number: int) -> str:
    lines = "".join(f"N,r{number}p{i}@example.org\n" for i in range(PEOPLE))
    with open_list("-", stdin=io.BytesIO(f"first_name,email\n{lines}".encode())) as listed:
        message = parse_message("Hello {{ first_name }}", "A drill.", columns=listed.columns)
        order = submitting.Order("drill", PACK_SIZE, WINDOW_MS, key="drill")
        return submitting.submit(store, account, listed, message, order).campaign


def _grown(store: Store, account: str, seen: int) -> bool:
    try:
        return credits.last_seq(store, account) > seen
    except RedisTrouble:
        return False


def _over(store: Store, campaign: str) -> bool:
    try:
        return campaigns.get_campaign(store, campaign).state == "closed"
    except RedisTrouble:
        return False


class _Crowd:
    """The recipients: some answer in time, some too late, most not at all; each keeps what he was told."""

    def __init__(self, store: Store, campaign: str, rng: random.Random) -> None:
        self.store, self.campaign = store, campaign
        self.told: dict[int, str] = {}
        self._tempers = [rng.random() for _ in range(PEOPLE)]
        self._from_s = [time.monotonic() + rng.uniform(0.0, 4.0) for _ in range(PEOPLE)]
        self._looked = 0.0

    def answer(self) -> None:
        """Everybody whose InMail is there and who feels like it answers now; whom trouble meets tries again."""
        now = time.monotonic()
        if now - self._looked < 0.1:
            return
        self._looked = now
        try:
            letters = (self.store.client.get(self.store.keys.letters(self.campaign)) or b"").decode()
            for index, letter in enumerate(letters):
                temper = self._tempers[index]
                wants = letter == "R" if temper > 1 - LATE else letter in "SR" and temper < YES + NO
                if wants and index not in self.told and now >= self._from_s[index]:
                    self.told[index] = self._reply(index, accept=temper < YES)
        except (RedisTrouble, EngineError):
            return

    def _reply(self, index: int, *, accept: bool) -> str:
        pack, position = divmod(index, PACK_SIZE)
        address = campaigns.read_pack(self.store, self.campaign, pack)[1][position]
        kind: answers.Kind = "accept" if accept else "decline"
        return answers.answer(self.store, f"{self.campaign}.{index}", address=address, kind=kind).letter
