"""The index finds and counts what a plain comparison with every profile does, in an order that stays."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.candidates import candidates
from engine.directory.profile import Profile
from engine.search.compile import SCORE_MAX
from engine.search.folder import IndexFolder
from engine.search.folding import tokens
from engine.search.index import Index
from engine.search.query import parse
from engine.search.schema import WEIGHT, fields_of
from engine.search.tree import And, Node, Not, Or, Term
from engine.search.writing import Writer
from tests.search.indexes import DATA, NOW_MS, an_index, real_profiles
from tests.search.people import PEOPLE
from tests.search.queries import random_queries
from tests.search.reference import distance, matches

QUERIES = 500
needs_the_list = pytest.mark.skipif(not DATA.is_dir(), reason="no folder of real lists beside the project")


def made_up() -> list[Profile]:
    odd = [Profile(**{name: getattr(each, name) for name in type(each).__slots__}) for each in PEOPLE]
    return [*candidates(500), *odd]


@pytest.fixture(scope="module", params=[pytest.param("real", marks=needs_the_list), "made up"])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Profile], Index]:
    profiles = real_profiles() if request.param == "real" else made_up()
    return profiles, an_index(tmp_path_factory.mktemp("index"), profiles, commits_every=150)


def queries(profiles: list[Profile], count: int = QUERIES) -> list[str]:
    return list(islice(random_queries(profiles, seed=17, now_ms=NOW_MS), count))


def tree(text: str) -> Node:
    return parse(text, now_ms=NOW_MS)


@pytest.mark.parametrize("hundred", range(QUERIES // 100))
def test_500_random_queries_find_exactly_who_matches(indexed, hundred):
    profiles, index = indexed
    found_some = 0
    for text in queries(profiles)[hundred * 100 :][:100]:
        node = tree(text)
        expected = {each.id for each in profiles if matches(node, each)}
        found = index.search(node, most=10_000)
        assert (set(found.ids), len(found.ids), found.total) == (expected, len(expected), len(expected)), text
        found_some += bool(expected)
    assert found_some > 50


def test_facets_count_what_a_plain_count_does(indexed):
    profiles, index = indexed
    for text in ["", *queries(profiles, 80)]:
        node = tree(text)
        found = index.search(node, most=0, facets=True)
        assert found.facets == counted([each for each in profiles if matches(node, each)]), text


@pytest.mark.parametrize(("few", "share"), [(0, 0.0), (0, 1.0), (20, 0.1)], ids=["walked", "counted", "both"])
def test_facets_are_the_same_however_they_are_counted(indexed, monkeypatch, few, share):
    profiles, index = indexed
    monkeypatch.setattr("engine.search.facets._MANY", {"skill": share, "language": share})
    monkeypatch.setattr("engine.search.facets._FEW", few)
    for text in ["", *queries(profiles, 30)]:
        node = tree(text)
        found = index.search(node, most=1, facets=True)
        assert found.facets == counted([each for each in profiles if matches(node, each)]), text


def test_the_best_are_the_first_of_a_plain_sort_however_many_are_asked_for(indexed):
    profiles, index = indexed
    for text in queries(profiles, 100):
        node = tree(text)
        everybody = index.search(node, most=10_000).ids
        scores = [score(node, each) for each in by_id(profiles, everybody)]
        assert scores == sorted(scores, reverse=True), text
        for most in (0, 1, 2, 7, 50):
            assert index.search(node, most=most).ids == everybody[:most], text


def test_the_order_stays_over_calls_rebuilds_and_merges(indexed, tmp_path):
    profiles, index = indexed
    asked = [tree(text) for text in queries(profiles, 60)]
    first = [index.search(node, most=40).ids for node in asked]
    assert [index.search(node, most=40).ids for node in asked] == first

    backwards = an_index(tmp_path / "one", reversed(profiles))
    assert [backwards.search(node, most=40).ids for node in asked] == first

    crumbs = an_index(tmp_path / "many", profiles, commits_every=40)  # tantivy merges them
    assert crumbs.refresh().num_segments not in (1, len(profiles) // 40)
    assert [crumbs.search(node, most=40).ids for node in asked] == first


def test_who_was_removed_and_put_again_leaves_no_trace_in_order_and_counts(indexed, tmp_path):
    profiles, index = indexed
    asked = [tree(text) for text in queries(profiles, 60)]
    first = [index.search(node, most=40, facets=True) for node in asked]
    others = [Profile(id=f"x{n}", name="Maria", skills=("Budget",)) for n in range(99)]
    churned = an_index(tmp_path, [*profiles, *others])
    own = IndexFolder(tmp_path).current()
    with Writer(own) as writer:
        writer.remove_many(f"x{n}" for n in range(99))
        writer.add_many(profiles[::2])
        writer.commit({})
    assert [churned.search(node, most=40, facets=True) for node in asked] == first


def test_no_score_reaches_the_next_one_however_long_the_query(indexed):
    assert SCORE_MAX * math.log2(2 + fields_of(Profile(id="x"))[WEIGHT]) < SCORE_MAX + 1
    assert SCORE_MAX * math.log2(2.01) < SCORE_MAX + 1
    profiles, index = indexed
    some = sorted(
        {word[:4] for each in profiles[:90] for word in tokens(each.title) if word.isascii() and len(word) > 3}
    )
    for count in (2, 30, 34, 35, 90):
        node = tree(" or ".join(f"{word}*" for word in (some * 90)[:count]))
        found = index.search(node, most=10_000)
        assert set(found.ids) == {each.id for each in profiles if matches(node, each)}
        assert [index.search(node, most=most).ids for most in (1, 9, 99)] == [found.ids[:most] for most in (1, 9, 99)]
        scored = score if count <= 34 else plain_score
        scores = [scored(node, each) for each in by_id(profiles, found.ids)]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", ["maria", "müller", "jovanović", "محمدي", "o'neill-smythe"])
def test_a_name_is_found_with_one_typo_and_no_more(tmp_path: Path, name):
    spelled = sorted({name, *one_off(name), *(twice for once in one_off(name)[::7] for twice in one_off(once)[::11])})
    profiles = [Profile(id=f"p{n}", name=each) for n, each in enumerate(spelled)]
    index = an_index(tmp_path, profiles)
    for token in {token for each in spelled[::25] for token in tokens(each) if len(token) >= 5}:
        node = Term(("name",), (token,), prefix=False, typo=True)
        expected = {each.id for each in profiles if any(distance(token, other) <= 1 for other in tokens(each.name))}
        assert set(index.search(node, most=10_000).ids) == expected, token


def one_off(word: str) -> list[str]:
    found = [word[:at] + word[at + 1 :] for at in range(len(word))]
    found += [word[:at] + letter + word[at:] for at in range(len(word) + 1) for letter in "axü"]
    found += [word[:at] + letter + word[at + 1 :] for at in range(len(word)) for letter in "axü"]
    return found + [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]


def by_id(profiles: list[Profile], ids: list[str]) -> list[Profile]:
    known = {each.id: each for each in profiles}
    return [known[ident] for ident in ids]


def score(node: Node, profile: Profile) -> int:
    """What compile.py says of it, said plainly: of a query of no more than 34 words."""
    if isinstance(node, And | Or):
        return sum(score(child, profile) for child in node.children)
    if isinstance(node, Not) or not isinstance(node, Term):
        return 0
    levels = {"name": 4, "title": 3, "skill": 3, "company": 2}
    exact = [levels.get(field, 1) for field in node.fields if in_field(node, field, profile, typo=False)]
    typo = node.typo and "name" in node.fields
    one_level = {levels.get(field, 1) for field in node.fields} | ({1} if typo else set())
    near = [1] if typo and in_field(node, "name", profile, typo=True) else []
    best = max([*exact, *near], default=0)
    return min(best, 1) if len(one_level) == 1 else best


def plain_score(node: Node, profile: Profile) -> int:
    return sum(matches(child, profile) for child in node.children)


def in_field(term: Term, field: str, profile: Profile, *, typo: bool) -> bool:
    return field in term.fields and matches(Term((field,), term.tokens, term.prefix, typo), profile)


def counted(profiles: list[Profile]) -> dict[str, list[tuple[str, int]]]:
    counts = {name: Counter() for name in ("location", "company", "skill", "industry", "language", "open")}
    for each in profiles:
        for name in ("location", "company", "industry"):
            counts[name].update([getattr(each, name)] if getattr(each, name) else [])
        counts["skill"].update(set(each.skills))
        counts["language"].update(set(each.languages))
        counts["open"].update(["true" if each.open_to_work else "false"])
    return {name: sorted(found.items(), key=lambda each: (-each[1], each[0]))[:10] for name, found in counts.items()}
