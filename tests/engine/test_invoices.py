"""Invoices: sums, tax, the account's balance, and reading them back page by page."""

import csv
import io
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Invalid, NotFound
from engine.intake.rejects import inert
from engine.invoices import (
    CSV_COLUMNS,
    Invoice,
    Line,
    csv_rows,
    fee_line,
    fee_of,
    from_json,
    get_invoice,
    list_invoices,
    make,
    money,
    number_of,
    to_json,
)
from tests.factories import a_plan

DAY_MS = 86_400_000
ISSUED_MS = 1_800_000_000_000  # 2027-01-15 08:00 UTC


def _line(amount_minor: int) -> Line:
    return Line("Business, monthly", amount_minor, ISSUED_MS, ISSUED_MS + 31 * DAY_MS)


def _made(*amounts: int, balance: int = 0, tax: str = "0", number: str = "acme-0001", **other) -> tuple[Invoice, int]:
    values = {
        "currency": "USD",
        "issued_at_ms": ISSUED_MS,
        "due_at_ms": ISSUED_MS + 14 * DAY_MS,
        "provider": "manual",
        "buyer": ("Acme", "acme@example.org"),
        "seller": ("Network AG", "Zürich"),
        **other,
    }
    lines = [_line(amount) for amount in amounts]
    return make(number, "acme", lines, balance_minor=balance, tax_percent=Decimal(tax), **values)


@pytest.mark.parametrize(
    ("amounts", "balance", "tax", "sums", "state", "balance_after"),
    [  # sums: subtotal, tax, total, from the balance, due
        ((2495,), 0, "0", (2495, 0, 2495, 0, 2495), "open", 0),
        ((2495,), 0, "8.1", (2495, 202, 2697, 0, 2697), "open", 0),  # 202.095
        ((6448, -1610), 500, "19", (4838, 919, 5757, 500, 5257), "open", 0),  # 919.22
        ((2495,), 2495, "0", (2495, 0, 2495, 2495, 0), "paid", 0),
        ((2495,), 9000, "0", (2495, 0, 2495, 2495, 0), "paid", 6505),
        ((9995, -23900), 0, "0", (-13905, 0, -13905, 0, 0), "paid", 13905),
        ((9995, -23900), 100, "10", (-13905, -1391, -15296, 0, 0), "paid", 15396),  # -1390.5: away from zero
        ((500, -500), 70, "20", (0, 0, 0, 0, 0), "paid", 70),
        ((5,), 0, "10", (5, 1, 6, 0, 6), "open", 0),  # 0.5 is 1
        ((10,), 0, "4.9", (10, 0, 10, 0, 10), "open", 0),
    ],
)
def test_an_invoice_adds_up_taxes_and_takes_from_the_balance(amounts, balance, tax, sums, state, balance_after):
    it, after = _made(*amounts, balance=balance, tax=tax)

    got = (it.subtotal_minor, it.tax_minor, it.total_minor, it.balance_used_minor, it.due_minor)
    assert (got, it.state, after) == (sums, state, balance_after)
    assert it.paid_at_ms == (ISSUED_MS if state == "paid" else 0)
    assert it.tax_percent == tax
    assert it.reference == ""


@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5),
    st.integers(0, 10**9),
    st.decimals(0, 100, places=4),
)
def test_no_minor_unit_is_lost_between_invoice_and_balance(amounts, balance, tax):
    it, after = _made(*amounts, balance=balance, tax=str(tax))

    assert it.total_minor == sum(amounts) + it.tax_minor
    assert abs(it.tax_minor - sum(amounts) * Fraction(tax) / 100) <= Fraction(1, 2)
    assert it.due_minor - it.total_minor == after - balance
    assert min(after, it.due_minor, it.balance_used_minor) >= 0
    assert it.due_minor == 0 or after == 0
    assert (it.state == "open") == (it.due_minor > 0)


@pytest.mark.parametrize("tax", ["-1", "NaN", "Infinity"])
def test_a_tax_that_cannot_be_reckoned_with_is_refused(tax):
    with pytest.raises(Invalid, match="cannot be reckoned with") as caught:
        _made(100, tax=tax)
    assert caught.value.code == "bad_tax"


@pytest.mark.parametrize(
    ("tax", "written"), [("8.10", "8.1"), ("20", "20"), ("1E+1", "10"), ("0.00", "0"), ("100", "100")]
)
def test_a_tax_is_written_as_people_do(tax, written):
    assert _made(100, tax=tax)[0].tax_percent == written


def test_the_fee_of_a_plan_is_that_of_its_cycle():
    plan = a_plan(name="Business", fee_monthly=2495, fee_annual=23900)

    assert (fee_of(plan, "monthly"), fee_of(plan, "annual")) == (2495, 23900)
    assert fee_line(plan, "annual", 1, 2) == Line("Business, annual", 23900, 1, 2)
    with pytest.raises(Invalid, match="no cycle 'yearly'"):
        fee_of(plan, "yearly")


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        *((2495, "USD", "24.95 USD"), (5, "EUR", "0.05 EUR"), (0, "USD", "0.00 USD"), (-1610, "USD", "-16.10 USD")),
        *((-5, "CHF", "-0.05 CHF"), (2495, "JPY", "2495 JPY"), (0, "KRW", "0 KRW"), (-7, "JPY", "-7 JPY")),
        *((2495, "KWD", "2.495 KWD"), (-5, "BHD", "-0.005 BHD"), (123456789012, "USD", "1234567890.12 USD")),
    ],
)
def test_money_is_written_with_its_currencys_decimals(amount_minor, currency, written):
    assert money(amount_minor, currency) == written


def test_an_invoice_comes_back_as_it_was_stored():
    it = replace(_made(6448, -1610, tax="8.1", buyer=("Zoë 🦄", "z@example.org"), seller=())[0], reference="pi_1")

    assert from_json(to_json(it)) == it
    assert from_json(to_json(it).encode()) == it
    assert orjson.loads(to_json(it))["lines"][1]["amount_minor"] == -1610


def _stored(store, n: int, account: str = "acme") -> list[str]:
    numbers = [number_of(account, i) for i in range(1, n + 1)]
    made = {number: to_json(_made(100, number=number)[0]) for number in numbers}
    store.client.hset(store.keys.invoices(account), mapping=made)
    return numbers


def test_an_invoice_is_found_by_its_number(store):
    _stored(store, 2)

    assert get_invoice(store, "acme", "acme-0002").number == "acme-0002"
    for account, number in (("acme", "acme-0003"), ("other", "acme-0001"), ("acme", ""), ("acme", "x" * 5000)):
        with pytest.raises(NotFound, match="no invoice") as caught:
            get_invoice(store, account, number)
        assert caught.value.code == "no_invoice"
        assert len(str(caught.value)) < 200


def test_invoices_are_listed_in_order_of_number_page_by_page(store):
    numbers, seen = _stored(store, 23), []
    while page := list_invoices(store, "acme", after=seen[-1] if seen else "", most=10):
        assert len(page) <= 10
        seen += [each.number for each in page]

    assert seen == numbers
    assert list_invoices(store, "nobody", most=10) == []
    assert list_invoices(store, "acme", most=0) == []
    assert len(list_invoices(store, "acme", most=10**9)) == 23
    assert list_invoices(store, "acme", after="acme-999999999", most=5) == []


def test_the_invoice_after_number_9999_is_number_10000(store):
    _stored(store, 10_001)
    assert [each.number for each in list_invoices(store, "acme", after="acme-9998", most=9)] == [
        *("acme-9999", "acme-10000", "acme-10001"),
    ]


@pytest.mark.parametrize(
    "after",
    ["acme-1", "acme-00001", "other-0001", "acme-", "0001", "acme-\u0660\u0660\u0660\u0661", "acme-0001\n", "x" * 999],
)
def test_what_is_no_number_of_the_account_is_refused_as_a_place_to_go_on_from(store, after):
    with pytest.raises(Invalid, match="is no invoice of account 'acme': those look like acme-0001") as caught:
        list_invoices(store, "acme", after=after, most=5)
    assert caught.value.code == "bad_invoice"
    assert len(str(caught.value)) < 200


def test_the_export_has_a_row_an_invoice_in_major_units_and_utc():
    it = replace(_made(2495, tax="8.1")[0], state="paid", paid_at_ms=ISSUED_MS + DAY_MS + 999, reference="pi_1")
    back = _made(-1610, number="acme-0002")[0]
    yen = _made(2495, number="acme-0003", currency="JPY")[0]

    assert [dict(zip(CSV_COLUMNS, row, strict=True)) for row in csv_rows([it])] == [
        {
            "number": "acme-0001",
            "account": "acme",
            "state": "paid",
            "issued_at": "2027-01-15T08:00:00Z",
            "due_at": "2027-01-29T08:00:00Z",
            "paid_at": "2027-01-16T08:00:00Z",
            "currency": "USD",
            "subtotal": "24.95",
            "tax": "2.02",
            "total": "26.97",
            "due": "26.97",
            "to_pay": "0.00",
            "reference": "pi_1",
        }
    ]
    given_up = replace(yen, state="uncollectible")
    rows = list(csv_rows([back, yen, given_up]))
    assert [row[7:12] for row in rows] == [
        ["-16.10", "0.00", "-16.10", "0.00", "0.00"],
        ["2495", "0", "2495", "2495", "2495"],
        ["2495", "0", "2495", "2495", "0"],
    ]
    assert rows[1][5] == ""


def test_in_the_export_a_formula_as_a_reference_is_inert_and_an_amount_given_back_still_a_number():
    it = replace(_made(-1610)[0], reference='=HYPERLINK("http://example.org")')
    out = io.StringIO()
    csv.writer(out).writerows([inert(cell) for cell in row] for row in csv_rows([it]))

    (row,) = csv.reader(io.StringIO(out.getvalue()))
    assert row[-1].startswith("'=")
    assert row[CSV_COLUMNS.index("total")] == "-16.10"
