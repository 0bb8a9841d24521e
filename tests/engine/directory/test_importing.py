"""A list into the directory: what is new, changed, the same and rejected; again is once; the real lists."""

import csv
from pathlib import Path

import orjson
import pytest

from engine.directory import importing, wishes
from engine.directory import store as directory
from engine.directory.importing import check_candidates, import_profiles, notes_of, open_candidates
from engine.directory.profile import Profile
from engine.directory.store import Put
from engine.errors import Refused
from engine.intake.rejects import RejectsFile

REAL = Path(__file__).parents[4] / "shared" / "data"
LIST = "Id,Name,E-mail,Key Skills,Years of Experience,Open to work,Notes\n"
ROWS = "c1,Ana,ana@example.org,Go;SQL,7,yes,x\nc2,Ben,,,,,\nc3,Cay,cay@,,,,\n,Dee,dee@example.org,,many,,\n"


def bring(store, path, **options):
    with open_candidates(path, mapping=options.pop("mapping", None)) as listed:
        return import_profiles(store, listed, **options)


@pytest.fixture
def listed(tmp_path):
    (path := tmp_path / "list.csv").write_text(LIST + ROWS)
    return path


def test_rows_become_profiles_and_those_that_make_none_are_told_with_their_line(store, listed):
    done = bring(store, listed)
    assert done.put == Put(new=2)
    assert dict(done.rejected) == {"bad_address": 1, "bad_years": 1}
    assert [(reject.line, reject.reason) for reject in done.first_rejected] == [(4, "bad_address"), (5, "bad_years")]
    found = directory.get(store, "c1")
    assert (found.name, found.skills, found.years, found.open_to_work) == ("Ana", ("Go", "SQL"), 7, True)
    assert directory.get(store, "c2").address == ""


def test_again_is_once_and_a_mended_list_changes_what_differs(store, listed):
    bring(store, listed)
    assert bring(store, listed).put == Put(same=2)
    listed.write_text(LIST + ROWS.replace("Ben", "Benny").replace("cay@", "cay@example.org"))
    assert bring(store, listed).put == Put(new=1, changed=1, same=1)


def test_a_dry_run_tells_what_an_import_would_do_and_changes_nothing(store, listed):
    bring(store, listed)
    wishes.erase(store, "dee@example.org")
    listed.write_text(LIST + ROWS.replace("Ben", "Benny").replace("cay@", "cay@example.org").replace("many", "3"))
    before = {key: store.client.dump(key) for key in list(store.client.scan_iter("*"))}
    forecast = bring(store, listed, dry_run=True)
    assert {key: store.client.dump(key) for key in list(store.client.scan_iter("*"))} == before
    assert forecast.put == Put(new=1, changed=1, same=1)
    assert dict(forecast.rejected) == {"erased": 1}
    done = bring(store, listed)
    assert (done.put, done.rejected) == (forecast.put, forecast.rejected)


def test_the_erased_are_rejected_by_id_and_by_address_with_the_reason(store, listed, tmp_path):
    bring(store, listed)
    wishes.erase(store, "ana@example.org")
    listed.write_text("id,email,name\nc1,new@example.org,Ana\nc9,ana@example.org,Ana\nc2,,Ben\n")
    with RejectsFile(tmp_path / "rejects.csv", ("id", "email", "name")) as rejects:
        done = bring(store, listed, rejects=rejects)
    assert (done.put, dict(done.rejected)) == (Put(same=1), {"erased": 2})
    told = list(csv.reader((tmp_path / "rejects.csv").read_text().splitlines()))
    assert [row[:2] + row[3:4] for row in told[1:]] == [["2", "erased", "c1"], ["3", "erased", "c9"]]


def test_of_rows_with_one_id_the_last_counts(store, tmp_path):
    (path := tmp_path / "list.csv").write_text("id,name\nc1,First\nc1,Last\n")
    assert bring(store, path).put == Put(new=1)
    assert directory.get(store, "c1").name == "Last"


def test_strict_reads_the_whole_list_before_anything_is_put(listed):
    with open_candidates(listed) as whole, pytest.raises(Refused, match=r"line 4: .*nothing was imported"):
        check_candidates(whole)
    listed.write_text(LIST + "c1,Ana,,,,,\n")
    with open_candidates(listed) as whole:
        check_candidates(whole)


def test_jsonl_lists_and_truths_are_read(store, tmp_path):
    rows = [{"id": "c1", "name": "Ana", "skills": ["Go", "SQL"], "years": 7, "open_to_work": True, "consent": False}]
    (path := tmp_path / "list.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    assert bring(store, path).put == Put(new=1)
    found = directory.get(store, "c1")
    assert (found.skills, found.years, found.open_to_work, found.consent) == (("Go", "SQL"), 7, True, False)


def test_an_array_parts_its_items_whatever_stands_in_them(store, tmp_path):
    skills = ["=a", "b;c", "'=d", 7, None, "e\u0007\nf"]
    (path := tmp_path / "list.jsonl").write_bytes(orjson.dumps({"id": "c1", "name": ["Ana", "B"], "skills": skills}))
    assert bring(store, path).put == Put(new=1)
    found = directory.get(store, "c1")
    assert (found.skills, found.name) == (("=a", "b;c", "'=d", "7", "e f"), "Ana; B")


@pytest.mark.parametrize(
    ("header", "mapping", "told"),
    [
        ("id,name,name", {}, ["column 'name' is not read: full_name is taken from 'name'"]),
        ("id,Candidate ID,name", {}, ["column 'Candidate ID' is not read: id is taken from 'id'"]),
        ("id,name,Full Name", {"full_name": "Full Name"}, []),
        ("id,name,Skills", {}, []),
    ],
)
def test_a_second_column_that_means_the_same_is_told_unless_one_was_named_by_hand(tmp_path, header, mapping, told):
    (path := tmp_path / "list.csv").write_text(f"{header}\nc1,a,b\n")
    with open_candidates(path, mapping=mapping) as listed:
        assert [note.partition(" (")[0] for note in notes_of(listed, mapping)] == told


def test_columns_can_be_named_by_hand(store, tmp_path):
    (path := tmp_path / "list.csv").write_text("Ref;Wer;Kann\nc1;Ana;Go|SQL\n")
    assert bring(store, path, mapping={"id": "ref", "name": "Wer", "skills": "Kann"}).put == Put(new=1)
    assert directory.get(store, "c1").skills == ("Go", "SQL")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,town\nAna,Lima\n", "neither an address nor an id column among: name, town"),
        ("id,name\n", "no rows"),
        ("", "empty"),
    ],
)
def test_what_is_no_list_of_candidates_is_refused(tmp_path, text, told):
    (path := tmp_path / "list.csv").write_text(text)
    with pytest.raises(Refused, match=told):
        open_candidates(path)


def test_a_fault_half_way_leaves_what_was_put_and_the_rest_comes_with_the_next_go(store, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "PROFILES_AT_ONCE", 1000)
    rows = "".join(f"p{i},Person {i}\n" for i in range(2500))
    (path := tmp_path / "list.csv").write_text("id,name\n" + rows + 'x,"open\ny,\n')
    with pytest.raises(Refused, match="quote"):
        bring(store, path)
    assert directory.count(store) == 2000
    path.write_text("id,name\n" + rows)
    assert bring(store, path).put == Put(new=500, same=2000)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real lists are not here")
def test_the_real_lists_are_taken_whole(store):
    for name in ("candidates.csv", "candidates.xlsx"):
        done = bring(store, REAL / name)
        assert (done.accepted, done.rejected_total) == (537, 0)
    with (REAL / "candidates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = directory.get_many(store, [row["id"] for row in rows])
    assert [each.skills for each in found] == [tuple(filter(None, row["skills"].split("; "))) for row in rows]
    assert [(each.name, each.title, each.company, each.location, each.address) for each in found] == [
        (row["full_name"], row["title"], row["company"], row["location"], row["email"]) for row in rows
    ]
    connections = bring(store, REAL / "Connections.csv")
    assert set(connections.rejected) == {"no_id"}
    assert connections.accepted + connections.rejected_total == 537


def test_what_a_profile_needs_is_an_id(store):
    directory.put_many(store, [Profile(id="c1")])
    assert directory.get(store, "c1").name == ""
