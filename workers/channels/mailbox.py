"""The engine's own mailboxes: delivery is one write that may be repeated, so its effect is exactly-once."""

from __future__ import annotations

from collections.abc import Sequence

from engine.mailbox_entries import deliver_many
from engine.sending import Claim
from engine.store import Store
from workers.channels import Channel, Delivery


def send(store: Store, claims: Sequence[Claim]) -> list[Delivery]:
    """Put every claimed InMail into its recipient's mailbox, all in one round trip."""
    refused = deliver_many(store, [(claim.campaign, claim.pack, claim.people) for claim in claims])
    if not refused:
        return [Delivery(delivered=claim.positions) for claim in claims]
    done = []
    for claim in claims:
        out = [position for position, person in zip(claim.positions, claim.people, strict=True) if person in refused]
        done.append(Delivery(sorted({*claim.positions} - {*out}), opted_out=out))
    return done


CHANNEL = Channel(send)
