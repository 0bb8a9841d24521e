"""The engine's own mailboxes: delivery is one write that may be repeated, so its effect is exactly-once."""

from __future__ import annotations

from engine.mailbox_entries import deliver
from engine.sending import Claim
from engine.store import Store
from workers.channels import Delivery


def send(store: Store, claim: Claim) -> Delivery:
    """Put every claimed InMail of the pack into its recipient's mailbox."""
    deliver(store, claim.campaign.id, claim.pack, claim.people)
    return Delivery(delivered=claim.positions)
