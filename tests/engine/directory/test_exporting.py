"""What is exported can be imported again and is the same, whatever stands in it, and a spreadsheet runs none of it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.directory.columns import BadRow, ProfileReader
from engine.directory.exporting import EXPORTED, cells_of
from engine.directory.importing import open_candidates
from engine.directory.profile import Profile
from engine.intake.rejects import inert

TEXTS = st.text(st.sampled_from("'=+-@;|[]\",\\ a7\n\t\u2028\u200c\xa0é"), max_size=9)
TEXTS |= st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9)  # a list with those may be no text


def there_and_back(profile):
    """The profile as a list that was written of it is read."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([EXPORTED, [inert(cell) for cell in cells_of(profile)]])
    with open_candidates("-", stdin=io.BytesIO(file.getvalue().encode())) as listed:
        read = ProfileReader(listed.columns)
        return [read.read(cells) for batch in listed.batches() for _, cells in batch.accepted]


@pytest.mark.parametrize(
    "skills",
    [("'=b",), ("-x", "'-y"), ("=a", "b;c", "'=d"), ('["a"]',), ("[a]", "b]"), ("''=", "x"), ("-5",), ("'-5",)],
)
def test_skills_are_the_same_after_an_export(skills):
    profile = Profile(id="'=1", name="'=n", headline="''@h", company="-1", industry="'-1", skills=skills)
    assert there_and_back(profile) == [profile]


@given(st.lists(TEXTS, min_size=4, max_size=4), st.lists(TEXTS, max_size=4))
def test_whatever_was_imported_is_the_same_after_an_export(texts, items):
    columns = ("id", "full_name", "headline", "company", "industry", "skills")
    for skills in (";".join(items), csv_json(items)):
        try:
            profile = ProfileReader(columns).read(["c1", *cleaned(texts), *cleaned([skills])])
        except BadRow:
            continue
        assert there_and_back(profile) == [profile]


def csv_json(items):
    return "[" + ",".join('"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in items) + "]"


def cleaned(cells):
    """As the reader of a list hands them on."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["id", *(f"x{n}" for n in range(len(cells)))], ["c1", *cells]])
    with open_candidates("-", stdin=io.BytesIO(file.getvalue().encode())) as listed:
        return next(row[1:] for batch in listed.batches() for _, row in batch.accepted)
