"""Which columns mean what, and how a cell is read; a cell that cannot be read rejects its row."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.directory.columns import FIELDS, BadRow, ProfileReader, directory_mapping, id_of_address
from engine.directory.profile import Profile, check_profile, pack, unpack
from engine.errors import Invalid


def read(**cells):
    return ProfileReader(tuple(cells)).read(list(cells.values()))


READ = [
    ({"full_name": "Ana Luján"}, {"name": "Ana Luján"}),
    ({"first_name": "Ana", "last_name": "Luján"}, {"name": "Ana Luján"}),
    ({"first_name": "Ana"}, {"name": "Ana"}),
    ({"full_name": "A", "first_name": "Ana"}, {"name": "A"}),
    ({"city": "Lima", "country": "Peru"}, {"location": "Lima, Peru"}),
    ({"country": "Peru"}, {"location": "Peru"}),
    ({"location": "Cusco", "city": "Lima"}, {"location": "Cusco"}),
    ({"headline": "one\ntwo\tthree"}, {"headline": "one two three"}),
    ({"headline": "'=HYPERLINK"}, {"headline": "=HYPERLINK"}),
    ({"headline": "'tis"}, {"headline": "'tis"}),
    ({"headline": "می\u200cکند"}, {"headline": "می\u200cکند"}),
    ({"skills": "Go; SQL ;;Go"}, {"skills": ("Go", "SQL")}),
    ({"skills": "Go|SQL\nC"}, {"skills": ("Go", "SQL", "C")}),
    ({"skills": "Health, Education, Labor, and Pensions"}, {"skills": ("Health, Education, Labor, and Pensions",)}),
    ({"skills": '["Go", "a; b"]'}, {"skills": ("Go", "a; b")}),
    ({"skills": "[Go]"}, {"skills": ("[Go]",)}),
    ({"skills": "[1]"}, {"skills": ("[1]",)}),
    ({"skills": "[]"}, {"skills": ()}),
    ({"languages": "Spanish; Quechua"}, {"languages": ("Spanish", "Quechua")}),
    ({"years": "7"}, {"years": 7}),
    ({"years": "7.9"}, {"years": 7}),
    ({"years": "10+ years"}, {"years": 10}),
    ({"years": "0"}, {"years": 0}),
    ({"years": ""}, {"years": None}),
    ({"open_to_work": "Yes"}, {"open_to_work": True}),
    ({"open_to_work": "FALSE"}, {"open_to_work": False}),
    ({"open_to_work": ""}, {"open_to_work": False}),
    ({"consent": ""}, {"consent": True}),
    ({"consent": "nein"}, {"consent": False}),
    ({"last_active": "2026-11-27"}, {"last_active_ms": 1_795_737_600_000}),
    ({"last_active": "2026-11-27T01:00:00+01:00"}, {"last_active_ms": 1_795_737_600_000}),
    ({"last_active": "1795737600"}, {"last_active_ms": 1_795_737_600_000}),
    ({"last_active": "1795737600123"}, {"last_active_ms": 1_795_737_600_123}),
    ({"last_active": "2026-11-27T00:00:00.123Z"}, {"last_active_ms": 1_795_737_600_123}),
    ({"last_active": ""}, {"last_active_ms": 0}),
    ({"email": "<ANA@Example.org>"}, {"address": "ana@example.org"}),
    ({"shoe_size": "44"}, {}),
]


@pytest.mark.parametrize(("cells", "fields"), READ)
def test_a_cell_is_read(cells, fields):
    assert read(id="c1", **cells) == Profile(id="c1", **fields)


def test_the_address_is_the_id_where_there_is_none():
    ident = id_of_address("ana@example.org")
    assert read(email="Ana@example.org") == Profile(id=ident, address="ana@example.org")
    assert read(id="", email="ana@example.org").id == ident
    assert "ana" not in ident, "whoever searches sees ids, not addresses"


WRONG = [
    ({"id": "", "email": ""}, "no_id", "neither an id nor an address"),
    ({"full_name": "Ana"}, "no_id", "neither"),
    ({"id": "c 1"}, "bad_id", "no blanks"),
    ({"id": "x" * 65}, "bad_id", "1 to 64"),
    ({"id": "c1", "email": "ana@"}, "bad_address", "address 'ana@'"),
    ({"id": "c1", "years": "many"}, "bad_years", "from 0 to 80"),
    ({"id": "c1", "years": "81"}, "bad_years", "from 0 to 80"),
    ({"id": "c1", "years": "-1"}, "bad_years", "from 0 to 80"),
    ({"id": "c1", "open_to_work": "maybe"}, "bad_open", "yes or no"),
    ({"id": "c1", "consent": "?"}, "bad_consent", "yes or no"),
    ({"id": "c1", "last_active": "yesterday"}, "bad_last_active", "2026-11-27"),
    ({"id": "c1", "last_active": "1960-01-01"}, "bad_last_active", "1960"),
    ({"id": "c1", "last_active": "9" * 30}, "bad_last_active", "999"),
    ({"id": "c1", "title": "x" * 201}, "out_of_bounds", "title is longer than 200"),
    ({"id": "c1", "headline": "x" * 401}, "out_of_bounds", "headline is longer than 400"),
    ({"id": "c1", "skills": "x" * 121}, "out_of_bounds", "longer than 120"),
    ({"id": "c1", "skills": ";".join(map(str, range(51)))}, "out_of_bounds", "51 skills; 50 are the most"),
    ({"id": "c1", "languages": ";".join(map(str, range(21)))}, "out_of_bounds", "21 languages; 20 are the most"),
    ({"id": "c1", "title": "a\udc80"}, "out_of_bounds", "control character"),
]


@pytest.mark.parametrize(("cells", "reason", "told"), WRONG)
def test_a_cell_that_cannot_be_read_rejects_its_row(cells, reason, told):
    with pytest.raises(BadRow, match=told) as caught:
        read(**cells)
    assert caught.value.reason == reason


def test_columns_are_mapped_by_the_names_people_know_the_fields_by():
    assert directory_mapping({"name": "N", "address": "A", "years": "Y"}) == {
        "full_name": "N",
        "email": "A",
        "years": "Y",
    }
    assert set(directory_mapping({each: each for each in FIELDS})) == set(FIELDS)
    for wrong, told in (({"shoe_size": "S"}, "no such field"), ({"name": "A", "full_name": "B"}, "twice")):
        with pytest.raises(Invalid, match=told):
            directory_mapping(wrong)


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [
        "",
        "yes",
        "7",
        "2026-11-27",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "ana@example.org",
        "[1",
        '["a"]',
    ]
)


@given(st.lists(CELLS, min_size=len(FIELDS), max_size=len(FIELDS)))
@example(["c1", *[""] * 13, "٣", "0001-01-01T00:00+14:00", "", ""])
def test_whatever_stands_in_a_row_it_makes_a_profile_that_can_be_put_or_is_rejected(cells):
    try:
        profile = ProfileReader(FIELDS).read(cells)
    except BadRow:
        return
    check_profile(profile)
    assert unpack(profile.id, pack(profile)) == profile
