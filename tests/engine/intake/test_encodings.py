import pytest

from engine.errors import Refused
from tests.engine.intake.reading import read

LIST = "Name,Email\nZoë Müller,zoe@example.org\nJosé Núñez,jose@example.org\n"
RUSSIAN = "Имя,Email\n" + "".join(
    f"{name},p{at}@example.org\n"
    for at, name in enumerate(["Пётр Иванов", "Мария Смирнова", "Сергей Кузнецов", "Ольга Попова"] * 5)
)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (LIST.encode(), "utf-8"),
        (LIST.encode("utf-8-sig"), "utf-8"),
        (b"\xff\xfe" + LIST.encode("utf-16-le"), "utf-16"),
        (b"\xfe\xff" + LIST.encode("utf-16-be"), "utf-16"),
        (LIST.encode("utf-16-le"), "utf-16-le"),
        (LIST.encode("utf-16-be"), "utf-16-be"),
        (LIST.encode("utf-32"), "utf-32"),
        (LIST.encode("cp1252"), "windows-1252"),
    ],
)
def test_a_list_reads_the_same_in_every_encoding(content: bytes, encoding: str) -> None:
    found = read(content)
    assert found.format.encoding == encoding
    assert found.columns == ("full_name", "email")
    assert found.accepted == [
        (2, ["Zoë Müller", "zoe@example.org"]),
        (3, ["José Núñez", "jose@example.org"]),
    ]


@pytest.mark.parametrize("encoding", ["cp1251", "gb18030"])
def test_an_odd_encoding_is_guessed(encoding: str) -> None:
    found = read(RUSSIAN.encode(encoding))
    assert found.accepted[0] == (2, ["Пётр Иванов", "p0@example.org"])


def test_central_european_names_are_told_from_western_ones() -> None:
    names = ["Łukasz Wałęsa", "Małgorzata Śliwińska", "Zbigniew Żółć", "Paweł Dąbrowski", "Jaś Wiśniewski"]
    content = "Name,Email\n" + "".join(f"{name},p{at}@example.org\n" for at, name in enumerate(names * 4))
    assert [fields[0] for _, fields in read(content.encode("cp1250")).accepted] == names * 4


def test_the_first_byte_outside_ascii_may_come_late() -> None:
    plain = "".join(f"Ann,p{n}@example.org\n" for n in range(20_000)).encode()
    late = read(b"Name,Email\n" + plain + "Zoë,zoe@example.org\n".encode())
    assert (late.accepted[-1], late.notes) == ((20_002, ["Zoë", "zoe@example.org"]), ())
    late = read(b"Name,Email\n" + plain + "Zoë,zoe@example.org\n".encode("cp1252"))
    assert late.accepted[-1] == (20_002, ["Zoë", "zoe@example.org"])
    assert late.format.encoding == "windows-1252"
    assert late.notes == ("not UTF-8 from line 20002 on: read as windows-1252",)


def test_utf_8_that_breaks_later_is_refused_at_its_line() -> None:
    plain = "".join(f"Ann,p{n}@example.org\n" for n in range(20_000)).encode()
    with pytest.raises(Refused, match="line 20003 holds bytes that are not utf-8") as caught:
        read(b"Name,Email\n" + "Zoë,zoe@example.org\n".encode() + plain + b"Zo\xeb,z@example.org\n")
    assert caught.value.code == "bad_encoding"


@pytest.mark.parametrize("shift", range(4))
def test_letters_cut_in_two_by_a_read_are_whole_again(shift: int) -> None:
    name = "é" * 2000
    content = "Name,Email\n" + "x" * shift + "".join(f"{name},p{n}@example.org\n" for n in range(100))
    found = read(content)
    assert len(found.accepted) == 100
    assert found.accepted[-1][1][0] == name


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_counts_as_one_line(end: str) -> None:
    lines = ["Name,Email", *(f"Ann,p{n}@example.org" for n in range(9000)), '"A', 'B",z@example.org', "x,y"]
    found = read(end.join(lines))
    assert len(found.accepted) == 9001
    assert found.accepted[-1] == (9002, ["A B", "z@example.org"])
    assert found.reasons == [(9004, "bad_address")]
