"""Every duration that must fit another, in one place, and the check that they do.

A worker holds a pack by a lease. A message may run for two thirds of it, so that a worker that is merely slow gives up
before another may take over; the claim's token fences off one that does not. The rest is how soon the dead are noticed.
"""

from __future__ import annotations

from dataclasses import dataclass

LEASE_S_MIN, LEASE_S_MAX = 2, 3600
"""A shorter lease is run out by an ordinary pause of a machine; a longer one leaves a dead worker's packs lying."""

LEADER_LEASE_MS = 6_000
LEADER_RENEWS_S = 1.5
STANDBY_ASKS_S = 1.0
TAKEOVER_S_MAX = 10
"""A standby scheduler leads within this once the leader is gone: the lease, and one more question."""

BROKER_BEAT_MS = 3_000
BROKER_SILENT_MS = 15_000
HANDOVER_S_MAX = 30
"""Messages of a dead process are running again within this: the silence, its half once more, a beat."""

PRESENCE_BEAT_S = 5
PRESENCE_SHOWN_MS = 12_000
"""A process is shown as running for so long after it last said so."""

PACE_S = 0.3
"""The send queue holds what workers do in so long: what a newcomer waits for behind all others."""
PACE_ASKS_THREADS_S = 5.0
THOROUGH_EVERY_S = 10.0
"""How often a look at an account goes over all its campaigns, however many of them wait."""
PACE_LOOKS_S = 0.02
"""How soon the scheduler looks again whether there is room in the queue."""

ALARM_EVERY_MS = 250
"""Packs of a campaign that fall due within so long share an alarm, at its end: a refund is no later than that."""

PAYMENT_MS = 120_000
"""How long a message that asks a payment provider may run: its library waits and tries again by itself."""

SHUTDOWN_MS = 20_000
STOP_GRACE_S = 30
"""A worker asked to stop finishes its message within the first; ``inmail up`` kills it after the second."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold of the durations; ``why`` completes 'so that …'."""

    holds: bool
    text: str
    why: str


def message_ms(lease_ms: int) -> int:
    """How long a message may run under a lease: two thirds of it."""
    return lease_ms * 2 // 3


def alarm_grace_ms(lease_ms: int) -> int:
    """How late a refund's alarm may be before the sweep sends another: two leases, by default a minute."""
    return lease_ms * 2


def rebuild_every_s(lease_ms: int) -> float:
    """How often the scheduler makes its agenda again from the accounts: every two leases, by default each minute."""
    return lease_ms * 2 / 1000


def sweep_every_s(lease_ms: int) -> float:
    """How often the scheduler looks for refunds that are overdue: three times a lease, by default every ten seconds."""
    return lease_ms / 3000


def rules(lease_ms: int) -> list[Rule]:
    """Every rule, for one lease."""
    return [
        Rule(
            LEASE_S_MIN * 1000 <= lease_ms <= LEASE_S_MAX * 1000,
            f"the lease must be between PT{LEASE_S_MIN}S and PT{LEASE_S_MAX // 3600}H",
            "a pause is not taken for a death, nor a death for a pause",
        ),
        Rule(message_ms(lease_ms) < lease_ms, "a message ends before its lease", "two never work on one pack"),
        Rule(
            LEADER_RENEWS_S * 3 <= LEADER_LEASE_MS / 1000,
            "a leader renews three times within its lease",
            "one lost reply does not depose it",
        ),
        Rule(
            LEADER_LEASE_MS / 1000 + STANDBY_ASKS_S < TAKEOVER_S_MAX,
            "a leader's lease and a standby's question fit into the takeover",
            "a standby leads in time",
        ),
        Rule(
            BROKER_BEAT_MS * 3 <= BROKER_SILENT_MS,
            "a process beats three times within the silence that means death",
            "a live one is never robbed",
        ),
        Rule(
            BROKER_SILENT_MS * 1.5 + BROKER_BEAT_MS < HANDOVER_S_MAX * 1000,
            "the silence, its half and a beat fit into the handover",
            "a dead one's messages run again in time",
        ),
        Rule(
            PRESENCE_BEAT_S * 2000 < PRESENCE_SHOWN_MS,
            "a process says twice that it is there while it is shown",
            "the list does not flicker",
        ),
        Rule(
            SHUTDOWN_MS < STOP_GRACE_S * 1000,
            "a worker has stopped before it would be killed",
            "what is in hand is finished",
        ),
    ]


def broken(lease_ms: int) -> list[str]:
    """The rules that do not hold, in words; empty when all fit."""
    return [f"{rule.text}, so that {rule.why}" for rule in rules(lease_ms) if not rule.holds]
