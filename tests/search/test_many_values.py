"""Very many values and words in an index: counted and found, though tantivy counts and looks up only so many."""

from __future__ import annotations

import re

import pytest

from engine.directory.profile import Profile
from engine.search import endings, facets
from engine.search.facets import count_facets
from engine.search.query import parse
from tests.search.indexes import an_index
from web.searching import SearchDesk


def tree(text):
    return parse(text, now_ms=0)


@pytest.mark.parametrize(("people", "skills"), [(1990, 45), (1950, 20)], ids=["skills alone are too many", "together"])
def test_more_values_than_tantivy_counts_in_one_go_are_counted_exactly(tmp_path, people, skills):
    profiles = [
        Profile(
            id=f"p{n}",
            company=f"Company {n}",
            skills=("Common", *(f"Skill {n}.{own}" for own in range(skills))),
            languages=tuple(f"Language {n}.{own}" for own in range(15)),
        )
        for n in range(people)
    ]
    found = an_index(tmp_path, profiles).search(tree(""), facets=True)
    assert (found.total, found.facets) == (people, count_facets(profiles))


def test_a_facet_that_alone_has_more_values_than_tantivy_counts_is_walked(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.search.facets._ALL_BUCKETS", 90_000)
    profiles = [Profile(id=f"p{n}", skills=tuple(f"{n}.{own}" for own in range(45))) for n in range(1500)]
    assert an_index(tmp_path, profiles).search(tree(""), facets=True).facets == count_facets(profiles)


@pytest.fixture
def counted_in_part(monkeypatch):
    """Facets counted as those of many profiles are: by an aggregation that tells some of the values."""
    monkeypatch.setattr("engine.search.facets._FEW", 0)
    monkeypatch.setattr("engine.search.facets._MANY", {"skill": 1.0, "language": 1.0})


def test_of_more_equally_frequent_values_than_are_told_the_first_by_name_are_told(tmp_path, counted_in_part):
    profiles = [Profile(id=f"p{n}", company=f"Company {n * 77 % 400:03}") for n in range(400)]
    found = an_index(tmp_path, profiles, commits_every=100).search(tree(""), facets=True)
    assert found.facets["company"] == [(f"Company {n:03}", 1) for n in range(10)]


def test_values_are_looked_at_anew_where_some_as_frequent_as_the_last_one_told_were_cut_off():
    class Tantivy:
        """One that tells of equally frequent values the last by name, as another version of it may."""

        def aggregate(self, *_):
            told = [{"key": f"Company {n:03}", "doc_count": 1} for n in range(350, 400)]
            return {"company": {"buckets": told, "sum_other_doc_count": 350, "doc_count_error_upper_bound": 0}}

        def terms_with_prefix(self, *_, limit, **__):
            return [(f"Company {n:03}", 1) for n in range(limit)]

    told = facets._counted(Tantivy(), None, ["company"], 400)
    assert told == {"company": [(f"Company {n:03}", 1) for n in range(10)]}


def test_a_value_that_each_part_of_the_index_leaves_out_is_counted(tmp_path, counted_in_part, monkeypatch):
    monkeypatch.setattr("engine.search.facets._ALL_BUCKETS", 60)
    companies = []
    for part in "AB":
        often = [f"{part} {n}" for n in range(10) for _ in range(10)]
        seldom = [f"{part} {n}" for n in range(10, 80) for _ in range(7)]
        companies += [*often, *seldom, *["Both"] * 6]
    profiles = [Profile(id=f"p{n}", company=company) for n, company in enumerate(companies)]
    found = an_index(tmp_path, profiles, commits_every=len(profiles) // 2).search(tree(""), facets=True)
    assert found.facets["company"][0] == ("Both", 12)


@pytest.mark.parametrize("text", ["no-xx*", "company:no-xx*", "no-xx* or baker", "-no-xx*", "title:cook no-xx*"])
def test_a_phrase_with_very_many_endings_finds_everybody_who_has_one(tmp_path_factory, text):
    index = many_endings(tmp_path_factory)
    expected = 1 if text.startswith("-") else 25_001 if "baker" in text else 25_000
    found = index.search(tree(text), most=3, facets=True)
    assert (found.total, len(found.ids), found.facets["open"]) == (expected, min(3, expected), [("false", expected)])


_made = []


def many_endings(tmp_path_factory):
    if not _made:
        cooks = [Profile(id=f"p{n}", title="Cook", company=f"no-xx{n:012}") for n in range(25_000)]
        baker = Profile(id="baker", title="Baker", company="xx 7")
        _made.append(an_index(tmp_path_factory.mktemp("endings"), [*cooks, baker]))
    return _made[0]


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_endings_are_shared_out_so_that_each_is_found_and_no_expression_has_too_many(monkeypatch, most):
    words = sorted({f"xx{n:o}" for n in range(90)} | {"xx", "xxé", "xxé1", "xxß" * 9})
    monkeypatch.setattr(endings, "_WORDS_MAX", most)
    fits = [[word for word in words if fullmatch(each, word)] for each in endings._expressions(words, "xx")]
    assert sorted(word for those in fits for word in those) == words
    assert max(map(len, fits)) <= most


def fullmatch(expression, word):
    return re.fullmatch(expression, word) is not None


def test_an_index_that_is_let_go_of_is_not_followed_anew(store, tmp_path, monkeypatch):
    followed = []
    monkeypatch.setattr("web.searching.Follower", lambda *given: followed.append(given))
    desk = SearchDesk(store, tmp_path)
    desk.close()
    desk.start()
    assert followed == []
