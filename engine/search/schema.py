"""What stands in the index of one profile: folded words, a few numbers, and the values facets count; no text.

The texts come from the directory; the index holds the words of fold(), each of which tantivy's whitespace tokenizer
takes as it is, so that an index and a plain comparison of words cannot differ.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, Final

from tantivy import Schema, SchemaBuilder

from engine.directory.keys import shard_of
from engine.directory.profile import Profile
from engine.search.folding import FOLDING, SEPARATOR, fold
from engine.search.tree import TEXT_FIELDS

MADE_AS: Final = f"1/{version('tantivy')}/{FOLDING}"
"""Names what stands in an index. One made as something else is built anew: raise the number with the schema."""

FACETS: Final = ("location", "company", "skill", "industry", "language")
"""The fields whose values are counted as they are spelled; ``open`` is counted besides."""

PLACE: Final = "place"
"""A number made of the id, by which profiles that are found equally well stand in order."""


WEIGHT: Final = "weight"
"""The same as a number that a score is weighted by: log2(2 + it), from 1 to so little more that no score reaches the
next one. Tantivy reckons with 24 bits, which tell 40,000 places apart."""
_WEIGHT_MAX: Final = 0.01
_PLACES: Final = 1 << 56


ANYWHERE: Final = "anywhere"
"""The words of all BARE_FIELDS, a SEPARATOR between them: where a word without a field is looked for, in one go."""


def facet_field(name: str) -> str:
    """The field that holds a facet's values."""
    return f"{name}_as_spelled"


_LOCATION, _COMPANY, _SKILL, _INDUSTRY, _LANGUAGE = map(facet_field, FACETS)


@cache
def schema() -> Schema:
    """The index's fields. The id is stored, to say who was found; everything else is only looked up or counted."""
    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field(PLACE, fast=True)
    builder.add_float_field(WEIGHT, fast=True)
    # Not unsigned: tantivy-py 0.27 takes a number to delete by for a signed one, and then deletes nothing.
    builder.add_integer_field("shard", indexed=True)
    for name in (*TEXT_FIELDS, ANYWHERE):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    builder.add_integer_field("years", fast=True)
    builder.add_boolean_field("open", indexed=True, fast=True)
    builder.add_integer_field("active", fast=True)
    for name in FACETS:
        builder.add_text_field(facet_field(name), fast=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def place_of(ident: str) -> int:
    """Where an id stands among those found equally well: by chance, the same everywhere and always.

    Not by the id itself: the first ids of the alphabet would then be found first by everybody, and those past a plan's
    limit by nobody. Below 2**56.
    """
    return int.from_bytes(hashlib.blake2b(ident.encode(), digest_size=7, person=b"place").digest(), "big")


def fields_of(profile: Profile) -> dict[str, Any]:
    """What is written to the index of one profile. What is unknown is left out, so that no range holds it."""
    place, name, headline = place_of(profile.id), fold(profile.name), fold(profile.headline)
    title, company, location = _fold(profile.title), _fold(profile.company), _fold(profile.location)
    industry, skill = _fold(profile.industry), _BETWEEN.join(map(_fold, profile.skills))
    found: dict[str, Any] = {
        "id": profile.id,
        PLACE: place,
        WEIGHT: (_PLACES - place) / _PLACES * _WEIGHT_MAX,
        "shard": shard_of(profile.id),
        "name": name,
        "title": title,
        "company": company,
        "location": location,
        "headline": headline,
        "industry": industry,
        "skill": skill,
        "language": _BETWEEN.join(map(_fold, profile.languages)),
        ANYWHERE: _BETWEEN.join((name, title, skill, company, headline, location, industry)),
        "open": profile.open_to_work,
        _SKILL: _each_once(profile.skills),
        _LANGUAGE: _each_once(profile.languages),
    }
    if profile.location:
        found[_LOCATION] = profile.location
    if profile.company:
        found[_COMPANY] = profile.company
    if profile.industry:
        found[_INDUSTRY] = profile.industry
    if profile.years is not None:
        found["years"] = profile.years
    if profile.last_active_ms:
        found["active"] = profile.last_active_ms
    return found


# The same titles, places and skills come again and again: remembered, a million profiles are read in half the time.
_fold = lru_cache(maxsize=20_000)(fold)
_BETWEEN: Final = f" {SEPARATOR} "


def _each_once(values: tuple[str, ...]) -> list[str]:
    """A profile counts once for a value, however often it names it."""
    return list(dict.fromkeys(values))
