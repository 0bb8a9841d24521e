"""Amounts as Stripe counts them: our minor units (ISO 4217), but for a few currencies it counts otherwise."""

from __future__ import annotations

from typing import Final

from engine.errors import Refused

_TIMES: Final = {"ISK": 100, "UGX": 100}
"""Without decimals, yet given to Stripe as if they had two."""
_OTHERWISE: Final = frozenset({"MGA"})  # with decimals by ISO, without at Stripe: taken for ours, a hundredfold


def to_stripe(amount_minor: int, currency: str) -> int:
    """The amount to ask for; Refused, code currency, where Stripe's minor unit is another than ours."""
    if currency in _OTHERWISE:
        raise Refused(f"{currency} cannot be charged through Stripe", code="currency")
    return amount_minor * _TIMES.get(currency, 1)


def from_stripe(amount: int, currency: str) -> int:
    """An amount of Stripe's in our minor units; as it is where that gives no whole number, so that it fits nothing."""
    whole, rest = divmod(amount, _TIMES.get(currency, 1))
    return amount if rest else whole
