import csv
from pathlib import Path

import pytest

from engine.errors import Invalid
from engine.intake.lists import Reject
from engine.intake.rejects import RejectsFile, inert

ROW = Reject(3, "bad_address", "the address has no '@'", ["nobody", "Ann, Lee"])


def test_rejects_are_written_with_their_row_and_counted(tmp_path: Path) -> None:
    target = tmp_path / "rejects.csv"
    with RejectsFile(target, ("Email", "Name")) as rejects:
        rejects.add([ROW, Reject(4, "duplicate", "same address as line 2", ["a@example.org", ""])])
        rejects.add([Reject(5, "duplicate", "same address as line 2", ["a@example.org", "two\nlines"])])
        assert list(tmp_path.iterdir()) != [target]
        assert rejects.counts == {"bad_address": 1, "duplicate": 2}
        assert rejects.total == 3
    assert list(tmp_path.iterdir()) == [target]
    with target.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "detail", "Email", "Name"],
            ["3", "bad_address", "the address has no '@'", "nobody", "Ann, Lee"],
            ["4", "duplicate", "same address as line 2", "a@example.org", ""],
            ["5", "duplicate", "same address as line 2", "a@example.org", "two\nlines"],
        ]


def test_without_a_reject_there_is_no_file(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "rejects.csv", ("Email",)) as rejects:
        rejects.add([])
        assert rejects.close() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_could_run_as_a_formula_is_made_inert(tmp_path: Path, start: str) -> None:
    cell = f'{start}cmd|"/c calc"!A1'
    rejects = RejectsFile(tmp_path / "rejects.csv", (cell, "Name"))
    rejects.add([Reject(2, "bad_address", "x", [cell, "Ann"])])
    assert rejects.close() == tmp_path / "rejects.csv"
    with (tmp_path / "rejects.csv").open(newline="", encoding="utf-8") as file:
        header, row = csv.reader(file)
    assert header[3] == row[3] == "'" + cell


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("-24.95", "-24.95"),
        ("-3", "-3"),
        ("-1+1", "'-1+1"),
        ("-3\n", "'-3\n"),
        ("--3", "'--3"),
        ("-٣", "'-٣"),
        ("+3", "'+3"),
    ],
)
def test_a_plain_number_below_zero_stays_a_number(cell: str, written: str) -> None:
    assert inert(cell) == written


def test_an_exception_leaves_what_was_there_before(tmp_path: Path) -> None:
    target = tmp_path / "rejects.csv"
    target.write_text("earlier")

    def fail_half_way() -> None:
        with RejectsFile(target, ("Email",)) as rejects:
            rejects.add([ROW])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "earlier"


def test_a_place_that_cannot_be_written_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot write the rejects file") as caught:
        RejectsFile(tmp_path / "none" / "rejects.csv", ("Email",)).add([ROW])
    assert caught.value.code == "no_file"
