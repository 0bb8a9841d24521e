"""A channel of 500 sends a second under real worker threads: shares by weight, and a short list among long ones."""

import threading
import time

import pytest
from dramatiq import Worker

from engine import accounts, campaigns
from engine.store import Store, open_client
from tests.factories import LEASE_MS, a_campaign, addresses, an_account, letters
from workers.actors import Actors
from workers.broker import DurableRedisBroker
from workers.channels import Channel
from workers.channels.mailbox import send as into_mailboxes
from workers.scheduler import Scheduler

PER_S = 500
AT_ONCE = 25
WEIGHTS = {"one": 1, "two": 2, "three": 3}


class Channel500:
    """Delivers PER_S a second and no more, whoever asks; notes for whom, in order."""

    def __init__(self):
        self.lock, self.free_at, self.delivered = threading.Lock(), 0.0, []

    def send(self, store, claims):
        with self.lock:
            self.delivered += [claim.account for claim in claims for _ in claim.positions]
            n = sum(len(claim.positions) for claim in claims)
            self.free_at = max(time.monotonic(), self.free_at) + n / PER_S
            free_at = self.free_at
        threading.Event().wait(max(0.0, free_at - time.monotonic()))
        return into_mailboxes(store, claims)


@pytest.fixture
def slow(redis_url, monkeypatch):
    """The store, the channel, and all at work until the test ends."""
    client = open_client(redis_url)
    client.flushdb()
    store, channel, stop = Store(client), Channel500(), threading.Event()
    monkeypatch.setattr("workers.actors.channel", lambda _name: Channel(channel.send, at_once=AT_ONCE))
    broker = DurableRedisBroker(client=open_client(redis_url), namespace="inmail:{dramatiq}")
    actors = Actors(broker, store, lease_ms=LEASE_MS)
    scheduler = threading.Thread(target=Scheduler(store, actors, LEASE_MS, 50_000).run, args=(stop,))
    worker = Worker(broker, worker_threads=4, worker_timeout=100)
    worker.start()
    scheduler.start()
    yield store, channel
    for account in accounts.account_ids(store):
        for campaign in campaigns.campaign_ids(store, account):
            if campaigns.get_campaign(store, campaign).state not in ("sent", "closed"):
                campaigns.steer(store, campaign, "cancel")
    stop.set()
    scheduler.join()
    worker.stop()
    broker.close()


def wait(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


@pytest.mark.redis
def test_accounts_share_a_slow_channel_by_weight_and_a_short_list_does_not_wait_for_long_ones(slow):
    store, channel = slow
    for place, (account, weight) in enumerate(WEIGHTS.items()):
        an_account(store, account, credits_=9_000)
        accounts.weigh(store, account, weight)
        a_campaign(store, account, to=addresses(6_000, start=place * 6_000))
    an_account(store, "short", credits_=10)
    wait(lambda: len(channel.delivered) > 400)
    begun = len(channel.delivered)
    short = a_campaign(store, "short", to=addresses(10, start=50_000), pack_size=10)
    wait(lambda: letters(store, short) == "S" * 10)
    before_it = channel.delivered[begun:].index("short")
    assert before_it <= PER_S, "what is delivered in a second"

    # A scheduler that was kept from its work by a busy machine lets the queue run dry, and all begin alike again.
    seen = []
    while not any(map(as_weighed, seen)):
        assert len(seen) < 4, seen
        start = len(channel.delivered)
        wait(lambda start=start: len(channel.delivered) > start + 900)
        seen.append([channel.delivered[start:].count(account) for account in WEIGHTS])


def as_weighed(had):
    shares = zip(had, WEIGHTS.values(), strict=True)
    return all(abs(n / sum(had) - weight / sum(WEIGHTS.values())) < 0.06 for n, weight in shares)
