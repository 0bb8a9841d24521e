"""Workers that render every subject and body before they deliver, as a channel that sends bodies would.

``dramatiq benchmarks.rendering_worker``; for benchmarks/sends.py, beside task queues that store rendered bodies.
"""

from __future__ import annotations

from collections.abc import Sequence

import workers.actors
from engine.sending import Claim
from engine.store import Store
from workers.channels import Channel, Delivery
from workers.channels.mailbox import send as into_mailboxes
from workers.main import actors, broker

__all__ = ["actors", "broker"]


def _send(store: Store, claims: Sequence[Claim]) -> list[Delivery]:
    for claim in claims:
        pack = claim.read(store)
        message, names = pack.campaign.message(), pack.campaign.columns
        rows = list(zip(*pack.columns, strict=True))
        for position in claim.positions:
            rendered = message.render(dict(zip(names, rows[position], strict=True)))
            assert rendered.body
    return into_mailboxes(store, claims)


workers.actors.channel = lambda _name: Channel(_send)  # type: ignore[attr-defined]
