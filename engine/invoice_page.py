"""An invoice as a page to read and to print: one HTML file that needs nothing else. For web and command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from engine.invoices import Invoice
from engine.money import major, money
from engine.periods import check_timezone

STYLE: Final = (resources.files("engine") / "templates" / "invoice.css").read_text("utf-8")
"""What stands within the page's one style element: a content security policy may name it by its hash."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_templates = Environment(
    loader=PackageLoader("engine", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(invoice: Invoice, *, timezone: str = "UTC") -> str:
    """The page, dates as they are in that time zone; whatever is shown is escaped. Raises Invalid bad_timezone."""
    zone = check_timezone(timezone)

    def day(at_ms: int, letters: int | None = None) -> str:
        # Not strftime: its names are those of the process' language.
        at = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
        return f"{at.day} {_MONTHS[at.month - 1][:letters]} {at.year}"

    def amount(minor: int) -> str:
        return major(minor, invoice.currency).replace("-", "−")  # noqa: RUF001 - as print has it

    return _templates.get_template("invoice.html").render(
        it=invoice,
        style=STYLE,
        day=day,
        short_day=partial(day, letters=3),
        amount=amount,
        due_is="Paid" if invoice.state == "paid" and invoice.due_minor else "Amount due",
        closing=_closing(invoice, day(invoice.due_at_ms)),
    )


def _closing(invoice: Invoice, due_day: str) -> str:
    """The last line: what the reader has to do, if anything."""
    if invoice.total_minor < 0:
        return f"Nothing to pay: {money(-invoice.total_minor, invoice.currency)} will pay towards your next invoices."
    if invoice.state == "open":
        due = money(invoice.due_minor, invoice.currency)
        return f"Please pay {due} by {due_day}, naming invoice {invoice.number}."
    if invoice.state == "uncollectible":
        return "The subscription has ended; this invoice is no longer collected."
    return "Paid, with thanks." if invoice.due_minor else "Nothing to pay."
