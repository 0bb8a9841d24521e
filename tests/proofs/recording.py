"""A store that remembers every script call, and may lose the first reply so that the caller repeats it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.store import Store


@dataclass(frozen=True)
class Call:
    """One script call as it was made, and when."""

    name: str
    keys: list[str]
    args: tuple[str | int | bytes, ...]
    at_ms: int
    said: str = "ok"

    @property
    def forgotten_from_ms(self) -> int | None:
        """When the outcome of an operation id made for a single call may be forgotten: a day later."""
        single = any(isinstance(arg, str) and arg.startswith("call:") for arg in self.args)
        return self.at_ms + 86_400_000 if single else None


# What a repeat says otherwise than the call itself; everything else of the answer must be the same.
SAID_ONCE = {
    "open_account": (0,),  # ok, then: exists
    "claim": (8,),  # that the balance fell low is told once
    "release": (3,),  # whether there is more: a repeat does not look
    "refund": (1,),  # how many were closed by this very call
    "suppress": (1,),  # whether it was new
}


class Recording(Store):
    """``lossy``: each call is made twice in a row; the second must answer the same and change nothing at all."""

    def __init__(self, client: Any, at_ms: int) -> None:
        super().__init__(client, at_ms=at_ms)
        self.calls: list[Call] = []
        self.lossy = False

    def run(self, name: str, keys: list[str], *args: str | int | bytes) -> list[Any]:
        at_ms = self.now_ms()
        reply = super().run(name, keys, *args)
        self.calls.append(Call(name, keys, args, at_ms, str(reply[0])))
        if not self.lossy:
            return reply
        before = self.everything()
        again = super().run(name, keys, *args)
        assert self.everything() == before, f"a repeated {name} changed something"
        once = SAID_ONCE.get(name, ())
        differ = {i for i, (one, other) in enumerate(zip(reply, again, strict=True)) if one != other}
        assert differ <= set(once), name
        return reply

    def replay(self, call: Call) -> list[Any]:
        """The same call once more, unrecorded."""
        return super().run(call.name, call.keys, *call.args)

    def everything(self, but: tuple[str, ...] = ()) -> dict[bytes, bytes]:
        """The whole database, except keys that end so."""
        keys = sorted(key for key in self.client.keys("*") if not key.decode().endswith(but or "\n"))
        pipe = self.client.pipeline(transaction=False)
        for key in keys:
            pipe.dump(key)
        return dict(zip(keys, pipe.execute(), strict=True))
