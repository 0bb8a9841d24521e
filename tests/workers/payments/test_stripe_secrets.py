"""No key, no secret, no address and no link stands in a log, a repr or an error, however much is logged."""

import io
import logging as stdlib
import sys
import traceback

import pytest
import structlog

from config import logging
from engine.errors import EngineError
from tests.workers.payments.conftest import KEY, SECRET, an_event, an_order, provider_at, signed
from workers.payments.stripe_provider import StripeProvider

NAME = "Ada Lovelace"
NEVER = [KEY, SECRET, KEY[8:], SECRET[6:], "ada@example.org", NAME, "127.0.0.1/pay/", "/portal/bps"]


@pytest.fixture
def logged(monkeypatch):
    """All that is logged, at debug, Stripe's own logger too."""
    stream, before = io.StringIO(), stdlib.getLogger().handlers[:]
    monkeypatch.setattr(sys, "stderr", stream)
    logging.configure("debug", "json")
    library = stdlib.getLogger("stripe")
    library.setLevel(stdlib.DEBUG)
    yield stream
    library.setLevel(stdlib.NOTSET)
    stdlib.getLogger().handlers[:] = before
    stdlib.getLogger().setLevel(stdlib.WARNING)
    structlog.reset_defaults()


def all_of(error):
    """An error with all a careless log could show of it."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.args) + repr(error.details)


def assert_silent(text):
    assert [word for word in NEVER if word in text] == []


def test_a_payment_from_page_to_charge_logs_nothing_personal_and_nothing_secret(provider, stand_in, logged):
    log = structlog.get_logger("test")
    link = provider.checkout(an_order(name=NAME))
    stand_in.pay(link)
    outcome = provider.charge(an_order("acme-0002", name=NAME), 1)
    provider.portal("acme", "https://mail.example.org/")
    payload = an_event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent", "metadata": {}})
    provider.event(payload, signed(payload))
    log.info("outcome", outcome=outcome, link=link, order=an_order(name=NAME), provider=provider)

    assert '"event": "outcome"' in logged.getvalue()
    assert_silent(logged.getvalue())


def test_trouble_of_every_kind_is_told_without_a_secret(provider, stand_in, logged, no_pause):
    for status in ("400", "401", "402", "403", "404", "409", "429", "500"):
        stand_in.ask("/_config/faults", {"faults": [status] * 3})
        with pytest.raises(EngineError) as caught:
            provider.checkout(an_order(name=NAME))
        structlog.get_logger("test").error("trouble", exc_info=caught.value)
        assert_silent(all_of(caught.value))
    with pytest.raises(EngineError) as caught:
        provider.event(b"{}", signed(b"{}", secret="whsec_another"))
    structlog.get_logger("test").error("trouble", exc_info=caught.value)
    assert_silent(all_of(caught.value))
    assert_silent(logged.getvalue())


def test_what_the_library_would_say_of_the_key_is_not_passed_on(store, no_pause):
    broken = provider_at("http://127.0.0.1:1", store, key="sk_test_a\nb")
    with pytest.raises(EngineError) as caught:
        broken.portal("acme", "https://mail.example.org/")
    assert "sk_test" not in all_of(caught.value)


def test_no_repr_shows_a_secret(provider):
    assert isinstance(provider, StripeProvider)
    assert_silent(repr(provider) + str(vars(provider)) + repr(an_order(name=NAME)))


def test_the_librarys_own_logger_says_nothing_below_a_warning(logged):
    stdlib.getLogger("stripe").debug("Post details email=ada@example.org")
    stdlib.getLogger("stripe").info("Request to Stripe api")
    assert logged.getvalue() == ""
