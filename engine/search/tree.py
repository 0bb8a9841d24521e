"""What a query asks for, as a tree; made by ``engine.search.query.parse``, read by the index.

``Term.fields`` are of TEXT_FIELDS. Profiles call two of them in the plural: skill is of ``skills``, language of
``languages``; there a term is to be found within one skill, or one language.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TEXT_FIELDS = ("name", "title", "company", "location", "headline", "industry", "skill", "language")
BARE_FIELDS = ("name", "title", "skill", "company", "headline", "location", "industry")
"""Where a word without a field is looked for."""
ITEM_FIELDS = ("skill", "language")
"""Of these a profile has many; no term reaches from one into the next."""
TYPO_FIELDS = ("name",)
"""Where a word may differ by one letter, if its Term says so."""
TYPO_LETTERS_MIN = 5


@dataclass(frozen=True, slots=True)
class Everybody:
    """Every profile."""


@dataclass(frozen=True, slots=True)
class Term:
    """These tokens stand one after another in at least one of the fields.

    prefix: the last token is only the beginning of one. typo: in TYPO_FIELDS a token at a distance of one (a letter
    more, less, another, or two neighbours swapped) does as well; only ever set for a single token without prefix.
    position: where in the query it stands, 0-based; equal terms are equal wherever they stand.
    lasts: of a phrase whose last token has very many endings in an index, regular expressions that share them out.
    """

    fields: tuple[str, ...]
    tokens: tuple[str, ...]
    prefix: bool
    typo: bool
    position: int = field(default=0, compare=False)
    lasts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Years:
    """Years of experience from low to high, both included; None: open on that side, never on both. Unknown years are
    in no range."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Open:
    """Open to work, or not."""

    value: bool


@dataclass(frozen=True, slots=True)
class Active:
    """Last active from since_ms on and before until_ms; None: open on that side, never on both. An unknown time (0) is
    in no range."""

    since_ms: int | None
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Ident:
    """The one candidate of this id, exactly."""

    id: str


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of two or more."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """All profiles that the child does not match, the unknown ones among them."""

    child: Node


Node = Everybody | Term | Years | Open | Active | Ident | And | Or | Not
