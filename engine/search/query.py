"""From the text of a query to its tree, by recursive descent; the grammar with examples is in docs/search.md.

query = or          or  = and ("or" and)*          and = not (["and"] not)*          not = ("not" | "-") not | primary
primary = "(" query ")" | field ":" value | text    value = text | ("any" | "all" | "none") "(" text ("," text)* ")"
text = word | word"*" | "phrase"
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from engine.search.folding import is_word_of_one, tokens
from engine.search.lexing import QUOTE, QueryError, Reader, shown
from engine.search.tree import (
    BARE_FIELDS,
    TEXT_FIELDS,
    TYPO_FIELDS,
    TYPO_LETTERS_MIN,
    And,
    Everybody,
    Node,
    Not,
    Or,
    Term,
)
from engine.search.values import EXAMPLES, VALUES

__all__ = ["CHARS_MAX", "FIELDS", "NESTING_MAX", "TERMS_MAX", "QueryError", "parse"]

CHARS_MAX = 1000
NESTING_MAX = 20
"""Brackets and negations within each other."""
TERMS_MAX = 100
"""Words (each of a phrase, and each character of a script without blanks) and conditions."""
FIELDS = (*TEXT_FIELDS, *VALUES)

_OPERAND = 'a word, a "phrase", field:value or (…)'
_TEXT = 'a word, a "phrase", any(…), all(…) or none(…)'
_PREFIX_CHARS_MIN = 2


def parse(text: str, *, now_ms: int) -> Node:
    """The tree of a query; ``now_ms`` is what ``active:<30d`` counts back from. Nothing but blanks asks for everybody.

    Raises QueryError, which says where, and what was expected there.
    """
    if len(text) > CHARS_MAX:
        raise QueryError(f"a query has at most {CHARS_MAX:,} characters, this one has {len(text):,}", CHARS_MAX)
    return _Parser(text, now_ms).query()


class _Parser:
    def __init__(self, text: str, now_ms: int) -> None:
        self.reader = Reader(text)
        self.now_ms = now_ms
        self.depth = 0
        self.terms = 0

    def query(self) -> Node:
        if not self.reader.peek():
            return Everybody()
        node = self._or("at the beginning")
        if self.reader.peek():  # only a bracket ends an alternative before the end
            raise QueryError("this ')' closes nothing, expected a '(' before it", self.reader.at)
        return node

    def _or(self, after: str) -> Node:
        children = [self._and(after)]
        while self.reader.keyword("or"):
            children.append(self._and("after 'or'"))
        return _joined(Or, children)

    def _and(self, after: str) -> Node:
        children = [self._not(after)]
        while self.reader.peek() not in ("", ")") and self.reader.peek_word().lower() != "or":
            children.append(self._not("after 'and'" if self.reader.keyword("and") else ""))
        return _joined(And, children)

    def _not(self, after: str) -> Node:
        char, start = self.reader.peek(), self.reader.at
        if char == "-":
            self.reader.at += 1
            if self.reader.text[self.reader.at : self.reader.at + 1].strip() in ("", ")"):
                raise QueryError("a '-' alone, expected what to leave out right behind it", start)
            after = "after '-'"
        elif self.reader.keyword("not"):
            after = "after 'not'"
        else:
            return self._primary(after)
        with self._deeper(start):
            return Not(self._not(after))

    def _primary(self, after: str) -> Node:
        char, start = self.reader.peek(), self.reader.at
        if char == "(":
            self.reader.at += 1
            with self._deeper(start):
                node = self._or("after '('")
            if self.reader.peek() != ")":
                raise QueryError("this '(' is never closed, expected a ')' to it", start)
            self.reader.at += 1
            return node
        if char == QUOTE:
            return self._term(BARE_FIELDS, self.reader.phrase(), start, quoted=True)
        if char in ("", ")") or self.reader.peek_word().lower() in ("and", "or"):
            raise QueryError(f"expected {_OPERAND} {after}".rstrip(), start)
        name = self.reader.field()
        if name:
            return self._field(name, start)
        return self._term(BARE_FIELDS, self.reader.word(), start)

    def _field(self, typed: str, start: int) -> Node:
        name = typed.lower()
        if name in TEXT_FIELDS:
            return self._text_value(name)
        if name not in VALUES:
            raise QueryError(_no_field(typed), start)
        quoted = self.reader.peek() == QUOTE
        position = self.reader.at
        value = self.reader.phrase() if quoted else self.reader.word()
        if not value:
            raise QueryError(f"expected a value after {name}:, as in {EXAMPLES[name]}", position)
        self._count(1, position)
        return VALUES[name](value, position, self.now_ms)

    def _text_value(self, name: str) -> Node:
        char, position = self.reader.peek(), self.reader.at
        if char == QUOTE:
            return self._term((name,), self.reader.phrase(), position, quoted=True)
        if char in ("", "(", ")"):
            raise QueryError(f"expected {_TEXT} after {name}:", position)
        word = self.reader.word()
        if word.lower() in ("any", "all", "none") and self.reader.peek() == "(":
            return self._list(name, word.lower())
        return self._term((name,), word, position, leaving_out=f"-{name}:…")

    def _list(self, name: str, kind: str) -> Node:
        start = self.reader.at
        children: list[Node] = []
        while not children or self.reader.peek() == ",":
            self.reader.at += 1  # the bracket, or the comma
            children.append(self._item(name, kind))
        if not self.reader.peek():
            raise QueryError(f"this '(' is never closed, expected a ')' after the last of {kind}(…)", start)
        if self.reader.peek() != ")":
            raise QueryError(f"expected a comma or ')' in {kind}(…)", self.reader.at)
        self.reader.at += 1
        return Not(_joined(Or, children)) if kind == "none" else _joined(And if kind == "all" else Or, children)

    def _item(self, name: str, kind: str) -> Node:
        char, position = self.reader.peek(), self.reader.at
        if char == QUOTE:
            return self._term((name,), self.reader.phrase(), position, quoted=True)
        if char in ("", ",", "(", ")"):
            raise QueryError(f'expected a word or a "phrase" in {kind}(…)', position)
        return self._term((name,), self.reader.item(), position, leaving_out=f"{name}:none(…)")

    def _term(
        self, fields: tuple[str, ...], text: str, position: int, *, quoted: bool = False, leaving_out: str = ""
    ) -> Term:
        """What was typed, as a term; in quotes a star and a dash are punctuation like any other."""
        if leaving_out and text.startswith("-"):
            raise QueryError(f"expected a word, to leave one out write {leaving_out}", position)
        typed = text if quoted else text.rstrip(",;")
        prefix = not quoted and typed.endswith("*")
        if not quoted and "*" in typed[:-1]:
            raise QueryError("expected the '*' at the end of a word", position + typed.index("*"))
        words = tuple(tokens(typed))
        if not words:
            raise QueryError(f"expected letters or digits, {shown(text)} has none to look for", position)
        self._count(len(words), position)
        if prefix and is_word_of_one(words[-1]):
            prefix = False  # it is whole: nothing longer begins with it
        elif prefix and len(words[-1]) < _PREFIX_CHARS_MIN:
            raise QueryError(f"expected at least {_PREFIX_CHARS_MIN} letters or digits before the '*'", position)
        alone = not quoted and not prefix and len(words) == 1 and not set(fields).isdisjoint(TYPO_FIELDS)
        typo = alone and len(words[0]) >= TYPO_LETTERS_MIN and words[0].isalpha()
        return Term(fields, words, prefix, typo, position)

    def _count(self, terms: int, position: int) -> None:
        self.terms += terms
        if self.terms > TERMS_MAX:
            raise QueryError(f"expected the end: a query has at most {TERMS_MAX} words and conditions", position)

    @contextmanager
    def _deeper(self, position: int) -> Iterator[None]:
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise QueryError(f"brackets and 'not' go at most {NESTING_MAX} deep", position)
        yield
        self.depth -= 1


def _joined(kind: type[And | Or], children: list[Node]) -> Node:
    return children[0] if len(children) == 1 else kind(tuple(children))


def _no_field(typed: str) -> str:
    near = get_close_matches(typed.lower()[:40], FIELDS, n=1)
    meant = f" (did you mean {near[0]}:?)" if near else ""
    return (
        f"there is no field {shown(typed)}{meant}, expected {', '.join(FIELDS)}, or quotes around a text with a colon"
    )
