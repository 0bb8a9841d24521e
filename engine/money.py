"""Amounts of money: whole minor units, rounded one way everywhere, and how they are written."""

from __future__ import annotations

from typing import Final

_DECIMALS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217: the currencies whose minor unit is not a hundredth → decimals."""


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number, halves away from zero, exactly: 5/2 is 3, -5/2 is -3."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def decimals(currency: str) -> int:
    """How many decimals amounts of a currency have: USD 2, JPY 0, KWD 3."""
    return _DECIMALS.get(currency, 2)


def major(amount_minor: int, currency: str) -> str:
    """An amount in the currency's major unit: 2495 of USD is '24.95', 2495 of JPY '2495'."""
    places = decimals(currency)
    sign, digits = "-" * (amount_minor < 0), f"{abs(amount_minor):0{places + 1}}"
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency, as '24.95 USD'."""
    return f"{major(amount_minor, currency)} {currency}"
