"""Log lines: JSON off a terminal, with the ids a person needs and nothing personal."""

import io
import json
import logging as stdlib
import sys

import pytest
import structlog
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import TimeLimit

from config import logging
from tests.factories import LEASE_MS, a_campaign, an_account
from workers.actors import Actors
from workers.channels import Channel
from workers.middleware import LogContext


@pytest.fixture
def lines(monkeypatch):
    """What is logged while a test runs, as parsed JSON."""
    stream, before = io.StringIO(), stdlib.getLogger().handlers[:]
    monkeypatch.setattr(sys, "stderr", stream)
    logging.configure("info", "auto")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    stdlib.getLogger().handlers[:] = before
    structlog.reset_defaults()


def process(broker, actor, *args):
    """One message through the middleware, as a worker thread does it."""
    message = actor.message(*args)
    broker.emit_before("process_message", message)
    error = None
    try:
        actor.fn(*args)
    except Exception as caught:  # the worker hands it to the middleware
        error = caught
    broker.emit_after("process_message", message, exception=error)


def test_a_failure_is_one_line_with_account_campaign_pack_and_message_id(store, lines, monkeypatch):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=["ana@example.org"])
    broker = StubBroker(middleware=[TimeLimit(), LogContext()])
    actors = Actors(broker, store, lease_ms=LEASE_MS)
    monkeypatch.setattr("workers.actors.channel", lambda _name: Channel(_broken))
    process(broker, actors.send_packs, [[campaign, 0]])

    (line,) = lines()
    assert (line["account"], line["campaign"], line["pack"], line["event"]) == ("acme", campaign, 0, "message.failed")
    assert line["message_id"]
    assert line["detail"].startswith("test_logging.py:")
    assert "ana" not in json.dumps(line)


def _broken(_store, _claim):
    raise OSError("no route to ana@example.org")


def test_a_healthy_campaign_logs_nothing(store, lines):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    broker = StubBroker(middleware=[TimeLimit(), LogContext()])
    actors = Actors(broker, store, lease_ms=LEASE_MS)
    process(broker, actors.send_packs, [[campaign, 0]])
    process(broker, actors.refund_pack, campaign, 0)

    assert lines() == []
