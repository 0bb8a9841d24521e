"""``inmail candidates``: what is told, what changed, and that wrong input changes nothing."""

import csv
import io
import json
import sys

import pytest

from tests.cli.conftest import as_json, snapshot

PEOPLE = (
    "Id,Name,Email,Skills,Years,Headline,Last active,Consent\n"
    "c1,Ana Luján,ana@example.org,Go; SQL,7,=SUM(A1),2026-11-27,\n"
    "c2,王芳,wang@example.org,,,,,no\n"
)
BAD = "c3,Cay,cay@,,,,,\n"


@pytest.fixture
def people(cli, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "bad.csv").write_text(PEOPLE + BAD)
    cli("candidates", "import", "people.csv")
    return cli


def test_an_import_tells_what_became_of_each_row_and_where_the_rejects_are(cli, tmp_path):
    (tmp_path / "bad.csv").write_text(PEOPLE + BAD)
    assert as_json(cli("candidates", "import", "bad.csv", "--json")) == {
        "new": 2,
        "changed": 0,
        "same": 0,
        "rejected": 1,
        "rejected_by_reason": {"bad_address": 1},
        "rejected_first": ["line 4: address 'cay@': there must be something after the @-sign"],
        "rejects_file": "bad.import-rejects.csv",
        "notes": [],
    }
    assert "c3,Cay" in (tmp_path / "bad.import-rejects.csv").read_text()
    code, out, err = cli("candidates", "import", "bad.csv")
    assert (code, err) == (0, [])
    assert [line.split(maxsplit=1)[0] for line in out.splitlines()] == ["new", "changed", "same", "rejected"]
    assert "1 (1 bad address); see bad.import-rejects.csv" in out


def test_a_dry_run_tells_the_same_and_changes_nothing(people, redis_url, tmp_path):
    before, files = snapshot(redis_url), sorted(tmp_path.iterdir())
    (tmp_path / "bad.csv").write_text(PEOPLE.replace("王芳", "王") + BAD + "c4,Dee,,,,,,\n")
    found = as_json(people("candidates", "import", "bad.csv", "--dry-run", "--json"))
    assert (found["new"], found["changed"], found["same"], found["rejected"]) == (1, 1, 1, 1)
    assert found["rejects_file"] is None
    code, out, _ = people("candidates", "import", "bad.csv", "--dry-run")
    assert code == 0
    assert "rejected, line 4: address 'cay@'" in out
    assert out.endswith("dry run: nothing was imported\n")
    assert (snapshot(redis_url), sorted(tmp_path.iterdir())) == (before, files)


def test_strict_refuses_the_whole_list_or_takes_it(cli, redis_url, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "bad.csv").write_text(PEOPLE + BAD)
    code, out, err = cli("candidates", "import", "bad.csv", "--strict")
    assert (code, out) == (3, "")
    assert "line 4" in err[0]
    assert snapshot(redis_url) == {}
    assert as_json(cli("candidates", "import", "people.csv", "--strict", "--json"))["new"] == 2


def test_a_list_may_come_from_stdin(cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PEOPLE.encode())))
    assert as_json(cli("candidates", "import", "-", "--json"))["new"] == 2


def test_one_is_shown(people):
    found = as_json(people("candidates", "show", "c1", "--json"))
    updated = found.pop("updated_at_ms")
    assert updated > 1_700_000_000_000
    assert found == {
        "id": "c1",
        "name": "Ana Luján",
        "headline": "=SUM(A1)",
        "title": "",
        "company": "",
        "location": "",
        "skills": ["Go", "SQL"],
        "industry": "",
        "years": 7,
        "languages": [],
        "open_to_work": False,
        "last_active_ms": 1_795_737_600_000,
        "address": "ana@example.org",
        "consent": True,
        "hidden": False,
    }
    _, out, _ = people("candidates", "show", "c1")
    shown = dict(line.split("  ", 1) for line in out.splitlines())
    shown = {name: value.strip() for name, value in shown.items()}
    assert (shown["skills"], shown["consent"], shown["title"]) == ("Go; SQL", "yes", "–")
    assert shown["last active (UTC)"] == "2026-11-27 00:00:00"


def test_they_are_counted_and_removed_by_id_and_by_file(people, tmp_path, monkeypatch):
    assert as_json(people("candidates", "count", "--json")) == {"count": 2}
    assert people("candidates", "count")[1] == "2 candidates\n"
    assert people("candidates", "remove", "c1", "c9")[1] == "1 candidate removed; 1 not there\n"
    (tmp_path / "ids.txt").write_text("\ufeffc2\n\nc8\n")
    assert as_json(people("candidates", "remove", "--file", "ids.txt", "--json")) == {"removed": 1, "not_there": 1}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"c2\nc1\xff\n")))
    assert as_json(people("candidates", "remove", "--file", "-", "--json")) == {"removed": 0, "not_there": 2}
    assert people("candidates", "count")[1] == "0 candidates\n"


def test_an_export_runs_no_formula_and_imports_as_the_same(people, tmp_path):
    assert people("candidates", "export", "--out", "out.csv") == (
        *(0, "", ["inmail: 2 candidates written to out.csv"]),
    )
    rows = sorted(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()), key=lambda row: row["id"])
    assert rows[0]["headline"] == "'=SUM(A1)"
    assert (rows[0]["skills"], rows[0]["last_active"]) == ("Go; SQL", "2026-11-27T00:00:00.000+00:00")
    assert (rows[1]["name"], rows[1]["consent"], rows[1]["years"]) == ("王芳", "no", "")
    found = as_json(people("candidates", "import", "out.csv", "--json"))
    assert (found["new"], found["changed"], found["same"], found["rejected"]) == (0, 0, 2, 0)
    assert people("candidates", "export")[1].splitlines()[0].startswith("id,name,headline")
    assert sorted(path.name for path in tmp_path.iterdir() if "part" in path.name) == []


def test_whoever_owns_an_address_hides_shows_and_erases_its_profiles(people, tmp_path):
    assert people("candidates", "hide", "ANA@example.org")[1] == "1 profile of ANA@example.org hidden\n"
    assert people("candidates", "hide", "ana@example.org")[1] == "0 profiles of ana@example.org hidden anew\n"
    assert as_json(people("candidates", "show", "c1", "--json"))["hidden"] is True
    assert people("candidates", "unhide", "ana@example.org")[1] == "1 profile of ana@example.org shown again\n"
    assert as_json(people("candidates", "show", "c1", "--json"))["hidden"] is False
    assert people("candidates", "erase", "ana@example.org", "--yes")[0] == 0
    assert people("candidates", "show", "c1")[0] == 3
    found = as_json(people("candidates", "import", "people.csv", "--json"))
    assert (found["same"], found["rejected_by_reason"]) == (1, {"erased": 1})


def test_a_second_column_of_one_meaning_is_told_as_a_warning_and_in_the_document(cli, tmp_path):
    (tmp_path / "two.csv").write_text("id,name,Name\nc1,Ana,Berta\n")
    code, out, err = cli("candidates", "import", "two.csv", "--json")
    note = "column 'Name' is not read: full_name is taken from 'name' (--map full_name=COLUMN takes another)"
    assert (code, json.loads(out)["notes"], err) == (0, [note], [f"inmail: warning: {note}"])


def test_who_has_everything_forgotten_is_forgotten_here_too(people):
    document = json.loads(people("mailbox", "export", "ana@example.org")[1])
    assert [profile["id"] for profile in document["profiles"]] == ["c1"]
    assert people("mailbox", "erase", "ana@example.org", "--yes")[0] == 0
    assert people("candidates", "show", "c1")[0] == 3
    assert json.loads(people("mailbox", "export", "ana@example.org")[1])["profiles"] == []


WRONG = [
    # words → exit code, what the one line says
    (("import", "nowhere.csv"), 2, "nowhere.csv"),
    (("import", "."), 2, "folder"),
    (("import", "nokey.csv"), 3, "neither an address nor an id column among: name, town"),
    (("import", "header.csv"), 3, "no rows"),
    (("import", "junk.bin"), 3, "not a CSV"),
    (("import", "people.csv", "--map", "shoe=Name"), 2, "no such field; there are: id, full_name"),
    (("import", "people.csv", "--map", "name"), 2, "field=column"),
    (("import", "people.csv", "--map", "name=Nothing"), 2, "there is no such column"),
    (("import", "people.csv", "--rejects", "people.csv"), 2, "that is the list itself"),
    (("import", "people.csv", "--rejects", "nowhere/x.csv"), 2, "no such folder"),
    (("import", "-", "--strict"), 2, "name a file"),
    (("import",), 2, "Missing"),
    (("show", "c9"), 3, "no candidate 'c9'"),
    (("show", "\udcff"), 2, "not UTF-8"),
    (("remove",), 2, "name ids"),
    (("remove", "c1", "--file", "people.csv"), 2, "name ids"),
    (("remove", "--file", "nowhere"), 2, "no such file"),
    (("remove", "--file", "."), 2, "directory"),
    (("export", "--out", "nowhere/x.csv"), 2, "no such file"),
    (("export", "--out", "."), 2, "--out"),
    (("hide", "nobody"), 2, "nobody"),
    (("unhide", "nobody"), 2, "nobody"),
    (("erase", "nobody", "--yes"), 2, "nobody"),
    (("erase", "ana@example.org"), 2, "--yes"),
]


@pytest.mark.parametrize(("words", "code", "told"), WRONG, ids=[" ".join(w[0])[:60] for w in WRONG])
def test_bad_input_gets_one_line_and_its_exit_code_and_changes_nothing(people, redis_url, tmp_path, words, code, told):
    (tmp_path / "nokey.csv").write_text("name,town\nAna,Lima\n")
    (tmp_path / "header.csv").write_text("id,name\n")
    (tmp_path / "junk.bin").write_bytes(bytes(range(256)) * 50)
    before, files = snapshot(redis_url), sorted(tmp_path.iterdir())
    found, out, err = people("candidates", *words)

    assert (found, out) == (code, "")
    assert len(err) == 1, err
    assert err[0].startswith("inmail: error: ")
    assert told in err[0].lower() or told in err[0]
    assert (snapshot(redis_url), sorted(tmp_path.iterdir())) == (before, files)


def test_a_list_of_which_nobody_can_be_taken_is_refused_with_the_reasons(cli, tmp_path):
    (tmp_path / "bad.csv").write_text("id,email\nc3,cay@\n")
    code, out, err = cli("candidates", "import", "bad.csv")
    assert code == 3
    assert "1 (1 bad address)" in out
    assert err == ["inmail: error: no row makes a candidate; see bad.import-rejects.csv"]
