"""What somebody reads at 80 columns: ids are whole, headings too, and lines break between words."""

import re

import pytest
from rich.console import Console

from cli import demo, output, up, watch
from cli.output import console
from config.settings import get_settings
from engine.credits import Wallet
from engine.store import Store, open_client
from tests.cli.conftest import SUBMIT
from tests.cli.searching import look
from tests.factories import send_all

pytestmark = pytest.mark.redis
ACCOUNT = "harbour-talent-partners"


@pytest.fixture
def harbour(cli, monkeypatch):
    """An account with a long id at a terminal of 80 columns."""
    monkeypatch.setattr(console, "width", 80)
    cli("account", "open", ACCOUNT, "--email", "hr@example.org", "--name", "Harbour", "--plan", "executive")
    return cli


def read(found):
    """The lines, none of which runs over the edge or ends with a space."""
    code, out, _ = found
    lines = out.splitlines()
    assert code == 0
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines), out
    assert "…" not in out
    return lines


def test_a_list_of_campaigns_has_whole_ids_and_the_rest_below(harbour):
    for name in ("Nurses for the night shift in Bern and Oslo", "Second"):
        harbour("campaign", "submit", ACCOUNT, *SUBMIT[3:], "--name", name)
    head, first, below, second, also = read(harbour("campaign", "list", ACCOUNT))
    assert head.split() == ["campaign", "state", "recipients"]
    assert first.split() == [f"{ACCOUNT}.1", "running", "2"]
    assert below == "  Nurses for the night shift in Bern and Oslo  2 queued"
    assert (second.split()[0], also) == (f"{ACCOUNT}.2", "  Second  2 queued")


def test_a_list_of_recipients_has_whole_ids(harbour, tmp_path):
    (tmp_path / "list.csv").write_text("First Name,Email\nAna,ana.lindqvist.of.the.night.shift@example.org\n")
    harbour("campaign", "submit", ACCOUNT, *SUBMIT[3:])
    _, row = harbour("campaign", "recipients", f"{ACCOUNT}.1")[1].splitlines()
    assert row.split() == [f"{ACCOUNT}.1.0", "ana.lindqvist.of.the.night.shift@example.org", "queued", "–"]


def test_a_folder_has_whole_ids(harbour, redis_url, tmp_path):
    (tmp_path / "list.csv").write_text("First Name,Email\nAna,ana.lindqvist.of.the.night.shift@example.org\n")
    harbour("campaign", "submit", ACCOUNT, *SUBMIT[3:])
    store = Store(open_client(redis_url))
    send_all(store, f"{ACCOUNT}.1")
    store.client.close()
    _, row, _ = harbour("folder", ACCOUNT, "awaiting")[1].splitlines()
    assert row.split() == [f"{ACCOUNT}.1.0", "ana.lindqvist.of.the.night.shift@example.org", "sent"]


def test_the_demos_waves_have_whole_headings(monkeypatch, capsys):
    monkeypatch.setattr(console, "width", 80)
    waves = [{"at_ms": n * 10_000, "last_ms": n * 10_000, "n": 1_200} for n in range(3)]
    demo._waves_table(waves, [{"answered": 200, "declined": 100, "refunded": 880, "late": 20}] * 3)
    above, head, *rows = read((0, capsys.readouterr().out, []))
    assert above.split() == ["credits", "credits"]
    assert head.split() == ["wave", "day", "sent", "answered", "declined", "refunded", "late", "spent", "back"]
    assert rows[1].split() == ["2", "7.0", "1200", "200", "100", "880", "20", "300", "900"]


def test_candidates_with_long_ids_are_read_a_row_each_and_what_does_not_fit_stands_below(harbour, tmp_path):
    title = "Site Reliability Engineer"
    (tmp_path / "people.csv").write_text(
        "Name,Email,Title,Company,Location\n"
        f"Ines Eriksen,ines@example.org,{title},Umbra Laboratories,Berlin\n"
        f"Tala Lindqvist,tala@example.org,{title},,Berlin\n"
    )
    assert harbour("candidates", "import", "people.csv")[0] == 0
    ids = {it["name"]: it["id"] for it in look_of(harbour, "title:engineer")}
    _, head, *lines = read(harbour("candidates", "search", ACCOUNT, "title:engineer"))
    assert head.split() == ["id", "name", "title"]
    told = dict(zip(lines[0:4:2], lines[1:4:2], strict=True))
    assert {re.split(r"\s{2,}", row)[0]: below for row, below in told.items()} == {
        ids["Ines Eriksen"]: "  Umbra Laboratories, Berlin · title: Engineer",
        ids["Tala Lindqvist"]: "  Berlin · title: Engineer",
    }
    assert all(row.endswith(title) for row in told)


def look_of(cli, query):
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "executive")
    return look(cli, query)["items"]


def test_a_list_of_keys_has_a_heading_of_one_line_and_the_rest_below(harbour):
    harbour("seat", "add", ACCOUNT, "ben", "--name", "Ben", "--email", "ben@example.org")
    for seat in ((), ("--seat", "ben")):
        harbour("key", "create", ACCOUNT, "--name", "ATS", "--scope", "credits:read", "--expires", "P90D", *seat)
    head, *rows = read(harbour("key", "list", ACCOUNT))
    assert re.split(r"\s{2,}", head) == ["key", "state", "last used (UTC)", "expires (UTC)"]
    assert {re.sub(r"\d", "0", row) for row in rows[1::2]} == {
        "  ATS: credits:read · made 0000-00-00 00:00:00",
        "  ATS: credits:read · made 0000-00-00 00:00:00 · seat ben",
    }


def test_the_reference_of_an_invoice_stands_below(harbour):
    reference = "bank transfer of 27 November, statement 2026/48, page 3, line 17, by Harbour Talent Partners AG"
    assert harbour("invoice", "paid", f"{ACCOUNT}-0001", "--reference", reference)[0] == 0
    _, row, *below = read(harbour("invoice", "list"))
    assert row.split()[:2] == [f"{ACCOUNT}-0001", "paid"]
    assert " ".join(line.strip() for line in below) == reference
    assert all(line.startswith("  ") for line in below)


def test_what_is_watched_breaks_between_its_parts_and_not_within(monkeypatch, capsys):
    found = {
        "campaign": "acme.7",
        "name": "Nurses for Bern",
        "state": "running",
        "waiting_for": "credits",
        "next_refund_due_ms": 604_700_000,
        "counts": {"queued": 1_200, "sent": 1_100, "answered": 90, "declined": 40, "refunded": 1_000},
    }
    monkeypatch.setattr(console, "width", 60)
    console.print(watch.panel(found, Wallet(0, 1_100, 130, 1_230, 0), 0))
    lines = read((0, capsys.readouterr().out, []))
    assert lines[:2] == ["acme.7  Nurses for Bern  waiting for credits", "next refund in 6 d 23 h"]
    assert lines[3:5] == ["1,200 queued  1,100 sent  90 answered  40 declined", "1,000 refunded"]


def test_a_table_that_is_piped_has_no_spaces_at_the_ends_of_its_lines(harbour, capsys):
    output.table(("name", "state"), [("a", "open"), ("b", "paused for long")])
    output.pairs({"name": "a", "state": "paused for long"})
    assert capsys.readouterr().out.splitlines() == [
        *("name  state", "a     open", "b     paused for long"),
        *("name   a", "state  paused for long"),
    ]


def test_a_table_on_a_terminal_keeps_its_colours(monkeypatch, capsys):
    monkeypatch.setattr(output, "console", Console(force_terminal=True, color_system="standard", width=80))
    output.table(("name",), [(output.Text("a", "green"),)])
    assert "\x1b[32ma" in capsys.readouterr().out


def test_what_up_says_breaks_between_words_and_what_is_copied_from_it_stays_whole(cli, monkeypatch, tmp_path):
    monkeypatch.setattr(console, "width", 40)
    folder = tmp_path / ("a" * 50)
    monkeypatch.setenv("INMAIL_DATA_DIR", str(folder))
    monkeypatch.setenv("INMAIL_WEB_HOST", "127.0.0.1")
    monkeypatch.delenv("INMAIL_PUBLIC_URL", raising=False)
    monkeypatch.setattr(up, "tend_until", lambda stop, family: None)
    monkeypatch.setattr(up.signal, "signal", lambda *_: None)
    monkeypatch.setattr(up, "_check_free", lambda host, port: None)
    get_settings.cache_clear()
    _, out, _ = cli("up", "--port", 8123)
    lines = out.splitlines()
    assert "export INMAIL_PUBLIC_URL=http://127.0.0.1:8123" in lines
    assert "make a key with: inmail key create ACCOUNT" in lines
    assert (lines[0], lines[2]) == ("Redis: INMAIL_REDIS_URL,", "starting the scheduler and 2 worker")


def test_a_word_longer_than_a_line_is_not_cut_in_two(monkeypatch, capsys):
    monkeypatch.setattr(console, "width", 40)
    output.prose(f"starting Redis in /{'a' * 50}, or finding it there")
    assert capsys.readouterr().out.splitlines() == ["starting Redis in", f"/{'a' * 50},", "or finding it there"]
