"""A query's tree as tantivy's queries: one that selects, and one that also scores.

A profile's score is, over the words asked for, the sum of how good the best field is where each stands: a small whole
number, made of nothing but the profile and the query. Tantivy's own score (BM25) also depends on how often a word
stands in the index, removed profiles included: the same profiles would change their order with every merge and rebuild.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from tantivy import FieldType, Occur, Query

from engine.search.schema import ANYWHERE, schema
from engine.search.tree import BARE_FIELDS, TYPO_FIELDS, Active, And, Everybody, Ident, Node, Not, Open, Or, Term, Years

LEVELS: Final = {"name": 4, "title": 3, "skill": 3, "company": 2}
"""How much it says that a word stands in a field; 1 for the others, and for a name that is spelled differently."""

SCORE_MAX: Final = 137
_LEVELLED_MAX: Final = SCORE_MAX // 4
"""Of so many words a query may have each counts by its level, of more (100 at most) each as 1."""

_BARE: Final = set(BARE_FIELDS)
_NUMBER_MAX: Final = 2**62


def selecting(node: Node) -> Query:
    """The query that finds exactly the profiles the tree matches."""
    match node:
        case Everybody():
            return Query.all_query()
        case Term():
            return _any_of(list(_anywhere(node)))
        case Years(low, high):
            return _within("years", low, high)
        case Open(value):
            return Query.term_query(schema(), "open", value)
        case Active(since_ms, until_ms):
            return _within("active", since_ms, None if until_ms is None else until_ms - 1)
        case Ident(ident):
            return Query.term_query(schema(), "id", ident, "basic")
        case Or(children):
            return _any_of([selecting(child) for child in children])
        case And(children):
            return _all_of(children, selecting)
        case Not():
            return _all_of((node,), selecting)


def differs(node: Node) -> bool:
    """Whether some of the profiles it finds can have another score than others."""
    match node:
        case Term():
            return len(_levels(node)) > 1
        case And(children):
            return any(map(differs, children))
        case Or():
            return any(_terms(node))
        case _:
            return False


def tiers(node: Node) -> list[Query]:
    """Where one word alone makes the difference, the queries that find those of each score, the best first; else none.

    Looking for one after the other until there are enough is far quicker than scoring everybody.
    """
    parts = node.children if isinstance(node, And) else (node,)
    differing = [part for part in parts if differs(part)]
    if len(differing) != 1 or not isinstance(differing[0], Term):
        return []
    others = tuple(part for part in parts if part is not differing[0])
    found, better = [], list[Query]()
    for _, queries in reversed(_levels(differing[0])):
        clauses = [(Occur.Must, _any_of(queries)), *((Occur.MustNot, query) for query in better)]
        if others:
            clauses.append((Occur.Must, _all_of(others, selecting)))
        found.append(Query.boolean_query(clauses))
        better += queries
    return found


def scoring(node: Node) -> Query:
    """The query that finds the same profiles and gives each its score, and 1 more where a part of it has no words."""
    plain = len(list(_terms(node))) > _LEVELLED_MAX
    if _adds_up(node):
        return _scoring(node, plain=plain)
    found = [(Occur.Must, Query.const_score_query(selecting(node), 1.0))]
    return Query.boolean_query([*found, *((Occur.Should, _scored(term, plain=plain)) for term in _terms(node))])


def _terms(node: Node) -> Iterator[Term]:
    """The terms that count for the score: those that are not negated."""
    match node:
        case Term():
            yield node
        case And(children) | Or(children):
            for child in children:
                yield from _terms(child)


def _adds_up(node: Node) -> bool:
    """Whether the scores of its parts make up the score: not where a word may stand in a part that is not matched, nor
    where somebody may be found without a word."""
    match node:
        case And(children):
            return all(map(_adds_up, children))
        case Or(children):
            return all(isinstance(child, Term) for child in children)
        case _:
            return True


def _scoring(node: Node, *, plain: bool) -> Query:
    match node:
        case Term():
            return _scored(node, plain=plain)
        case And(children):
            return _all_of(children, partial(_scoring, plain=plain))
        case Or(children):
            return _any_of([_scoring(child, plain=plain) for child in children])
        case _:
            return Query.const_score_query(selecting(node), 0.0)


def _levels(term: Term) -> list[tuple[int, list[Query]]]:
    """The levels of a term, and who is of each, or of a better one: where there is one level only, it is 1."""
    by_level: defaultdict[int, list[Query]] = defaultdict(list)
    for field in term.fields:
        by_level[LEVELS.get(field, 1)].append(_in_field(field, term))
    typos = list(_typos(term))
    if typos:
        by_level[1] += typos
    if len(by_level) == 1:
        return [(1, queries) for queries in by_level.values()]
    if set(term.fields) == _BARE:
        by_level[1] = list(_anywhere(term))
    return sorted(by_level.items(), key=lambda each: each[0])


def _anywhere(term: Term) -> Iterator[Query]:
    """The ways to have a term at all."""
    if set(term.fields) == _BARE:
        yield _in_field(ANYWHERE, term)
    else:
        yield from (_in_field(field, term) for field in term.fields)
    yield from _typos(term)


def _typos(term: Term) -> Iterator[Query]:
    if term.typo:
        for field in TYPO_FIELDS:
            if field in term.fields:
                yield Query.fuzzy_term_query(schema(), field, term.tokens[0], 1, transposition_cost_one=True)


def _scored(term: Term, *, plain: bool) -> Query:
    """Who has the term, the score being the best level it has there; ``plain``: 1."""
    if plain:
        return Query.const_score_query(selecting(term), 1.0)
    scored = [Query.const_score_query(_any_of(queries), float(level)) for level, queries in _levels(term)]
    return scored[0] if len(scored) == 1 else Query.disjunction_max_query(scored)


def _in_field(field: str, term: Term) -> Query:
    *before, last = term.tokens
    if term.prefix:
        # A token is letters, digits and marks: nothing in it means something to a regular expression.
        if before:
            lasts = term.lasts or (f"{last}.*",)
            return _any_of([Query.regex_phrase_query(schema(), field, [*before, each]) for each in lasts])
        return Query.regex_query(schema(), field, f"{last}.*")
    if before:
        return Query.phrase_query(schema(), field, list(term.tokens))
    return Query.term_query(schema(), field, last, "basic")


def _within(field: str, low: int | None, high: int | None) -> Query:
    least = None if low is None else max(low, -_NUMBER_MAX)
    most = None if high is None else min(high, _NUMBER_MAX)
    if least is not None and most is not None and least > most:
        return Query.empty_query()
    return Query.range_query(schema(), field, FieldType.Integer, least, most)


def _any_of(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _all_of(children: tuple[Node, ...], made: Callable[[Node], Query]) -> Query:
    """All of the children; those negated take away, from everybody where there is nothing else."""
    wanted = [(Occur.Must, made(child)) for child in children if not isinstance(child, Not | Everybody)]
    unwanted = [(Occur.MustNot, selecting(child.child)) for child in children if isinstance(child, Not)]
    # Nobody has no score: a query that only takes away finds nothing.
    everybody = (Occur.Must, Query.const_score_query(Query.all_query(), 0.0))
    return Query.boolean_query([*(wanted or [everybody]), *unwanted])
