import io
import time

import pytest

from engine.errors import Refused
from engine.intake.lists import open_list
from tests.engine.intake.reading import read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header_respecting_quotes(delimiter: str) -> None:
    content = f'"Name, first; last|or both"{delimiter}Email{delimiter}Note\nAnn{delimiter}a@example.org{delimiter}x\n'
    found = read(content)
    assert found.format.delimiter == delimiter
    assert found.accepted == [(2, ["Ann", "a@example.org", "x"])]


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        ('email,note\na@example.org,"two\nlines"\nb@example.org,x\n', [(2, "two\nlines"), (4, "x")]),
        ('email,note\na@example.org,"say ""hi"""\n', [(2, 'say "hi"')]),
        ('email,note\na@example.org, "with, comma"\n', [(2, "with, comma")]),
        ("email,note\n\n\na@example.org,x\n , \nb@example.org,y\n", [(4, "x"), (6, "y")]),
        ("email,note\na@example.org\n", [(2, "")]),
        ("email,note\na@example.org,x,, ,\n", [(2, "x")]),
        ("email,note\na@example.org,x", [(2, "x")]),
        ("sep=;\nemail;note\na@example.org;x\n", [(3, "x")]),
        ('email,note\na@example.org,"tab\there\x07"\n', [(2, "tab\there")]),
        ("email,note\na@example.org,  \u00a0x\u200b\ufeff \n", [(2, "x")]),
    ],
)
def test_rows_keep_their_line_and_their_cells_are_cleaned(content: str, accepted: list[tuple[int, str]]) -> None:
    assert [(line, fields[1]) for line, fields in read(content).accepted] == accepted


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (",x", "no_address", "the address is empty"),
        ("nobody,x", "bad_address", "the address has no '@'"),
        ('"a@example.org\nBcc: b@example.org",x', "bad_address", "the address holds a line break"),
        ("A@Example.org,x", "duplicate", "same address as line 2"),
        ("<a@example.org>,x", "duplicate", "same address as line 2"),
        ("b@example.org,x,y", "too_many_cells", "3 cells where the header has 2"),
        ("b@example.org," + "x" * 8193, "row_too_long", "cell 2 is longer than 8 KiB"),
        ("b@example.org," + "é" * 4097, "row_too_long", "cell 2 is longer than 8 KiB"),
        ("b@example.org," + ",".join(["x" * 8000] * 9), "row_too_long", "the row is longer than 64 KiB"),
        ("b@example.org," + "x" * 500_000, "row_too_long", "the row is longer than 64 KiB"),
        ('x,"1\n2\n3\n4"', "bad_address", "the row runs on to line 6"),
    ],
)
def test_a_row_that_cannot_be_used_is_rejected_alone(row: str, reason: str, detail: str) -> None:
    found = read(f"email,note\na@example.org,first\n{row}\nz@example.org,last\n")
    assert [fields[1] for _, fields in found.accepted] == ["first", "last"]
    assert found.reasons == [(3, reason)]
    assert detail in found.rejected[0].detail


def test_a_cell_of_exactly_8_kib_is_accepted() -> None:
    assert len(read("email,note\na@example.org," + "x" * 8192 + "\n").accepted) == 1


def test_a_rejected_row_is_kept_as_it_stood() -> None:
    assert read("email,note\n nobody , =1+1 ,y\n").rejected[0].raw == ["nobody ", "=1+1 ", "y"]


def test_names_keep_to_one_line() -> None:
    assert read('Name,email\n"Ann\nBcc: x",a@example.org\n').accepted == [(2, ["Ann Bcc: x", "a@example.org"])]


class Endless(io.RawIOBase):
    """A stream that goes on for ever, counting what was taken from it."""

    def __init__(self, start: bytes, rest: bytes) -> None:
        self.start, self.rest, self.taken = start, rest, 0

    def read(self, size: int = -1) -> bytes:
        data = (self.start + self.rest * (size // len(self.rest) + 1))[:size]
        self.start = self.start[size:]
        self.taken += len(data)
        return data


@pytest.mark.parametrize(
    ("start", "rest", "code", "says"),
    [
        (b"", b"x", "line_too_long", "line 1 is longer than 1 MiB"),
        (b"email\na@example.org\n", b"x", "line_too_long", "line 3 is longer than 1 MiB"),
        (b'email,note\na@example.org,"two\nlines"\nb@example.org,"', b"c@example.org,x\n", "open_quote", "line 4"),
        (b'email,note\na@example.org,"', b"c@example.org,x\n", "open_quote", "line 2"),
        (b'email,note\n"a@example.org\n","', b"c@example.org,x\n", "open_quote", "line 3"),
    ],
)
def test_a_line_or_a_quote_without_end_is_refused_soon(start: bytes, rest: bytes, code: str, says: str) -> None:
    stream = Endless(start, rest)
    began = time.thread_time()
    with pytest.raises(Refused) as caught, open_list("-", stdin=stream) as candidates:  # type: ignore[arg-type]
        list(candidates.batches())
    assert caught.value.code == code
    assert says in str(caught.value)
    assert stream.taken < 2 * 1024 * 1024
    assert time.thread_time() - began < 2


def test_a_quote_still_open_at_the_end_is_refused_naming_its_line() -> None:
    rows = "".join(f"p{n}@example.org,x\n" for n in range(100))
    with pytest.raises(Refused, match="the quote opened on line 102 is never closed"):
        read(f'email,note\n{rows}z@example.org,"oops\n{rows}')


def test_a_quote_left_open_in_the_last_row_rejects_that_row_only() -> None:
    found = read('email,note\na@example.org,x\nb@example.org,"oops\n')
    assert len(found.accepted) == 1
    assert found.reasons == [(3, "bad_row")]
