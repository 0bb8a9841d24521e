"""``inmail simulate``: what is printed, what is refused, and that no account is touched."""

import json

import pytest

from cli.main import execute
from cli.output import console
from config.settings import get_settings
from tests.cli.conftest import SUBMIT, as_json, snapshot


@pytest.fixture
def alone(monkeypatch, tmp_path, capsys):
    """The command with no Redis to reach at all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INMAIL_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setattr(console, "width", 80)
    get_settings.cache_clear()

    def call(*words):
        code = execute(["simulate", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    yield call
    get_settings.cache_clear()


NEW = ("--plan", "business", "--start", "2027-01-01")


def test_a_new_account_is_simulated_without_any_redis(alone):
    code, out, err = alone(*NEW, "--days", 33, "--a-day", 1, "--answered", 0, "--every", "day")
    lines = out.splitlines()
    assert (code, err) == (0, [])
    assert lines[0] == "Business, paid monthly; 1 InMail a day, 0 % answered"
    assert lines[1].split() == ["date", "available", "held", "spent", "granted", "expired", "state"]
    assert lines[2].split() == ["2027-01-01", "14", "1", "0", "15", "0", "active"]
    assert lines[3] == "  +15 month 1 of Business; paid: invoice simulated-0001; 1 sent"
    assert "2027-02-02" in out
    assert "30 granted = 23 available + 7 held + 0 spent + 0 expired" in out
    assert max(map(len, lines)) <= 80


def test_json_is_one_document_with_a_row_for_each_day_asked_for(alone):
    told = as_json(alone(*NEW, "--days", 40, "--every", "month", "--json"))
    assert [row["date"] for row in told["items"]] == ["2027-01-31", "2027-02-09"]
    assert set(told["items"][0]) == {
        *("date", "available", "held", "spent", "granted", "expired", "plan", "state", "events")
    }
    assert {"kind": "grant", "n": 15, "note": "month 1 of Business"} in told["items"][0]["events"]
    assert (told["audit"], told["next"]) == ([], None)


def test_on_a_wide_terminal_what_happened_stands_in_the_row(alone, monkeypatch):
    monkeypatch.setattr(console, "width", 140)
    out = alone(*NEW, "--days", 1, "--a-day", 1)[1]
    assert out.splitlines()[2].endswith("active  +15 month 1 of Business; paid: invoice simulated-0001; 1 sent")


def test_a_row_tells_all_that_happened_in_as_many_lines_as_that_takes(alone):
    ask = (*NEW, "--days", 100, "--a-day", 2, "--change", "40:executive", "--change", "60:business", "--every", "month")
    out = alone(*ask)[1]
    told = as_json(alone(*ask, "--json"))["items"][2]["events"]
    lines = out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("2027-03-31"))
    end = next(n for n, line in enumerate(lines) if line.startswith("2027-04-10"))
    row = " ".join(line.strip() for line in lines[at + 1 : end])
    assert end - at > 2
    assert "…" not in out
    assert row.count("; ") == len(told) - 1
    assert "business monthly at the end of the period" in row
    assert max(map(len, lines[1:])) <= 80


@pytest.mark.parametrize(("days", "rows"), [(31, 31), (32, 5), (183, 27), (184, 7)])
def test_as_many_rows_as_fit_a_page_are_shown(alone, days, rows):
    assert len(as_json(alone(*NEW, "--days", days, "--a-day", 0, "--json"))["items"]) == rows


def test_a_plot_is_written_and_an_existing_file_only_with_force(alone, tmp_path):
    ask = (*NEW, "--days", 3, "--plot", "out.svg")
    assert alone(*ask)[0] == 0
    assert (tmp_path / "out.svg").read_text().startswith("<svg ")
    (tmp_path / "out.svg").write_text("mine")
    code, _, err = alone(*ask)
    assert (code, err) == (3, ["inmail: error: out.svg is there already; to write over it: --force"])
    assert (tmp_path / "out.svg").read_text() == "mine"
    assert alone(*ask, "--force")[0] == 0
    assert "Credits on Business, 1 Jan 2027 – 3 Jan 2027" in (tmp_path / "out.svg").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--days", 0, *NEW), "give a whole number from 1 to 3,660"),
        (("--days", 3661, *NEW), "give a whole number from 1 to 3,660"),
        (("--days", "many", *NEW), "give a whole number from 1 to 3,660"),
        (NEW, "Missing option '--days'"),
        (("--days", 3), "say which ACCOUNT, or which plan: --plan P"),
        (("--days", 3, "--plan", "gold"), "no plan 'gold'; there are: basic, business, business_plus, executive"),
        (("--days", 3, *NEW, "--answered", 101), "give a whole number from 0 to 100"),
        (("--days", 3, *NEW, "--a-day", "-1"), "--a-day '-1': give a number from 0 to 1,000, such as 2.5"),
        (("--days", 3, *NEW, "--a-day", "nan"), "--a-day 'nan'"),
        (("--days", 3, *NEW, "--a-day", "1.2.3"), "--a-day '1.2.3'"),
        (("--days", 3, *NEW, "--a-day", "1001"), "--a-day '1001'"),
        (("--days", 3, *NEW, "--change", "executive"), "give DAY:PLAN, or DAY:PLAN:annual, such as 90:executive"),
        (("--days", 3, *NEW, "--change", "1:gold"), "no plan 'gold'"),
        (("--days", 3, *NEW, "--change", "1:executive:weekly"), "give DAY:PLAN, or DAY:PLAN:annual"),
        (("--days", 3, *NEW, "--change", "3:executive"), "--change: day 3 is after the last one simulated, 2"),
        (("--days", 3, *NEW, "--change", "1:executive", "--change", "1:business"), "two changes on day 1"),
        (("--days", 3, *NEW, "--cancel", 3), "--cancel: day 3 is after the last one simulated, 2"),
        (("--days", 3, *NEW, "--fail", 9), "--fail: day 9 is after the last one simulated, 2"),
        (("--days", 3, "--plan", "business", "--start", "2027-02-30"), "give a day of 2000 to 2100 as YYYY-MM-DD"),
        (("--days", 3, "--plan", "business", "--start", "1999-12-31"), "give a day of 2000 to 2100 as YYYY-MM-DD"),
        (("acme", "--days", 3, "--start", "2027-01-01"), "--start is for a new account"),
        (("--days", 3, *NEW, "--plot", "out.png"), "only SVG is drawn"),
        (("--days", 3, *NEW, "--plot", "nowhere/out.svg"), "cannot be written"),
        (("--days", 3, *NEW, "--plot", "folder.svg"), "cannot be written"),
        (("acme", "--annual", "--days", 3), "say which plan: --plan business"),
    ],
)
def test_wrong_input_is_one_line_that_says_what_to_give(alone, tmp_path, words, told):
    (tmp_path / "folder.svg").mkdir()
    code, out, err = alone(*words)
    assert (code, out, len(err)) == (2, "", 1)
    assert told in err[0]
    assert not list(tmp_path.glob("out.*"))


def test_an_account_there_is_not_is_not_simulated(cli):
    code, _, err = cli("simulate", "nobody", "--days", 3)
    assert code == 3
    assert "no account 'nobody'" in err[0]


def test_a_real_account_is_only_read(acme, redis_url):
    acme(*SUBMIT)
    before = snapshot(redis_url)
    code, out, _ = acme("simulate", "acme", "--days", 40, "--a-day", 2, "--change", "5:business", "--cancel", 8)
    assert code == 0
    assert "Executive, paid monthly" in out
    assert snapshot(redis_url) == before
    told = json.loads(acme("simulate", "acme", "--days", 2, "--json")[1])
    assert told["items"][0]["available"] == 150
    assert snapshot(redis_url) == before
