import contextlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, Invalid, Refused
from engine.intake.lists import open_list
from tests.engine.intake.reading import read
from tests.engine.intake.workbooks import row, write_workbook

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the real lists (../shared/data) are not here")


@needs_shared
def test_the_real_list_is_accepted_whole_and_the_same_as_a_workbook() -> None:
    as_csv, as_xlsx = read(SHARED / "candidates.csv"), read(SHARED / "candidates.xlsx")
    assert (len(as_csv.accepted), as_csv.rejected) == (537, [])
    assert as_csv.format.kind == "csv"
    assert as_xlsx.format.kind == "xlsx"
    assert as_xlsx.columns == as_csv.columns
    assert as_xlsx.accepted == as_csv.accepted


@needs_shared
def test_linkedins_own_export_gives_everybody_with_an_address() -> None:
    found = read(SHARED / "Connections.csv")
    assert found.columns == ("first_name", "last_name", "url", "email", "company", "title", "connected_on")
    assert (len(found.accepted), len(found.rejected)) == (358, 179)
    assert {reject.reason for reject in found.rejected} == {"no_address"}
    assert found.rejected[0].line == 5


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email\n" + "".join(f"p{n % 700}@example.org\nbad{n}\n" for n in range(1500)))
    assert read(path) == read(path)


def test_batches_hold_at_most_1000_rows_of_input(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email\n" + "".join(f"p{n}@example.org\n" for n in range(2500)))
    with open_list(path) as candidates:
        sizes = [len(batch.accepted) for batch in candidates.batches()]
        assert candidates.bytes_read == candidates.bytes_total == path.stat().st_size
    assert sizes == [1000, 1000, 500]


def test_a_pipe_has_no_total() -> None:
    with open_list("-", stdin=io.BytesIO(b"email\na@example.org\n")) as candidates:
        assert candidates.bytes_total is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_list"),
        (b"\xef\xbb\xbf", "empty_list"),
        (b" \r\n\n", "empty_list"),
        (b",,\n;\n", "no_address_column"),
        (b"email\n", "no_rows"),
        (b"email,name\n\n , \n", "no_rows"),
        (b'[{"email": "a@example.org"}]', "json_array"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not_a_list"),
        (b"\x7fELF\x02\x01\x01", "not_a_list"),
        (b"%PDF-1.7\nemail\na@example.org\n", "not_a_list"),
        (b"\x1f\x8b\x08\x00", "not_a_list"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not_a_list"),
        (b"email\na\0b@example.org\n", "not_a_list"),
        (b"PK\x03\x04 and no more", "bad_workbook"),
        (bytes(range(1, 32)) * 20, "not_a_list"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(content)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_invalid(tmp_path: Path) -> None:
    locked = tmp_path / "locked.csv"
    locked.write_text("email\na@example.org\n")
    locked.chmod(0)
    sources = [tmp_path, tmp_path / "none.csv", tmp_path / ("x" * 300), "", "a\0b"]
    if os.geteuid() != 0:
        sources.append(locked)
    for source in sources:
        with pytest.raises(Invalid) as caught:
            open_list(source)
        assert caught.value.code == "no_file"


def test_content_decides_the_format_and_the_name_does_not(tmp_path: Path) -> None:
    named_xlsx = tmp_path / "list.xlsx"
    named_xlsx.write_text("email\na@example.org\n")
    assert read(named_xlsx).format.kind == "csv"
    named_csv = write_workbook(tmp_path / "book.csv", row(1, "email") + row(2, "a@example.org"))
    assert read(named_csv).format.kind == "xlsx"
    assert read(named_csv.read_bytes()).accepted == [(2, ["a@example.org"])]
    braces = tmp_path / "braces.csv"
    braces.write_text("{id},email\n1,a@example.org\n")
    assert read(braces).format.kind == "csv"
    assert read('{"email": "a@example.org"}\n').format.kind == "jsonl"


_FRAGMENTS = st.sampled_from(
    [
        *(b"email", b"Name", b",", b";", b"\t", b"\n", b"\r\n", b"\r", b'"', b'""', b"a@example.org", b"\xef\xbb\xbf"),
        *(b"\xff\xfe", b"\xfe\xff", b"\0", b"PK\x03\x04", b"{", b"}", b'{"email": "b@example.org"}', b"[", b":"),
        *("Zoë".encode(), "Zoë".encode("cp1252"), "Пётр".encode("cp1251"), b"\x81", b"\x1a", b"=1+1", b" "),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300) | st.lists(_FRAGMENTS | st.binary(max_size=4), max_size=40).map(b"".join))
def test_no_bytes_whatever_raise_anything_but_an_engine_error(content: bytes) -> None:
    with contextlib.suppress(EngineError):
        found = read(content)
        assert {len(fields) for _, fields in found.accepted} <= {len(found.columns)}


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=30), st.integers(0, 5000))
def test_no_damage_to_a_workbook_raises_anything_but_an_engine_error(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.xlsx"
    write_workbook(path, row(1, "email") + row(2, "a@example.org"))
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at : at + len(damage)] = damage
    with contextlib.suppress(EngineError):
        read(bytes(content))
