"""The engine's own mailboxes: delivery is one write that may be repeated, so its effect is exactly-once."""

from __future__ import annotations

from collections.abc import Sequence

from engine.mailbox_entries import deliver_many
from engine.sending import Claim
from engine.store import Store
from workers.channels import Channel, Delivery


def send(store: Store, claims: Sequence[Claim]) -> list[Delivery]:
    """Put every claimed InMail into its recipient's mailbox, all in one round trip."""
    deliver_many(store, [(claim.campaign, claim.pack, claim.people) for claim in claims])
    return [Delivery(delivered=claim.positions) for claim in claims]


CHANNEL = Channel(send)
