"""The plan catalogue: what an account pays and may do. Data, not code; read from TOML, checked, named by line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter

from engine.errors import Invalid
from engine.money import CURRENCIES, half_up

_LARGE = 1_000_000_000
WEIGHT_MAX = 100
_SHOWN_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """One row of the catalogue. Fees in minor units; for the four numbers after credits_a_month 0 means no limit.

    ``version`` is counted up by whoever changes the terms: what was bought under one keeps them. ``credits_after_end``:
    what becomes of available credits when a subscription ends. ``weight`` is an account's part of the send queue beside
    the others', 1 to WEIGHT_MAX.
    """

    slug: str
    name: str
    fee_monthly: int = 0
    fee_annual: int = 0
    currency: str = "USD"
    credits_a_month: int = 0
    profiles_per_search: int = 0
    simultaneous_contacts: int = 0
    recipients_per_campaign: int = 0
    balance_cap_months: int = 0
    version: int = 1
    credits_after_end: Literal["expire", "keep"] = "expire"
    weight: int = 1
    can_send: bool = True
    refund_when: Literal["unanswered", "answered"] = "unanswered"
    refund_after_ms: int = 7 * 24 * 3600 * 1000

    @property
    def balance_cap(self) -> int:
        """The most credits a month's grant fills the balance up to, 0 = no limit."""
        return self.balance_cap_months * self.credits_a_month

    def as_dict(self) -> dict[str, Any]:
        """What is told of it: all but its weight, what paying by the year saves, and the cap in credits."""
        told = asdict(self)
        del told["weight"]
        slug, saving = told.pop("slug"), self.annual_saving_percent
        return {"plan": slug, **told, "balance_cap": self.balance_cap, "annual_saving_percent": saving}

    def sells(self, cycle: str) -> bool:
        """Whether it can be paid so, 'monthly' or 'annual': a plan with one fee of the two is sold by that one only."""
        fees = {"monthly": self.fee_monthly, "annual": self.fee_annual}
        return fees[cycle] > 0 or not any(fees.values())

    @property
    def annual_saving_percent(self) -> int | None:
        """What a year paid at once saves beside twelve months, to the nearest percent; None where nothing is paid."""
        twelve = 12 * self.fee_monthly
        return half_up(100 * (twelve - self.fee_annual), twelve) if twelve and self.fee_annual else None

    def to_terms(self) -> str:
        """All of it as text, to be kept with what was sold."""
        return orjson.dumps(self).decode()


@lru_cache(maxsize=1_000)
def of_terms(text: str) -> Plan:
    """A plan as it was kept; fields that came since have their defaults."""
    return Plan(**orjson.loads(text))


def load_plans(built_in: Path, own: Path | None = None) -> dict[str, Plan]:
    """The built-in catalogue, then a host's own over it, by slug; raises Invalid naming file and line."""
    plans = _read(built_in)
    if own is not None:
        plans |= _read(own)
    return plans


def find_plan(plans: Mapping[str, Plan], slug: str) -> Plan:
    """The plan of that slug; raises Invalid listing the ones there are. ``business-plus`` is accepted too."""
    plan = plans.get(slug.strip().lower().replace("-", "_").replace(" ", "_"))
    if plan is None:
        raise Invalid(f"no plan {slug[:60]!r}; there are: {', '.join(sorted(plans))}", code="unknown_plan")
    return plan


def _read(path: Path) -> dict[str, Plan]:
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}", code="bad_plans") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path}: not UTF-8 text, so no plans file", code="bad_plans") from None
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).rpartition(" (")  # it may quote a name of any length
        raise Invalid(f"{path}: {what[:_SHOWN_CHARS_MAX]} ({where}", code="bad_plans") from None
    except RecursionError:
        raise Invalid(f"{path}: brackets are nested too deep", code="bad_plans") from None
    except ValueError:
        raise Invalid(f"{path}: a number in it has thousands of digits", code="bad_plans") from None
    tables = document.get("plans")
    if not isinstance(tables, dict) or set(document) != {"plans"}:
        raise Invalid(f"{path}: expected tables [plans.SLUG] and nothing else", code="bad_plans")
    return {slug: _plan(slug, table, _Place(path, text, slug)) for slug, table in tables.items()}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a plan stands in its file, so that a complaint can name the line."""

    path: Path
    text: str
    slug: str

    def wrong(self, key: str | None, reason: str) -> Invalid:
        rows = self.text.splitlines()
        header = re.compile(rf"\s*\[\s*plans\s*\.\s*\"?{re.escape(self.slug)}\"?[\s.\]]")
        start = next((i for i, row in enumerate(rows) if header.match(row)), 0)
        line = start
        if key is not None:
            wanted = re.compile(
                rf"\s*\"?{re.escape(key)}\"?\s*[=.]|\s*\[.*\.{re.escape(key)}\s*\]|.*\b{re.escape(key)}\s*="
            )
            line = next((i for i in range(start, len(rows)) if wanted.match(rows[i])), start)
        return Invalid(f"{self.path} line {line + 1}: plan {_shown(self.slug)}: {reason}", code="bad_plans")


def _shown(value: Any) -> str:
    """A value as part of a line; a hexadecimal number can be one that Python refuses to write out."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"


def _plan(slug: str, table: Any, place: _Place) -> Plan:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", slug):
        raise place.wrong(None, "a plan's slug is 1 to 40 of a-z, 0-9 and '_', beginning with a letter")
    if not isinstance(table, dict):
        raise place.wrong(None, "expected a table")
    kinds = {field.name: field.type for field in fields(Plan)}
    values: dict[str, Any] = {"slug": slug, "name": slug.replace("_", " ").title()}
    for key, value in table.items():
        if key == "refund":
            values |= _refund(value, place)
            continue
        if key not in kinds or key in ("slug", "refund_when", "refund_after_ms"):
            raise place.wrong(key, f"unknown field {_shown(key)}")
        values[key] = _checked(key, value, str(kinds[key]), place)
    return Plan(**values)


def _checked(key: str, value: Any, kind: str, place: _Place) -> Any:
    if kind == "int":
        least, most = {"weight": (1, WEIGHT_MAX), "version": (1, _LARGE)}.get(key, (0, _LARGE))
        if type(value) is not int or not least <= value <= most:
            raise place.wrong(key, f"{key} must be a whole number from {least} to {most:,}, not {_shown(value)}")
    elif kind == "bool":
        if type(value) is not bool:
            raise place.wrong(key, f"{key} must be true or false, not {_shown(value)}")
    elif key == "credits_after_end":
        if value not in ("expire", "keep"):
            raise place.wrong(key, f"credits_after_end must be 'expire' or 'keep', not {_shown(value)}")
    elif not isinstance(value, str) or not value.strip() or len(value) > 80 or not value.isprintable():
        raise place.wrong(key, f"{key} must be one line of 1 to 80 characters")
    elif key == "currency" and value not in CURRENCIES:
        raise place.wrong(key, f"currency must be a code of ISO 4217 such as EUR, not {_shown(value)}")
    return value


def _refund(table: Any, place: _Place) -> dict[str, Any]:
    if not isinstance(table, dict) or set(table) - {"when", "after"}:
        raise place.wrong("refund", 'refund must be { when = "unanswered", after = "P7D" }')
    when, after = table.get("when", "unanswered"), table.get("after", "P7D")
    if when not in ("unanswered", "answered"):
        raise place.wrong("when", f"refund.when must be 'unanswered' or 'answered', not {_shown(when)}")
    if not isinstance(after, str) or not after.startswith("P"):
        raise place.wrong("after", f"refund.after must be an ISO 8601 duration such as P7D, not {_shown(after)}")
    try:
        span = TypeAdapter(timedelta).validate_python(after)
    except ValueError:
        raise place.wrong(
            "after", f"refund.after must be an ISO 8601 duration such as P7D, not {_shown(after)}"
        ) from None
    if not timedelta(seconds=1) <= span <= timedelta(days=366):
        raise place.wrong("after", "refund.after must be between PT1S and P366D")
    return {"refund_when": when, "refund_after_ms": span // timedelta(milliseconds=1)}
