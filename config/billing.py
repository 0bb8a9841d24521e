"""The settings of subscriptions and invoices; part of config/settings.py."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import available_timezones

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from config.durations import Duration

_DAYS_MAX = {"payment_due": 90, "grace": 90, "lapse_keeps": 366}


class BillingSettings(BaseSettings):
    """On which terms subscriptions are sold."""

    timezone: str = "UTC"
    """The time zone in which new subscriptions keep their day of the month: Europe/Berlin, for one."""

    tax_percent: Decimal = Field(Decimal(0), ge=0, le=100, max_digits=7, decimal_places=4)
    """The tax added to every invoice, in percent: 19 or 7.7."""

    seller: str = Field("", max_length=500)
    """Who sells, as it stands on invoices: name; street; place; tax number. Each ';' begins a new line."""

    payment_due: Duration = timedelta(days=14)
    """How long after it was issued an invoice is to be paid, where an operator says what was paid."""

    grace: Duration = timedelta(days=7)
    """How long a subscription goes on after a payment failed, or was not made in time."""

    lapse_keeps: Duration = timedelta(days=30)
    """How long a subscription that lapsed unpaid keeps its credits, unused, before it ends."""

    @field_validator("timezone")
    @classmethod
    def _there_is_one(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("there is no such time zone; give one as in Europe/Berlin or UTC")
        return value

    @field_validator("payment_due", "grace", "lapse_keeps")
    @classmethod
    def _some_days(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        most = _DAYS_MAX[str(info.field_name)]
        if not timedelta(0) <= value <= timedelta(days=most):
            raise ValueError(f"must be between PT0S and P{most}D")
        return value

    @field_validator("seller")
    @classmethod
    def _plain_lines(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be printable text, its lines parted by ';'")
        return value

    @property
    def seller_lines(self) -> tuple[str, ...]:
        """The lines of the seller, none where it is not set."""
        return tuple(line.strip() for line in self.seller.split(";") if line.strip())
