"""The page of an invoice: everything on it, nothing that runs or is loaded."""

import re
from dataclasses import replace
from decimal import Decimal
from html import unescape

import pytest

from engine.errors import Invalid
from engine.invoice_page import STYLE, render
from engine.invoices import Invoice, Line, make

DAY_MS = 86_400_000
ISSUED_MS = 1_800_000_000_000  # 2027-01-15 08:00 UTC


def _made(*amounts: int, balance: int = 0, currency: str = "USD", **other) -> Invoice:
    values = {
        "issued_at_ms": ISSUED_MS,
        "due_at_ms": ISSUED_MS + 14 * DAY_MS,
        "provider": "manual",
        "buyer": ("Acme", "acme@example.org"),
        "seller": ("Network AG", "8001 Zürich"),
        **other,
    }
    lines = [Line(f"Line {i}", amount, ISSUED_MS, ISSUED_MS + 31 * DAY_MS) for i, amount in enumerate(amounts)]
    tax = Decimal("8.1")
    return make("acme-0002", "acme", lines, balance_minor=balance, tax_percent=tax, currency=currency, **values)[0]


def _words(page: str) -> str:
    """What a reader sees, on one line."""
    body = page.partition("<body>")[2]
    return " ".join(unescape(re.sub("<[^>]+>", " ", body)).split())


def test_a_page_shows_who_bills_whom_for_what_and_when_it_is_due():
    seen = _words(render(_made(6448, -1610, balance=500)))

    for told in (
        *("Network AG 8001 Zürich", "Invoice acme-0002", "Billed to Acme acme@example.org Account acme"),
        *("Invoice date 15 January 2027", "Due date 29 January 2027", "Amount (USD)"),
        *("Line 0 15 Jan 2027 – 15 Feb 2027 64.48", "Line 1 15 Jan 2027 – 15 Feb 2027 −16.10"),  # noqa: RUF001
        *("Subtotal 48.38", "Tax 8.1 % 3.92", "Total 52.30", "From your balance −5.00", "Amount due 47.30 USD"),  # noqa: RUF001
        *(" open ", "Please pay 47.30 USD by 29 January 2027, naming invoice acme-0002."),
    ):
        assert told in seen
    assert "Paid on" not in seen


@pytest.mark.parametrize(
    ("it", "told", "untold"),
    [
        (
            replace(_made(2495), state="paid", paid_at_ms=ISSUED_MS + DAY_MS, reference="pi_1"),
            ["Paid on 16 January 2027", "Reference pi_1", " paid ", "Paid 26.97 USD", "Paid, with thanks."],
            ["Please pay", "Amount due", "balance"],
        ),
        (
            _made(2495, balance=9000),
            [" paid ", "Paid on 15 January 2027", "From your balance −26.97", "Amount due 0.00 USD", "Nothing to pay."],  # noqa: RUF001
            ["Please pay", "Due date"],
        ),
        (
            _made(-1610),
            [" credited ", "Total −17.40", "Added to your balance 17.40", "17.40 USD will pay towards your next"],  # noqa: RUF001
            ["Please pay", "Due date", "Paid on"],
        ),
        (
            replace(_made(2495), state="uncollectible"),
            [" uncollectible ", "this invoice is no longer collected"],
            ["Please pay", "Paid on"],
        ),
        (_made(2495, currency="JPY", seller=()), ["Amount (JPY)", "Amount due 2697 JPY"], ["Network AG"]),
    ],
    ids=["paid", "from the balance", "credited", "uncollectible", "yen, no seller"],
)
def test_a_page_says_what_became_of_the_invoice(it, told, untold):
    seen = _words(render(it))
    assert [each for each in told if each not in seen] == []
    assert [each for each in untold if each in seen] == []


def test_what_people_wrote_is_escaped_and_nothing_runs_or_is_loaded():
    evil = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
    it = replace(_made(2495, buyer=(evil, evil), seller=(evil,)), reference=evil, lines=(Line(evil, 1, 0, 1),))
    page = render(it)

    assert page.count("&lt;script&gt;alert(1)") == 5
    assert not re.search(r"<script|<link|<img|<iframe|url\(|@import|https?:|javascript:|\son[a-z]+=|\sstyle=", page)
    assert "{{ 7 * 7 }}" in page


def test_the_style_stands_in_the_page_as_it_is_so_that_a_policy_can_name_it_by_its_hash():
    assert re.findall("<style>(.*?)</style>", render(_made(1)), re.DOTALL) == [STYLE]
    assert "size: A4" in STYLE
    assert "@media print" in STYLE


def test_days_are_those_of_the_time_zone_asked_for():
    it = _made(2495, issued_at_ms=ISSUED_MS + 16 * 3_600_000)

    assert "Invoice date 16 January 2027" in _words(render(it))
    assert "Invoice date 15 January 2027" in _words(render(it, timezone="America/New_York"))
    with pytest.raises(Invalid, match="no time zone"):
        render(it, timezone="Nowhere")
