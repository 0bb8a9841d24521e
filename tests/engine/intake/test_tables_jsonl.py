import json

import pytest

from engine.errors import Refused
from tests.engine.intake.reading import read


def lines(*objects: object) -> str:
    return "".join(json.dumps(item) + "\n" for item in objects)


def test_the_columns_are_the_keys_in_the_order_first_seen() -> None:
    found = read(lines({"firstName": "Ann", "Email": "A@example.org"}, {"Email": "b@example.org", "city": "Ulm"}))
    assert found.columns == ("first_name", "email", "city")
    assert found.source_columns == ("firstName", "Email", "city")
    assert found.accepted == [(1, ["Ann", "a@example.org", ""]), (2, ["", "b@example.org", "Ulm"])]
    assert found.format.kind == "jsonl"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (3, "3"),
        (3.0, "3"),
        (3.5, "3.5"),
        (True, "TRUE"),
        (False, "FALSE"),
        (None, ""),
        (["a", 1, None, True], "a; 1; ; TRUE"),
        ([], ""),
    ],
)
def test_a_value_becomes_text(value: object, text: str) -> None:
    assert read(lines({"email": "a@example.org", "v": value})).accepted == [(1, ["a@example.org", text])]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{bad", "not JSON"),
        ("[1]", "not a JSON object"),
        ("3", "not a JSON object"),
        ('{"email": {"work": "b@example.org"}}', "field 'email' holds an object"),
        ('{"email": "b@example.org", "v": [[1]]}', "field 'v' holds an object"),
        ('{"email": "b@example.org", "v": "\\ud800"}', "not JSON"),
        ("[" * 5000, "not JSON"),
        ('{"email": "b@example.org", "v": NaN}', "not JSON"),
    ],
)
def test_a_bad_line_is_rejected_and_the_list_goes_on(line: str, says: str) -> None:
    found = read(lines({"email": "a@example.org", "v": 1}) + "\n" + line + "\n" + lines({"email": "c@example.org"}))
    assert [at for at, _ in found.accepted] == [1, 4]
    assert found.reasons == [(3, "bad_row")]
    assert says in found.rejected[0].detail


def test_keys_first_seen_late_are_ignored_and_noted() -> None:
    people = [{"email": f"p{n}@example.org"} for n in range(150)]
    found = read(lines(*people, {"email": "z@example.org", "late": 1, "later": 2}))
    assert found.accepted[-1] == (151, ["z@example.org"])
    assert found.notes == ("fields ignored after line 100: late, later",)


def test_a_mapping_names_keys() -> None:
    assert read(lines({"Kontakt": "a@example.org"}), {"email": "kontakt"}).columns == ("email",)


@pytest.mark.parametrize("content", ["{bad\n{worse\n", "{\n"])
def test_a_list_without_any_object_is_refused(content: str) -> None:
    with pytest.raises(Refused) as caught:
        read(content)
    assert caught.value.code == "not_a_list"


def test_objects_without_an_address_are_refused_naming_their_keys() -> None:
    with pytest.raises(Refused, match="no address column among: name, kontakt"):
        read(lines({"name": "Ann", "kontakt": "a@example.org"}))
