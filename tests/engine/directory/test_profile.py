"""What a profile is packed into, and that it comes back: nobody can read what was packed with another dictionary."""

import hashlib
from dataclasses import replace
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.candidates import candidates
from engine.directory.profile import Profile, check_profile, pack, unpack
from engine.errors import Corrupt, Invalid

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)
profiles = st.builds(
    Profile,
    id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
    name=texts,
    headline=texts,
    title=texts,
    company=texts,
    location=texts,
    industry=texts,
    skills=st.lists(texts.filter(bool).map(lambda text: text[:120]), max_size=50).map(tuple),
    years=st.none() | st.integers(0, 80),
    languages=st.lists(texts.filter(bool).map(lambda text: text[:40]), max_size=20).map(tuple),
    open_to_work=st.booleans(),
    last_active_ms=st.integers(0, 9_999_999_999_999),
    address=st.sampled_from(["", "ana@example.org"]),
    consent=st.booleans(),
)


@given(profiles)
def test_any_profile_within_bounds_comes_back_as_it_was_packed(profile):
    check_profile(profile)
    assert unpack(profile.id, pack(profile)) == profile


def test_what_was_packed_with_format_1_is_read_for_ever():
    data = (resources.files("engine.directory") / "profiles.zdict").read_bytes()
    assert hashlib.sha256(data).hexdigest() == DICTIONARY
    assert unpack("c1", bytes.fromhex(PACKED)) == next(replace(each, id="c1") for each in candidates(1, seed=3))


DICTIONARY = "127d443bf4fc9aa4a8f9bed94d9948aa32393ab81037cbe4797c99a41b6bf51d"
PACKED = (
    "0120ff0d0300f3c30b934a9948931fb9ca39e34c1aa6999a479a3c14e6728bb9469c331206975fffb75dfc63b11a07f9b1c6"
    "623f5bd6702b11fc8274d31862c9fa9e2a90cd69a213f50a9cddb9bc07111b50341308447859421c050f1195c481194adefb"
    "d1e30e"
)


def test_a_profile_takes_about_a_hundred_bytes():
    made = list(candidates(500))
    assert sum(len(pack(each)) for each in made) / 500 < 115


@pytest.mark.parametrize("packed", [b"", b"\x02abc", b"\x01", b"\x01abc", pack(Profile(id="c1"))[:-1]])
def test_bytes_that_are_no_profile_are_corrupt(packed):
    with pytest.raises(Corrupt, match="profile 'c1' cannot be read"):
        unpack("c1", packed)


BAD = [
    ({"id": ""}, "id"),
    ({"id": "a b"}, "id"),
    ({"id": "é"}, "id"),
    ({"id": "a\n"}, "id"),
    ({"name": "a\nb"}, "name holds a line break"),
    ({"name": "a\x1b[2J"}, "control character"),
    ({"skills": ("",)}, "empty"),
    ({"years": -1}, "years"),
    ({"years": 81}, "years"),
    ({"last_active_ms": -1}, "last_active"),
]


@pytest.mark.parametrize(("fields", "told"), BAD)
def test_a_profile_out_of_bounds_is_invalid(fields, told):
    with pytest.raises(Invalid, match=told) as caught:
        check_profile(replace(Profile(id="c1"), **fields))
    assert caught.value.code == "bad_profile"


def test_as_a_document_it_has_every_field():
    assert Profile(id="c1", skills=("Go",), last_active_ms=5).as_dict() == {
        "id": "c1",
        "name": "",
        "headline": "",
        "title": "",
        "company": "",
        "location": "",
        "skills": ["Go"],
        "industry": "",
        "years": None,
        "languages": [],
        "open_to_work": False,
        "last_active_ms": 5,
        "address": "",
        "consent": True,
        "updated_at_ms": 0,
    }
