"""Amounts of money: whole minor units, rounded one way everywhere, and how they are written."""

from __future__ import annotations

from typing import Final

_DECIMALS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""ISO 4217: the currencies whose minor unit is not a hundredth → decimals."""
_CODES: Final = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR
ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT
MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYI UYU UZS VED
VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: Final = frozenset(_CODES.split())
"""ISO 4217: the codes of money that is paid with (no metals, no test codes)."""


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
