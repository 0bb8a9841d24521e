"""Whatever bytes are handed in as a list, there is a list or one line of ours why not, and memory stays bounded."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.intake.lists import open_list
from tests.engine.intake.workbooks import row, write_workbook
from tests.fuzz.profiles import fuzzed

REASON_WORDS = {"bad_row", "row_too_long", "too_many_cells", "no_address", "bad_address", "duplicate"}


def check(content: bytes, mapping: Mapping[str, str] | None = None, path: Path | None = None) -> str:
    """Read a list to its end; gives 'list', or the code of the refusal."""
    try:
        source = "-" if path is None else path
        with open_list(source, mapping=mapping, stdin=io.BytesIO(content)) as opened:
            width, seen, last = len(opened.columns), set[str](), 0
            assert opened.columns[opened.email_index] == "email"
            assert len(set(opened.columns)) == len(opened.source_columns) == width
            for batch in opened.batches():
                assert len(batch.accepted) + len(batch.rejected) <= 1000
                for line, fields in batch.accepted:
                    assert line > last
                    last = line
                    assert len(fields) == width
                    assert all("\0" not in cell and "\x1b" not in cell for cell in fields)
                    assert fields[opened.email_index] not in seen
                    seen.add(fields[opened.email_index])
                for reject in batch.rejected:
                    assert reject.reason in REASON_WORDS
                    assert reject.detail.isprintable()
            assert all(note.isprintable() for note in opened.notes)
    except EngineError as caught:
        refused = caught
    else:
        return "list"
    assert str(refused).isprintable()
    assert 0 < len(str(refused)) <= 2000
    return refused.code


TEXTS = ["Ana", "ana@example.org", "b@x.de", "", " ", '"', '""', "é", "Ł", "ß", "名", "\x1b[2J", "\u2028", "=1", "a\rb"]
TEXTS += ["\ufeff", "x" * 9000, "1e999", "@", "<a@b.co>", "\x85", "\x1c", "\u202e"]
NAMES = ["email", "E-Mail", "Name", "First Name", "\x1b[2J", "", "column_1", "email_2", "メール"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1250", "cp1251"]
cells = st.sampled_from(TEXTS) | st.text(max_size=8)
headers = st.sampled_from(NAMES) | cells


@st.composite
def delimited(draw: st.DrawFn) -> str:
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    address = draw(st.sampled_from(["email", "email", "E-Mail", "town"]))
    rows = [[*draw(st.lists(headers, max_size=3)), address]]
    rows += draw(st.lists(st.lists(cells, max_size=6), max_size=6))
    quoted = draw(st.booleans())
    return end.join(
        delimiter.join('"' + cell.replace('"', '""') + '"' if quoted else cell for cell in cells_) for cells_ in rows
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | cells,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@st.composite
def objects(draw: st.DrawFn) -> str:
    lines = draw(
        st.lists(st.dictionaries(headers, json_values | st.just({"a": 1}), max_size=4), min_size=1, max_size=5)
    )
    return "\n".join(json.dumps(line, ensure_ascii=draw(st.booleans())) for line in lines)


texts = st.one_of(delimited(), objects())
whole = st.builds(lambda text, encoding: text.encode(encoding, "replace"), texts, st.sampled_from(ENCODINGS))


@st.composite
def damaged(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> bytes:
    """The content with bytes flipped, cut out, doubled, or spliced in from elsewhere."""
    content = bytearray(draw(contents))
    for _ in range(draw(st.sampled_from([0, 1, 1, 4]))):
        at, until = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
        match draw(st.sampled_from(["flip", "cut", "end", "double", "splice"])):
            case "flip" if at < len(content):
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[at:until]
            case "end":
                del content[at:]
            case "double":
                content[at:at] = content[at:until]
            case "splice":
                content[at:at] = draw(
                    st.sampled_from([b"\0", b'"', b"\xff\xfe", b"\xef\xbb\xbf", b"PK\x03\x04"]) | st.binary(max_size=8)
                )
    return bytes(content)


mappings = (
    st.none()
    | st.just({})
    | st.dictionaries(
        st.sampled_from(["email", "first_name", "a", "A", "", "é"]),
        st.sampled_from(["Name", "email", "", "\x1b", "x" * 300]),
        max_size=2,
    )
)


@fuzzed
@given(damaged(whole) | st.binary(max_size=200), mappings)
@example(b"\x1b[2J,b\n1,2\n", None)
def test_any_text_is_a_list_or_refused_in_one_line(content: bytes, mapping: Mapping[str, str] | None) -> None:
    check(content, mapping)


def a_workbook() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        rows = row(1, "First name", "email") + "".join(row(n, f"N{n}", f"n{n}@example.org") for n in range(2, 6))
        number, moment = '<c r="A6"><v>1e300</v></c>', '<c r="B6" s="1"><v>45000.5</v></c>'
        return write_workbook(path, "", rows + row(6, number, moment), styles="<cellXfs/>").read_bytes()


BOOK = a_workbook()


@fuzzed
@given(damaged(st.just(BOOK)), st.booleans())
@example(BOOK, False)
def test_any_damage_to_a_workbook_is_a_list_or_refused_in_one_line(content: bytes, as_file: bool) -> None:
    if not as_file:
        check(content)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xlsx"
        path.write_bytes(content)
        check(b"", path=path)


CELLS = ['<c r="A2"><v>', "</v></c>", '<c r="XFD1048576"/>', '<c r="A0" t="s"><v>9</v></c>', '<c r="a@"/>', "<c/>"]
CELLS += ['<c r="A2" t="d"><v>x</v></c>', '<c r="A2" t="e"><v>#N/A</v></c>', '<c r="A2" t="b"><v>2</v></c>', "</row>"]
CELLS += [
    '<c r="A2"><v>1e999</v></c>',
    '<c r="A2" s="99"><v>1e30</v></c>',
    '<row r="0">',
    "<is>",
    "&#0;",
    "&x;",
    "<!--",
]
CELLS += ["<![CDATA[", "\x1b", ">"]


@fuzzed
@given(st.lists(st.sampled_from(CELLS) | st.just(row(2, "Ana", "a@example.org")), max_size=6).map("".join))
def test_any_sheet_is_a_list_or_refused_in_one_line(sheet: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(b"", path=write_workbook(Path(folder) / "list.xlsx", row(1, "name", "email") + sheet))


def one_long_line(path: Path) -> None:
    path.write_bytes(b"email,name\n" + b"x" * 50_000_000)


def one_long_header(path: Path) -> None:
    path.write_bytes(b"email," * 8_000_000)


def one_quote_left_open(path: Path) -> None:
    path.write_bytes(b'email,name\na@example.org,"' + b"line\n" * 10_000_000)


def very_many_columns(path: Path) -> None:
    path.write_bytes(b",".join(b"email%d" % at for at in range(100_000)) + b"\n" + b"a@example.org," * 70_000)


def very_many_keys(path: Path) -> None:
    path.write_text("\n".join("{" + ",".join(f'"k{n}_{at}":1' for at in range(50_000)) + "}" for n in range(40)))


def brackets_without_end(path: Path) -> None:
    path.write_bytes(b'{"email":' + b"[" * 1_000_000)


def a_zip_bomb(path: Path) -> None:
    write_workbook(path, extra={"xl/sharedStrings.xml": bytes(300_000_000)})


def a_sheet_as_wide_as_it_is_long(path: Path) -> None:
    write_workbook(path, row(1, "email") + '<c r="XFD1048576"><v>1</v></c>')


def very_many_blank_rows(path: Path) -> None:
    path.write_bytes(b"\n" * 3_000_000)


NASTY = {
    one_long_line: "line_too_long",
    one_long_header: "line_too_long",
    one_quote_left_open: "open_quote",
    very_many_columns: "too_many_columns",
    very_many_keys: "no_address_column",
    brackets_without_end: "not_a_list",
    a_zip_bomb: "workbook_too_big",
    a_sheet_as_wide_as_it_is_long: "workbook_too_big",
    very_many_blank_rows: "empty_list",
}

WITHIN = """
import resource, sys
from engine.errors import EngineError
from engine.intake.lists import open_list
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 200_000_000,) * 2)
try:
    with open_list(sys.argv[1]) as opened:
        for batch in opened.batches():
            pass
    print("list")
except EngineError as refused:
    print(refused.code)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit of memory is Linux's")
@pytest.mark.parametrize("write", NASTY, ids=lambda write: write.__name__)
def test_a_list_made_to_fill_the_memory_is_refused_within_200_megabytes(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "list"
    write(path)
    ended = subprocess.run(
        [sys.executable, "-c", WITHIN, path], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, NASTY[write]), ended.stderr[-500:]
