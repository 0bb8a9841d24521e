import struct
import zipfile
from pathlib import Path

import pytest

from engine.errors import Refused
from engine.intake import workbook_guard
from tests.engine.intake.reading import read
from tests.engine.intake.workbooks import row, text, write_workbook

STYLES = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'


def test_cells_become_text_as_a_person_would_write_it(tmp_path: Path) -> None:
    sheet = row(1, "email", "n", "half", "yes", "since", "sum", "error") + row(
        2,
        "A@example.org",
        '<c r="B2"><v>7.0</v></c>',
        '<c r="C2"><v>0.5</v></c>',
        '<c r="D2" t="b"><v>1</v></c>',
        '<c r="E2" s="1"><v>45366</v></c>',
        '<c r="F2"><f>1+1</f><v>2</v></c>',
        '<c r="G2" t="e"><v>#N/A</v></c>',
    )
    found = read(write_workbook(tmp_path / "a.xlsx", sheet, styles=STYLES))
    assert found.accepted == [(2, ["a@example.org", "7", "0.5", "TRUE", "2024-03-15", "2", ""])]


def test_rows_carry_their_number_in_the_sheet(tmp_path: Path) -> None:
    sheet = '<row r="4">' + text("C4", "Name") + text("D4", "Email") + "</row>"
    sheet += '<row r="9">' + text("C9", "Ann") + text("D9", "a@example.org") + "</row>"
    sheet += '<row r="11">' + text("C11", "Bob") + text("D11", "bob") + "</row>"
    found = read(write_workbook(tmp_path / "a.xlsx", sheet))
    assert found.accepted == [(9, ["Ann", "a@example.org"])]
    assert found.reasons == [(11, "bad_address")]


def test_the_first_sheet_with_data_is_read(tmp_path: Path) -> None:
    full, other = row(1, "email") + row(2, "a@example.org"), row(1, "email") + row(2, "b@example.org")
    assert read(write_workbook(tmp_path / "a.xlsx", "", full, other)).accepted == [(2, ["a@example.org"])]


@pytest.mark.parametrize(
    ("sheets", "code"),
    [
        (("",), "empty_list"),
        ((row(1, "email"),), "no_rows"),
        ((row(1, "name") + row(2, "Ann"),), "no_address_column"),
        (('<row r="1"><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>',), "workbook_too_big"),
        (('<row r="1"><c r="A1"><v>1</v></c><c r="A4000000000"><v>1</v></c></row>',), "workbook_too_big"),
        (('<row r="1"><c r="AAAAAAAAAAAA1"><v>1</v></c></row>',), "workbook_too_big"),
    ],
)
def test_a_sheet_that_is_no_list_is_refused(tmp_path: Path, sheets: tuple[str, ...], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(write_workbook(tmp_path / "a.xlsx", *sheets))
    assert caught.value.code == code


def test_a_bomb_is_refused_by_ratio_and_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = write_workbook(tmp_path / "a.xlsx", row(1, "email"), extra={"xl/media/x.bin": bytes(8_000_000)})
    with pytest.raises(Refused, match="unpacks to more"):
        read(bomb)
    monkeypatch.setattr(workbook_guard, "WORKBOOK_MAX_BYTES", 1000)
    with pytest.raises(Refused, match="unpacks to more"):
        read(write_workbook(tmp_path / "b.xlsx", row(1, "email") * 50))


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    bomb = write_workbook(tmp_path / "a.xlsx", row(1, "email"), extra={"xl/media/x.bin": bytes(8_000_000)})
    content = bomb.read_bytes().replace(struct.pack("<I", 8_000_000), struct.pack("<I", 8_000))
    with zipfile.ZipFile(bomb) as archive:
        assert archive.getinfo("xl/media/x.bin").file_size == 8_000_000
    bomb.write_bytes(content)
    with zipfile.ZipFile(bomb) as archive:
        assert archive.getinfo("xl/media/x.bin").file_size == 8_000
    with pytest.raises(Refused, match="unpacks to more"):
        read(bomb)


def test_a_zip_without_a_workbook_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("list.csv", "email\na@example.org\n")
    with pytest.raises(Refused, match="without an Excel workbook"):
        read(path)


@pytest.mark.timeout(10)
def test_a_member_that_ends_before_its_packed_size_does_not_hold_the_reader_up(tmp_path: Path) -> None:
    """Only past one read (64 KiB unpacked) does zlib hand back what follows the end, again and again."""
    name, sheet = "xl/media/x.bin", row(1, "email") + row(2, "a@example.org")
    path = write_workbook(tmp_path / "a.xlsx", sheet, extra={name: bytes(range(256)) * 300})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        packed = struct.pack("<I", archive.getinfo(name).compress_size)
    at = content.rindex(name.encode()) - 46 + 20  # its packed size in the central directory
    assert content[at : at + 4] == packed
    content[at : at + 4] = struct.pack("<I", int.from_bytes(packed, "little") + 100)
    path.write_bytes(content)
    assert read(path).accepted == [(2, ["a@example.org"])]


def test_a_truncated_workbook_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", row(1, "email") + row(2, "a@example.org"))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Refused, match="damaged"):
        read(path)
