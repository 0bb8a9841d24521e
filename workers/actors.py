"""The actors: ids in, engine calls out. A message is a wake-up hint; what it finds in Redis decides."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import dramatiq
import structlog
from dramatiq import Actor, Broker, Message
from dramatiq.errors import BrokerConnectionError

from config.timings import message_ms
from engine import agenda, refunds, sending
from engine.errors import NotFound
from engine.identity import account_of
from engine.store import Store
from engine.wake import wake
from workers.broker import DurableRedisBroker, queue_list
from workers.channels import channel
from workers.wiring import REFUND, SEND

log = structlog.get_logger("inmail.worker")


@dataclass(slots=True)
class Actors:
    """The two actors, bound to one broker and one store. ``in_flight`` as the scheduler's, in recipients.

    A message may run for two thirds of a lease, so that a worker stuck in one never settles what another
    has claimed meanwhile (the token would refuse it, but the work would be wasted).
    """

    broker: Broker
    store: Store
    lease_ms: int
    in_flight: int
    send_pack: Actor[[str, int], None] = field(init=False)
    refund_pack: Actor[[str, int], None] = field(init=False)

    def __post_init__(self) -> None:
        limit_ms = message_ms(self.lease_ms)
        declare = dramatiq.actor(broker=self.broker, actor_name="send_pack", queue_name=SEND, time_limit=limit_ms)
        self.send_pack = declare(self._send)
        declare = dramatiq.actor(broker=self.broker, actor_name="refund_pack", queue_name=REFUND, time_limit=limit_ms)
        self.refund_pack = declare(self._refund)

    def send_packs(self, campaign: str, packs: Sequence[int]) -> None:
        """Put packs on the send queue, many in one round trip."""
        self._enqueue([self.send_pack.message(campaign, pack) for pack in packs])

    def refund_packs(self, campaign: str, packs: Sequence[int]) -> None:
        """Put packs on the refund queue, due now, many in one round trip."""
        self._enqueue([self.refund_pack.message(campaign, pack) for pack in packs])

    def sending_is_paused(self) -> bool:
        """Whether an operator has paused the send queue."""
        if not isinstance(self.broker, DurableRedisBroker):
            return False
        return any(found.paused for found in queue_list(self.broker) if found.queue == self.send_pack.queue_name)

    def _enqueue(self, messages: list[Message[None]]) -> None:
        if isinstance(self.broker, DurableRedisBroker):
            self.broker.enqueue_many(messages)
        else:
            for message in messages:
                self.broker.enqueue(message)

    def _send(self, campaign: str, pack: int) -> None:
        """Claim a pack, deliver it, settle it, and set the alarm for its refunds."""
        try:
            claim = sending.claim(self.store, campaign, pack, token=secrets.token_hex(8), lease_ms=self.lease_ms)
        except NotFound:
            log.info("pack.gone")
            return
        if claim is None:
            return
        if not claim.positions:
            wake(self.store, claim.campaign.account)
            return
        delivery = channel(claim.campaign.channel)(self.store, claim)
        settled = sending.settle(self.store, claim, delivery.delivered, delivery.failed)
        if settled is None:
            log.warning("pack.stale", hint="another worker claimed it after this one's lease ran out")
            return
        if settled.due_ms:
            self._set_alarm(campaign, pack, settled.due_ms, settled.now_ms)
        # The scheduler keeps a few packs in flight: it need not be woken while half of them are left.
        if settled.in_flight * 2 * claim.campaign.pack_size <= self.in_flight or claim.state != "running":
            wake(self.store, claim.campaign.account, now_ms=settled.now_ms)

    def _refund(self, campaign: str, pack: int) -> None:
        """Close what is due of a pack; sets the alarm again for what falls due later."""
        try:
            done = refunds.refund(self.store, campaign, pack)
        except NotFound:
            log.info("pack.gone")
            return
        if done.closed:
            wake(self.store, account_of(campaign), now_ms=done.now_ms)
        if done.next_due_ms:
            self._set_alarm(campaign, pack, done.next_due_ms, done.now_ms)

    def _set_alarm(self, campaign: str, pack: int, due_ms: int, now_ms: int) -> None:
        """A delayed actor for the day it falls due; the due index stays the truth, and is swept as well."""
        agenda.expect_refund(self.store, campaign, due_ms)
        try:
            self.refund_pack.send_with_options(args=(campaign, pack), delay=max(0, due_ms - now_ms))
        except BrokerConnectionError as error:
            # The pack is settled and its due time stands in Redis: the sweep sends what no alarm was set for.
            log.debug("alarm.not_set", detail=str(error))
