"""``inmail invoice``: listed, shown, paid, failed, exported and printed."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from config.settings import get_settings
from tests.cli.conftest import as_json, snapshot


@pytest.fixture
def billed(cli, monkeypatch):
    """acme, on business then executive: two invoices; globex, whose name is a formula: one."""
    monkeypatch.setenv("INMAIL_TAX_PERCENT", "7.7")
    monkeypatch.setenv("INMAIL_SELLER", "Network Ltd; 1 Mail Street")
    get_settings.cache_clear()
    for account, name in (("acme", "Acme"), ("globex", "=HYPERLINK()")):
        opening = ("account", "open", account, "--email", f"{account}@example.org", "--name", name)
        assert cli(*opening, "--plan", "business")[0] == 0
    assert cli("subscription", "change", "acme", "executive", "--yes")[0] == 0
    return cli


def numbers(found):
    return [it["number"] for it in as_json(found)["items"]]


def today(days=0):
    return str((datetime.now(UTC) + timedelta(days=days)).date())


def test_invoices_of_one_or_of_everybody_are_listed_in_order(billed):
    assert numbers(billed("invoice", "list", "--json")) == ["acme-0001", "acme-0002", "globex-0001"]
    assert numbers(billed("invoice", "list", "acme", "--json")) == ["acme-0001", "acme-0002"]
    code, out, _ = billed("invoice", "list")
    assert code == 0
    assert "26.87 USD" in out
    assert "80.78 USD" in out


def test_a_list_goes_on_after_the_last_number_of_the_page_before(billed):
    first = as_json(billed("invoice", "list", "--most", 2, "--json"))
    assert first["next"] == "acme-0002"
    assert numbers(billed("invoice", "list", "--after", first["next"], "--json")) == ["globex-0001"]
    assert numbers(billed("invoice", "list", "acme", "--after", "acme-0001", "--json")) == ["acme-0002"]
    assert "more: --after acme-0001" in billed("invoice", "list", "--most", 1)[1]


def test_invoices_are_found_by_state_and_by_the_days_they_were_issued_on(billed):
    billed("invoice", "paid", "acme-0001")
    assert numbers(billed("invoice", "list", "--state", "paid", "--json")) == ["acme-0001"]
    assert numbers(billed("invoice", "list", "--state", "open", "--json")) == ["acme-0002", "globex-0001"]
    every = ["acme-0001", "acme-0002", "globex-0001"]
    assert numbers(billed("invoice", "list", "--since", today(-1), "--until", today(), "--json")) == every
    assert numbers(billed("invoice", "list", "--since", today(1), "--json")) == []
    assert billed("invoice", "list", "--until", today(-1))[:2] == (0, "no invoice\n")


def test_an_invoice_is_shown_with_its_lines_the_tax_and_what_is_due(billed):
    code, out, _ = billed("invoice", "show", "acme-0002")
    assert code == 0
    for words in ("Network Ltd, 1 Mail Street", "Acme, acme@example.org", "tax 7.7 %", "80.78 USD", "-24.95 USD"):
        assert words in out
    told = as_json(billed("invoice", "show", "acme-0002", "--json"))
    assert (told["subtotal_minor"], told["tax_minor"], told["due_minor"]) == (7500, 578, 8078)
    assert [line["amount_minor"] for line in told["lines"]] == [9995, -2495]


def test_what_is_to_pay_is_told_apart_from_when_it_is_due(billed):
    def to_pay():
        lines = billed("invoice", "show", "acme-0001")[1].splitlines()
        assert len([line for line in lines if line.startswith("due")]) == 1, "the day alone"
        return next(line.split(maxsplit=2)[2] for line in lines if line.startswith("to pay"))

    assert to_pay().strip() == "26.87 USD"
    billed("invoice", "paid", "acme-0001")
    assert to_pay().strip() == "0.00 USD"
    rows = list(csv.DictReader(io.StringIO(billed("invoice", "export", "acme")[1])))
    assert [(row["due"], row["to_pay"]) for row in rows] == [("26.87", "0.00"), ("80.78", "80.78")]


def test_an_invoice_is_noted_as_paid_once_and_its_reference_is_shown(billed):
    said = "invoice acme-0001 is paid; the subscription of acme is active\n"
    assert billed("invoice", "paid", "acme-0001", "--reference", "bank 17")[:2] == (0, said)
    again = as_json(billed("invoice", "paid", "acme-0001", "--reference", "bank 17", "--json"))
    assert (again["changed"], again["state"]) == (False, "paid")
    code, _, (told,) = billed("invoice", "paid", "acme-0001", "--reference", "bank 18")
    assert (code, "paid before, as bank 17" in told) == (3, True)
    assert "paid, bank 17" in billed("invoice", "show", "acme-0001")[1]


def test_a_payment_that_failed_begins_the_grace_period_and_paying_ends_it(billed):
    code, out, _ = billed("invoice", "failed", "acme-0001", "--reason", "card declined")
    assert code == 0
    assert "invoice acme-0001 is open; the subscription of acme is past due, in grace until" in out
    assert "the payment failed" in billed("subscription", "show", "acme")[1]
    assert billed("subscription", "change", "acme", "business_plus", "--yes")[0] == 3
    told = as_json(billed("invoice", "paid", "acme-0001", "--json"))
    assert (told["state"], told["subscription_state"], told["grace_until_ms"]) == ("paid", "active", None)
    code, _, (line,) = billed("invoice", "failed", "acme-0001", "--reason", "late news", "--json")
    assert (code, "acme-0001 is paid: nothing was noted" in line) == (3, True)
    assert as_json(billed("subscription", "show", "acme", "--json"))["state"] == "active"


def test_invoices_are_exported_as_csv_that_no_spreadsheet_runs(billed, tmp_path):
    billed("invoice", "paid", "acme-0001", "--reference", "=1+1")
    code, out, _ = billed("invoice", "export")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, len(rows)) == (0, 3)
    assert (rows[0]["number"], rows[0]["state"], rows[0]["total"]) == ("acme-0001", "paid", "26.87")
    assert rows[0]["reference"] == "'=1+1"
    assert billed("invoice", "export", "acme", "--since", today(), "--out", "i.csv")[:2] == (0, "")
    text = (tmp_path / "i.csv").read_bytes().decode("utf-8")
    assert [row["number"] for row in csv.DictReader(io.StringIO(text))] == ["acme-0001", "acme-0002"]
    assert not list(tmp_path.glob("*.part"))
    assert len(billed("invoice", "export", "--until", today(-1))[1].splitlines()) == 1, "the header alone"


def test_an_invoice_is_printed_as_one_page_dated_as_the_subscription_is(billed, tmp_path):
    assert billed("invoice", "print", "globex-0001", "--out", "g.html")[0] == 0
    page = (tmp_path / "g.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "globex-0001" in page
    assert "Network Ltd" in page


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("list", "nobody"), 3, "no account 'nobody'"),
        (("list", "--state", "late"), 2, "no state 'late'; there are: open, paid, uncollectible"),
        (("list", "--since", "yesterday"), 2, "'yesterday' is no day; write one as 2026-12-31"),
        (("list", "--since", "2026-02-30"), 2, "'2026-02-30' is no day"),
        (("list", "--since", "2026-02-02", "--until", "2026-02-01"), 2, "no day is both"),
        (("list", "acme", "--after", "globex-0001"), 2, "no invoice of account 'acme'"),
        (("list", "--after", "x"), 3, "no invoice 'x'"),
        (("show", "acme-0009"), 3, "no invoice 'acme-0009'"),
        (("show", "acme-1"), 3, "no invoice 'acme-1'"),
        (("show", "acme"), 3, "they look like acme-0001"),
        (("show", "nobody-0001"), 3, "no invoice 'nobody-0001'"),
        (("paid", "nobody-0001"), 3, "no invoice 'nobody-0001'"),
        (("paid", "acme-0001", "--reference", "x" * 201), 2, "at most 200 printable characters"),
        (("paid", "acme-0001", "--reference", "a\x1b[2J"), 2, "at most 200 printable characters"),
        (("show", "\udcff"), 2, "an argument is not UTF-8 text"),
        (("list", "--after", "\udcff"), 2, "an argument is not UTF-8 text"),
        (("paid", "acme-0001", "--reference", "\udcff"), 2, "an argument is not UTF-8 text"),
        (("failed", "acme-0001", "--reason", "\udcff"), 2, "an argument is not UTF-8 text"),
        (("failed", "acme-0001"), 2, "Missing option '--reason'"),
        (("failed", "acme-0009", "--reason", "x"), 3, "no invoice 'acme-0009'"),
        (("export", "nobody"), 3, "no account 'nobody'"),
        (("export", "--until", "2026"), 2, "'2026' is no day"),
        (("export", "--out", "."), 2, "is a folder"),
        (("print", "acme-0001"), 2, "Missing option '--out'"),
        (("print", "acme-0001", "--out", "nowhere/a.html"), 2, "cannot be written"),
        (("print", "acme-0009", "--out", "a.html"), 3, "no invoice 'acme-0009'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(billed, redis_url, words, code, says):
    before = snapshot(redis_url)
    found, out, errors = billed("invoice", *words)
    assert (found, out, len(errors)) == (code, "", 1)
    assert says in errors[0]
    assert snapshot(redis_url) == before
