"""What Stripe's errors become here, in words of ours: nothing Stripe or its library says is quoted but its codes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from engine.errors import EngineError, Refused, Unavailable

# Below a warning the library logs whole bodies: names, addresses, links that let whoever has them pay.
logging.getLogger("stripe").addFilter(lambda record: record.levelno >= logging.WARNING)
# It would leave a file in the home of whoever runs the worker, and tell Stripe about this machine.
stripe.enable_telemetry = False


@contextmanager
def trouble_told() -> Iterator[None]:
    """Raise Stripe's errors as the engine's."""
    try:
        yield
    except stripe.StripeError as error:
        raise _as_engine_error(error) from None


def code_of(error: stripe.StripeError) -> str:
    """What Stripe calls it: the bank's word where there is one, else the error's code; 'error' where neither."""
    declined = getattr(error.error, "decline_code", None)
    return word(declined) or word(error.code) or "error"


def word(text: object) -> str:
    """A code of Stripe's, as long as it looks like one; '' for anything else."""
    return text if isinstance(text, str) and re.fullmatch(r"[a-z0-9_]{1,80}", text) else ""


def is_missing(error: stripe.InvalidRequestError) -> bool:
    """Whether what was asked for is not there at Stripe (any more), or is of its other mode (test, live)."""
    return error.http_status == 404 or error.code == "resource_missing"


def _as_engine_error(error: stripe.StripeError) -> EngineError:
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Unavailable("Stripe does not take INMAIL_STRIPE_KEY for this: see to the key and what it may do")
    if isinstance(error, stripe.CardError | stripe.InvalidRequestError):
        field = re.sub(r"[^a-z0-9_\[\]]", "?", str(error.param or ""))[:80]
        about = f", about {field}" if field else ""
        return Refused(f"Stripe does not take this ({code_of(error)}{about})", code="payment_refused")
    return Unavailable(f"Stripe does not answer as it should ({type(error).__name__}); try again in a while")
