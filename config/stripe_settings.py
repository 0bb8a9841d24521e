"""What the settings for Stripe may look like; what is wrong with a secret is told without quoting it."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationInfo

API: Final = "https://api.stripe.com"

_SHAPES: Final = {
    "stripe_key": (r"(sk|rk)_[A-Za-z0-9_]{8,250}", "a secret or restricted key: sk_… or rk_…, not a publishable one"),
    "stripe_webhook_secret": (r"whsec_[A-Za-z0-9+/=_-]{8,250}", "the signing secret of the webhook: whsec_…"),
}
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_URL_CHARS_MAX = 200


def _checked_secret(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None:
        # Without the second, people would pay and nothing would be recorded.
        if info.data.get("payments") == "stripe":
            raise ValueError("must be set where INMAIL_PAYMENTS=stripe")
        return None
    shape, told = _SHAPES[str(info.field_name)]
    # A line break in a key would end up in an error of the HTTP library, with the key beside it.
    if not re.fullmatch(shape, value.get_secret_value()):
        raise ValueError(f"must be {told}")
    return value


def _checked_api(value: str) -> str:
    """Without a slash at its end; ValueError where a key sent there could be read on the way."""
    parts = urlsplit(value)
    plain = value.isascii() and value.isprintable() and not re.search(r"[\s\"'<>\\?#@]", value)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
    if not safe or not parts.hostname or not plain or len(value) > _URL_CHARS_MAX:
        raise ValueError("must be https:// and a host, or http:// on this machine, without '?', '#' or a user")
    _ = parts.port  # ValueError where it is none
    return value.rstrip("/")


# Both stand after `payments` in the settings: what they need of it is known by then.
Key = Annotated[SecretStr | None, AfterValidator(_checked_secret)]
WebhookSecret = Annotated[SecretStr | None, AfterValidator(_checked_secret)]
Address = Annotated[str, AfterValidator(_checked_api)]
