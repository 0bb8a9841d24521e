"""A phrase whose last word is only begun, where an index has very many words that begin so.

Tantivy looks such a phrase up in one go for at most 16,384 words of a segment, and refuses it beyond. Then the words
are shared out among several regular expressions, and who has one of those phrases is who has the one asked for.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Final

from tantivy import Searcher

from engine.search.schema import ANYWHERE
from engine.search.tree import BARE_FIELDS, And, Node, Not, Or, Term

TOO_MANY: Final = "max expansions"
"""What tantivy says of a phrase it refuses for that."""
_WORDS_MAX: Final = 10_000
"""To one expression: the words before the last one count, too."""


def shared_out(searcher: Searcher, node: Node) -> Node:
    """The same query, the endings of its phrases shared out as this index needs it."""
    match node:
        case Term() if node.prefix and len(node.tokens) > 1:
            return replace(node, lasts=tuple(_expressions(_words(searcher, node), node.tokens[-1])))
        case And(children) | Or(children):
            return type(node)(tuple(shared_out(searcher, child) for child in children))
        case Not(child):
            return Not(shared_out(searcher, child))
        case _:
            return node


def _words(searcher: Searcher, term: Term) -> list[str]:
    """The words of the term's fields that begin like its last one, sorted."""
    fields = (ANYWHERE,) if set(term.fields) == set(BARE_FIELDS) else term.fields
    found = {word for field in fields for word, _ in searcher.terms_with_prefix(field, term.tokens[-1])}
    return sorted(found)


def _expressions(words: list[str], beginning: str) -> list[str]:
    """Regular expressions of which each fits at most _WORDS_MAX of the words, and together they fit all.

    Nothing in a word means something to them: it is letters, digits and marks.
    """
    found, waiting = list[str](), [(beginning, words)]
    while waiting:
        begun, those = waiting.pop()
        if len(those) <= _WORDS_MAX:
            found.append(f"{begun}.*")
            continue
        if those[0] == begun:
            found.append(begun)
        letters, count = "", 0
        longer = (word for word in those if word != begun)
        for letter, group in groupby(longer, itemgetter(len(begun))):
            its = list(group)
            if len(its) > _WORDS_MAX:
                waiting.append((begun + letter, its))
                continue
            if count + len(its) > _WORDS_MAX:
                found.append(f"{begun}[{letters}].*")
                letters, count = "", 0
            letters, count = letters + letter, count + len(its)
        if letters:
            found.append(f"{begun}[{letters}].*")
    return found
