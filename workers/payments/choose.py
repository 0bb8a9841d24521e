"""Which payment provider the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.stripe_customers import StripeCustomers
from workers.payments.manual import ManualProvider

if TYPE_CHECKING:
    from config.settings import Settings
    from engine.store import Store
    from workers.payments.provider import PaymentProvider


def provider_of(settings: Settings, store: Store) -> PaymentProvider:
    """The provider INMAIL_PAYMENTS names; makes no connection yet."""
    if settings.payments == "manual":
        return ManualProvider()
    # Stripe's library takes a quarter of a second to import: only where it is used.
    from workers.payments.stripe_provider import StripeProvider

    key, secret = settings.stripe_key, settings.stripe_webhook_secret
    assert key is not None, "the settings are refused without"
    assert secret is not None, "the settings are refused without"
    return StripeProvider(
        StripeCustomers(store), key=key, webhook_secret=secret, api=settings.stripe_api, engine=store.keys.namespace
    )
