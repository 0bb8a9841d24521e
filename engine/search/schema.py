"""What stands in the index of one profile: folded words, a few numbers, and the values facets count; no text.

The texts come from the directory; the index holds the words of fold(), each of which tantivy's whitespace tokenizer
takes as it is, so that an index and a plain comparison of words cannot differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from tantivy import Schema, SchemaBuilder

from engine.directory.keys import shard_of
from engine.directory.profile import Profile
from engine.search.folding import FOLDING, fold, fold_each
from engine.search.tree import TEXT_FIELDS

MADE_AS: Final = f"1/{version('tantivy')}/{FOLDING}"
"""Names what stands in an index. One made as something else is built anew: raise the number with the schema."""

FACETS: Final = ("location", "company", "skill", "industry", "language")
"""The fields whose values are counted as they are spelled; ``open`` is counted besides."""

PLACE: Final = "place"
"""A number made of the id, by which profiles that are found equally well stand in order."""


def facet_field(name: str) -> str:
    """The field that holds a facet's values."""
    return f"{name}_as_spelled"


@cache
def schema() -> Schema:
    """The index's fields. The id is stored, to say who was found; everything else is only looked up or counted."""
    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field(PLACE, fast=True)
    # Not unsigned: tantivy-py 0.27 takes a number to delete by for a signed one, and then deletes nothing.
    builder.add_integer_field("shard", indexed=True)
    for name in TEXT_FIELDS:
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
    limit by nobody.
    """
    return int.from_bytes(hashlib.blake2b(ident.encode(), digest_size=7, person=b"place").digest(), "big")


def fields_of(profile: Profile) -> dict[str, Any]:
    """What is written to the index of one profile. What is unknown is left out, so that no range holds it."""
    found: dict[str, Any] = {
        "id": profile.id,
        PLACE: place_of(profile.id),
        "shard": shard_of(profile.id),
        "name": fold(profile.name),
        "title": fold(profile.title),
        "company": fold(profile.company),
        "location": fold(profile.location),
        "headline": fold(profile.headline),
        "industry": fold(profile.industry),
        "skill": fold_each(profile.skills),
        "language": fold_each(profile.languages),
        "open": profile.open_to_work,
        facet_field("skill"): _each_once(profile.skills),
        facet_field("language"): _each_once(profile.languages),
    }
    for name in ("location", "company", "industry"):
        if value := getattr(profile, name):
            found[facet_field(name)] = value
    if profile.years is not None:
        found["years"] = profile.years
    if profile.last_active_ms:
        found["active"] = profile.last_active_ms
    return found


def _each_once(values: Iterable[str]) -> list[str]:
    """A profile counts once for a value, however often it names it."""
    return list(dict.fromkeys(value for value in values if value))
