"""Every setting of the engine, read from INMAIL_* variables and a .env file, refused with one clear line."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import SettingsConfigDict

from config import redis_address, stripe_settings, timings
from config.billing import BillingSettings
from config.durations import Duration, milliseconds
from config.link_keys import parse_link_keys

_SHOWN_CHARS_MAX = 400
_URL_CHARS_MAX = 200
_SECRETS = frozenset({"INMAIL_LINK_KEYS", "INMAIL_STRIPE_KEY", "INMAIL_STRIPE_WEBHOOK_SECRET"})


class BadSettings(ValueError):
    """A setting is wrong; the message names the variable, the value and what is accepted."""


class Settings(BillingSettings):
    """The settings; frozen. Durations are ISO 8601 (P7D, PT30S)."""

    model_config = SettingsConfigDict(
        env_prefix="INMAIL_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    redis_url: str | None = None
    """Where account data lives: redis://, rediss://, unix://, or a cluster as redis+cluster://host:port,host:port.
    Unset: the engine keeps its own Redis."""

    broker_url: str | None = None
    """Where Dramatiq's queues live. Unset: the same Redis."""

    data_dir: Path = Path(".inmail")
    """Directory of the embedded Redis: its socket and its append-only file."""

    embedded: Literal["auto", "system", "wheel", "fake"] = "auto"
    """Which server the embedded Redis runs: one on PATH, the wheel's, or the keep-nothing fallback."""

    namespace: str = "inmail"
    """First part of every Redis key; two engines may share one Redis under two namespaces."""

    pack_size: int = Field(500, ge=1, le=1000)
    """Recipients carried by one Dramatiq message; fixed per campaign at submit."""

    in_flight: int = Field(50_000, ge=1, le=1_000_000)
    """The most recipients of one campaign on the queue at a time; the pace of the workers keeps it shorter."""

    refund_after: Duration | None = None
    """How long an InMail waits for an answer. Unset: the plan's own window (P7D for the built-in plans)."""

    lease: Duration = timedelta(seconds=30)
    """How long a released or claimed pack may take before another worker may claim it."""

    public_url: str = "http://127.0.0.1:8000"
    """Under which address candidates reach the web pages; reply links begin with it."""

    link_lifetime: Duration = timedelta(days=30)
    """How long a reply link can be used."""

    link_keys: SecretStr | None = None
    """Keys of reply links, id:secret,id:secret: the first signs, all verify. Unset: made once and kept in Redis."""

    plans_file: Path | None = None
    """A host's own plans, read beside the built-in ones."""

    web_host: str = Field("127.0.0.1", pattern=r"^[A-Za-z0-9.:_-]{1,253}$")
    """The address the web server listens on; 0.0.0.0 is every one of this machine's."""

    web_port: int = Field(8000, ge=1, le=65_535)
    """The port the web server listens on."""

    api_rate: int = Field(100, ge=1, le=100_000)
    """Requests a second each API key may make, over time."""

    api_burst: int = Field(200, ge=1, le=1_000_000)
    """Requests an API key may make at once."""

    api_body_bytes_max: int = Field(1_000_000, ge=1_000, le=100_000_000)
    """The longest JSON body the API takes."""

    api_upload_bytes_max: int = Field(200_000_000, ge=1_000, le=10_000_000_000)
    """The longest upload of a list the API takes."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    """auto: readable on a terminal, JSON elsewhere."""

    # How invoices are paid.
    payments: Literal["manual", "stripe"] = "manual"
    """Who charges: nobody, the operator marks invoices paid; or Stripe."""

    stripe_key: stripe_settings.Key = None
    """The secret or restricted key of the Stripe account."""

    stripe_webhook_secret: stripe_settings.WebhookSecret = None
    """What Stripe signs its events with."""

    stripe_api: stripe_settings.Address = stripe_settings.API
    """Where Stripe's API is; another only for a stand-in in tests."""

    @field_validator("lease")
    @classmethod
    def _fits(cls, value: timedelta) -> timedelta:
        if wrong := timings.broken(milliseconds(value)):
            raise ValueError("; ".join(wrong))
        return value

    @field_validator("refund_after")
    @classmethod
    def _within_reason(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and not timedelta(seconds=1) <= value <= timedelta(days=366):
            raise ValueError("must be between PT1S and P366D")
        return value

    @field_validator("link_lifetime")
    @classmethod
    def _useful(cls, value: timedelta) -> timedelta:
        if not timedelta(hours=1) <= value <= timedelta(days=366):
            raise ValueError("must be between PT1H and P366D")
        return value

    @field_validator("link_keys")
    @classmethod
    def _usable_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_link_keys(value.get_secret_value())
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = value.isascii() and value.isprintable() and not re.search(r"[\s\"'<>\\?#@]", value)
        if parts.scheme not in ("http", "https") or not parts.hostname or not plain or len(value) > _URL_CHARS_MAX:
            raise ValueError("must be http:// or https://, a host and maybe a path, without '?', '#' or a user")
        _ = parts.port  # ValueError where it is none
        return value.rstrip("/")

    @field_validator("redis_url", "broker_url")
    @classmethod
    def _usable_address(cls, value: str | None) -> str | None:
        if value is not None:
            redis_address.check(value)
        return value

    @field_validator("namespace")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", value):
            raise ValueError("must be 1 to 32 letters, digits, '-' or '_'")
        return value

    @field_validator("data_dir", "plans_file")
    @classmethod
    def _a_path(cls, value: Path | None) -> Path | None:
        try:
            if value is not None:
                value.stat()
        except FileNotFoundError:
            pass
        except OSError as error:  # too long a name, no permission, a file where a folder should be
            raise ValueError(f"cannot be used: {error.strerror}") from None
        return value

    @field_validator("data_dir")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("is a file, not a folder")
        return value

    @field_validator("plans_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("no such file")
        return value

    @property
    def index_dir(self) -> Path:
        """Where this machine's processes keep their copy of the directory to search in; each namespace its own."""
        return self.data_dir / "index" / self.namespace

    @property
    def refund_after_ms(self) -> int | None:
        """The refund window in milliseconds, or None for the plan's own."""
        return None if self.refund_after is None else milliseconds(self.refund_after)

    @property
    def lease_ms(self) -> int:
        """The pack lease in milliseconds."""
        return milliseconds(self.lease)

    @property
    def link_lifetime_ms(self) -> int:
        """How long a reply link can be used, in milliseconds."""
        return milliseconds(self.link_lifetime)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the settings once per process; raises BadSettings with one line per wrong variable, joined by '; '."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings("; ".join(_one_line(problem) for problem in error.errors())) from None
    except UnicodeDecodeError as error:
        raise BadSettings(f".env: not UTF-8 text (byte {error.start:,})") from None
    except OSError as error:
        raise BadSettings(f".env: {error.strerror}") from None


def _one_line(problem: Any) -> str:
    name = "INMAIL_" + ".".join(str(part) for part in problem["loc"]).upper()
    reason = problem["msg"].removeprefix("Value error, ")
    # An address is quoted without its password, keys not at all.
    given = re.sub(r"(?<=:)[^:@/]+(?=@)", "***", repr(problem["input"]))
    if name in _SECRETS:
        given = "" if problem["input"] is None else "***"
    return f"{name}={_short(given)}: {_short(reason[0].lower() + reason[1:])}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
