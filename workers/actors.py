"""The actors: ids in, engine calls out. A message is a wake-up hint; what it finds in Redis decides."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import dramatiq
import structlog
from dramatiq import Actor, Broker, Message
from dramatiq.broker import MessageProxy
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import CurrentMessage

from config.timings import ALARM_EVERY_MS, message_ms
from engine import agenda, refunds, sending
from engine.campaigns import CHANNELS
from engine.errors import EngineError, NotFound
from engine.identity import account_of
from engine.sending import Claim, Outcome, Settled
from engine.store import Store
from engine.wake import wake
from workers.broker import DurableRedisBroker, queue_list
from workers.channels import Channel, channel
from workers.wiring import PAYMENT, REFUND, SEND

log = structlog.get_logger("inmail.worker")

Load = Sequence[tuple[str, int]]
"""What one message carries: packs, each as campaign and number."""

_NOTED_MAX = 10_000
_CALLS_MAX = 100


@dataclass(slots=True)
class Actors:
    """The actors, bound to one broker and one store; ``collect`` asks a payment provider for an invoice's money.

    A message may run for two thirds of a lease, so that a worker stuck in one never settles what another
    has claimed meanwhile (the token would refuse it, but the work would be wasted).
    """

    broker: Broker
    store: Store
    lease_ms: int
    send_packs: Actor[[Load], None] = field(init=False)
    refund_pack: Actor[[str, int], None] = field(init=False)
    collect_payment: Actor[[str, str, int], None] = field(init=False)
    collect: Callable[[str, str, int], object] | None = None
    _noted: dict[str, int] = field(default_factory=dict)
    _rung: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limit_ms = message_ms(self.lease_ms)
        declare = dramatiq.actor(broker=self.broker, actor_name="send_packs", queue_name=SEND, time_limit=limit_ms)
        self.send_packs = declare(self._send)
        declare = dramatiq.actor(broker=self.broker, actor_name="refund_pack", queue_name=REFUND, time_limit=limit_ms)
        self.refund_pack = declare(self._refund)
        declare = dramatiq.actor(
            broker=self.broker, actor_name="collect_payment", queue_name=PAYMENT, time_limit=120_000
        )
        self.collect_payment = declare(self._collect)

    def enqueue_sends(self, loads: Sequence[Load]) -> None:
        """Put a message for each load on the send queue, many in one round trip."""
        self._enqueue([self.send_packs.message(load) for load in loads])

    def enqueue_refunds(self, campaign: str, packs: Sequence[int]) -> None:
        """Put packs on the refund queue, due now, many in one round trip."""
        self._enqueue([self.refund_pack.message(campaign, pack) for pack in packs])

    def enqueue_payment(self, account: str, number: str, attempt: int) -> None:
        """Put an attempt to be paid for an invoice on the payment queue."""
        self._enqueue([self.collect_payment.message(account, number, attempt)])

    def backlog(self) -> int | None:
        """How many messages of the send queue wait or are worked on; None where the broker cannot tell."""
        if not isinstance(self.broker, DurableRedisBroker):
            return None
        return self.broker.backlog(SEND)

    def sending_is_paused(self) -> bool:
        """Whether an operator has paused the send queue."""
        if not isinstance(self.broker, DurableRedisBroker):
            return False
        return any(found.paused for found in queue_list(self.broker) if found.queue == SEND)

    def _enqueue(
        self, messages: list[Message[None]], delays: list[int | None] | None = None, *, at_last: bool = False
    ) -> None:
        """``at_last``: it is the last thing the message being run has to do."""
        if isinstance(self.broker, DurableRedisBroker):
            running = CurrentMessage.get_current_message() if at_last else None  # what a worker gives: a MessageProxy
            self.broker.enqueue_many(messages, delays, instead_of=cast("MessageProxy | None", running))
            return
        for i, message in enumerate(messages):
            self.broker.enqueue(message, delay=delays[i] if delays else None)

    def _send(self, load: Load) -> None:
        """Claim packs, deliver them, settle them, and set the alarms for their refunds.

        One that cannot be read holds up no other; it is told when the others are done, and tried again.
        """
        by_channel: defaultdict[str, list[Claim]] = defaultdict(list)
        broken: EngineError | None = None
        bounds = {name: -(-channel(name).at_once // len(load)) for name in CHANNELS}
        token, packs = secrets.token_hex(8), [(campaign, pack) for campaign, pack in load]
        for found in sending.claim_many(self.store, packs, token=token, lease_ms=self.lease_ms, bounds=bounds):
            if isinstance(found, NotFound):
                log.info("pack.gone")
            elif isinstance(found, EngineError):
                broken = found
            elif found is not None:
                _tell_of_low_balance(found)
                by_channel[found.channel].append(found)
        settled = [each for name, claims in by_channel.items() for each in self._deliver(channel(name), claims)]
        self._set_alarms(settled, at_last=broken is None)
        if broken is not None:
            raise broken

    def _deliver(self, way: Channel, claims: list[Claim]) -> list[tuple[Claim, Settled]]:
        held = [claim for claim in claims if claim.positions]
        outcomes = [
            (claim, done.delivered, done.failed, done.opted_out)
            for claim, done in zip(held, way.send(self.store, held), strict=True)
        ]
        settled = sending.settle_many(self.store, outcomes)
        if None in settled:
            log.warning("pack.stale", hint="another worker claimed it after this one's lease ran out")
        self._wake(claims, outcomes, settled)
        return [(claim, done) for claim, done in zip(held, settled, strict=True) if done is not None]

    def _wake(self, claims: list[Claim], outcomes: list[Outcome], settled: list[Settled | None]) -> None:
        """Have the scheduler look where these packs have made room, or leave something nobody else will see to."""
        accounts = {claim.account for claim, _, failures, opted_out in outcomes if failures or opted_out}
        accounts |= {claim.account for claim in claims if not claim.positions}
        for claim, done in zip((outcome[0] for outcome in outcomes), settled, strict=True):
            left = "Q" in claim.letters and claim.state == "running"
            last = done is not None and done.in_flight == 0 and done.queued > 0
            # It took less than was spoken for: campaigns after it may have been held back for nothing.
            passed_over = "P" in claim.letters or "O" in claim.letters
            if left or last or passed_over:
                accounts.add(claim.account)
        now_ms = next((done.now_ms for done in settled if done is not None), None)
        for account in accounts:
            wake(self.store, account, now_ms=now_ms)

    def _collect(self, account: str, number: str, attempt: int) -> None:
        """Ask the payment provider for an invoice's money, and record what came of it."""
        if self.collect is None:
            log.warning("payment.no_provider", hint="this worker was started without one: INMAIL_PAYMENTS")
            return
        self.collect(account, number, attempt)

    def _refund(self, campaign: str, pack: int) -> None:
        """Close what is due of a pack and of all others of its campaign; sets the alarm again for what of it falls due
        later."""
        try:
            done = refunds.refund(self.store, campaign, pack)
            closed, calls = done.closed, 1
            while done.more and calls < _CALLS_MAX:
                done = refunds.refund(self.store, campaign, pack)
                closed, calls = closed + done.closed, calls + 1
        except NotFound:
            log.info("pack.gone")
            return
        if done.more and calls == _CALLS_MAX:
            self.enqueue_refunds(campaign, [pack])
        if closed:
            wake(self.store, account_of(campaign), now_ms=done.now_ms, untidy=True)
        if done.next_due_ms:
            agenda.expect_refund(self.store, campaign, done.next_due_ms)
            delay_ms = max(0, done.next_due_ms - done.now_ms)
            self._alarm([self.refund_pack.message(campaign, pack)], [delay_ms], at_last=True)

    def _set_alarms(self, settled: Sequence[tuple[Claim, Settled]], *, at_last: bool) -> None:
        """A delayed actor for the day each pack falls due; the due index stays the truth, and is swept.

        Packs of a campaign that fall due within ALARM_EVERY_MS share one, at the end of that time: one alarm closes all
        that is due. With a pack size of 1 each InMail has its own.
        """
        messages: list[Message[None]] = []
        delays: list[int] = []
        rung: dict[str, int] = {}
        for claim, done in settled:
            campaign = claim.campaign
            if not done.due_ms:
                continue
            # Only the earliest is noted for the sweep; noting later ones would change nothing.
            if self._noted.get(campaign, done.due_ms + 1) > done.due_ms:
                agenda.expect_refund(self.store, campaign, done.due_ms)
                self._noted[campaign] = done.due_ms
            alarm_ms = done.alarm_ms  # a part sent earlier has an alarm already
            if claim.pack_size > 1:
                alarm_ms = -(-alarm_ms // ALARM_EVERY_MS) * ALARM_EVERY_MS
                if self._rung.get(campaign) == alarm_ms or rung.get(campaign) == alarm_ms:
                    continue
                rung[campaign] = alarm_ms
            messages.append(self.refund_pack.message(campaign, claim.pack))
            delays.append(max(0, alarm_ms - done.now_ms))
        if messages and self._alarm(messages, delays, at_last=at_last):
            self._rung |= rung
        for kept in (self._noted, self._rung):
            if len(kept) > _NOTED_MAX:
                kept.clear()

    def _alarm(self, messages: list[Message[None]], delays: list[int], *, at_last: bool) -> bool:
        try:
            self._enqueue(messages, [*delays], at_last=at_last)
            return True
        except BrokerConnectionError as error:
            # The pack is settled and its due time stands in Redis: the sweep sends what no alarm was set for.
            log.debug("alarm.not_set", detail=str(error))
            return False


def _tell_of_low_balance(claim: Claim) -> None:
    """Tell operators that the account's balance fell under a part of the month's credits: once a month, of each step.

    A worker that dies between the claim and this line has told nobody; the account's log has the step all the same.
    """
    if claim.low:
        event = "credits.depleted" if claim.low == "0" else "credits.low"
        log.warning(event, account=claim.account, step_percent=int(claim.low))
