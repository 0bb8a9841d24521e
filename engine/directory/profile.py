"""A profile: what the directory holds of one candidate; and how it is kept in a few hundred bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from threading import local
from typing import Any, Final

import orjson
import zstandard

from engine.errors import Corrupt, Invalid

ID_MAX_CHARS: Final = 64
TEXT_MAX_CHARS: Final = 200
HEADLINE_MAX_CHARS: Final = 400
SKILLS_MAX: Final = 50
SKILL_MAX_CHARS: Final = 120
LANGUAGES_MAX: Final = 20
LANGUAGE_MAX_CHARS: Final = 40
YEARS_MAX: Final = 80
MS_MAX: Final = 9_999_999_999_999

is_profile_id = re.compile(rf"[!-~]{{1,{ID_MAX_CHARS}}}").fullmatch
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_FORMAT: Final = b"\x01"
"""The first byte of a packed profile: a JSON list, zstd with the dictionary, without magic number and checksum."""
_LEVEL: Final = 4
_USUAL_BYTES: Final = 300
_UNPACKED_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One candidate. Texts are '' where nothing is known, ``last_active_ms`` 0, ``years`` (of experience) None.

    ``address`` is a normalised e-mail address or ''. ``consent``: may be written to, which the host vouches for.
    ``updated_at_ms`` is when the directory last changed it; the directory sets it, whoever puts a profile need not.
    """

    id: str
    name: str = ""
    headline: str = ""
    title: str = ""
    company: str = ""
    location: str = ""
    skills: tuple[str, ...] = ()
    industry: str = ""
    years: int | None = None
    languages: tuple[str, ...] = ()
    open_to_work: bool = False
    last_active_ms: int = 0
    address: str = ""
    consent: bool = True
    updated_at_ms: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Every field by its name, lists as lists, an unknown ``last_active_ms`` as None."""
        found = {name: getattr(self, name) for name in self.__slots__}
        lists = {"skills": list(self.skills), "languages": list(self.languages)}
        return found | lists | {"last_active_ms": self.last_active_ms or None}


def check_profile(profile: Profile) -> None:
    """Raise Invalid (``bad_profile``), saying which field, where a profile is not within the bounds above.

    That the address is a normalised one is up to who made the profile: checking a million takes too long to do twice.
    """
    if _fits(profile):
        return
    if not is_profile_id(profile.id):
        raise _bad(f"id {profile.id[:ID_MAX_CHARS]!r}: 1 to {ID_MAX_CHARS} visible ASCII characters, no blanks")
    for field in ("name", "title", "company", "location", "industry"):
        _check_text(field, getattr(profile, field), TEXT_MAX_CHARS)
    _check_text("headline", profile.headline, HEADLINE_MAX_CHARS)
    _check_list("skills", profile.skills, SKILLS_MAX, SKILL_MAX_CHARS)
    _check_list("languages", profile.languages, LANGUAGES_MAX, LANGUAGE_MAX_CHARS)
    if profile.years is not None and not 0 <= profile.years <= YEARS_MAX:
        raise _bad(f"years {profile.years}: 0 to {YEARS_MAX}")
    if not 0 <= profile.last_active_ms <= MS_MAX:
        raise _bad(f"last_active {profile.last_active_ms}: no time")


def fields_of(profile: Profile) -> tuple[Any, ...]:
    """What is packed of a profile, in its order: texts where one helps to shorten the next; new ones go to the end."""
    p = profile
    return (
        *(p.name, p.title, p.company, p.headline, p.location, p.industry, p.skills, p.languages),
        *(p.years, int(p.open_to_work), int(p.consent), p.last_active_ms // 1000, p.last_active_ms % 1000, p.address),
    )


def pack(profile: Profile) -> bytes:
    """A profile without its id and ``updated_at_ms`` as bytes; the same profile always gives the same."""
    return _FORMAT + _contexts.packer.compress(orjson.dumps(fields_of(profile)))


def unpack(ident: str, packed: bytes, updated_at_ms: int = 0) -> Profile:
    """The profile that was packed; raises Corrupt where the bytes are none."""
    try:
        if packed[:1] != _FORMAT:
            raise ValueError(f"format {packed[:1]!r} is unknown")
        f = orjson.loads(_contexts.unpacker.decompress(packed[1:], max_output_size=_UNPACKED_BYTES_MAX))
        return Profile(
            id=ident,
            name=f[0],
            title=f[1],
            company=f[2],
            headline=f[3],
            location=f[4],
            industry=f[5],
            skills=tuple(f[6]),
            languages=tuple(f[7]),
            years=f[8],
            open_to_work=f[9] == 1,
            consent=f[10] == 1,
            last_active_ms=f[11] * 1000 + f[12],
            address=f[13],
            updated_at_ms=updated_at_ms,
        )
    except (ValueError, TypeError, IndexError, zstandard.ZstdError) as error:
        raise Corrupt(f"profile {ident[:ID_MAX_CHARS]!r} cannot be read: {error}", code="bad_profile") from error


@cache
def _dictionary() -> bytes:
    """What packed profiles have in common; made by benchmarks/profile_dictionary.py, and part of format 1."""
    return (resources.files("engine.directory") / "profiles.zdict").read_bytes()


class _PerThread(local):
    """zstandard's contexts may be reused but not shared between threads, nor the dictionary while one prepares it."""

    @cached_property
    def packer(self) -> zstandard.ZstdCompressor:
        known = zstandard.ZstdCompressionDict(_dictionary())
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _LEVEL,
            source_size=_USUAL_BYTES,
            dict_size=len(known),
            format=zstandard.FORMAT_ZSTD1_MAGICLESS,
            write_content_size=True,
            write_checksum=False,
            write_dict_id=False,
        )
        known.precompute_compress(compression_params=parameters)
        return zstandard.ZstdCompressor(dict_data=known, compression_params=parameters)

    @cached_property
    def unpacker(self) -> zstandard.ZstdDecompressor:
        known = zstandard.ZstdCompressionDict(_dictionary())
        return zstandard.ZstdDecompressor(dict_data=known, format=zstandard.FORMAT_ZSTD1_MAGICLESS)


_contexts = _PerThread()


def _fits(p: Profile) -> bool:
    """Whether a profile is within all bounds, at one look: nearly every one is."""
    short = (p.name, p.title, p.company, p.location, p.industry)
    lists = (*p.skills, *p.languages)
    return (
        is_profile_id(p.id) is not None
        and max(map(len, short)) <= TEXT_MAX_CHARS
        and len(p.headline) <= HEADLINE_MAX_CHARS
        and len(p.skills) <= SKILLS_MAX
        and len(p.languages) <= LANGUAGES_MAX
        and (not lists or (max(map(len, lists)) <= LANGUAGE_MAX_CHARS and all(lists)))
        and (p.years is None or 0 <= p.years <= YEARS_MAX)
        and 0 <= p.last_active_ms <= MS_MAX
        and not _UNFIT.search("".join((*short, p.headline, *lists)))
    )


def _check_text(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise _bad(f"{field} is longer than {most} characters")
    if _UNFIT.search(text):
        raise _bad(f"{field} holds a line break or another control character")


def _check_list(field: str, items: tuple[str, ...], most: int, most_chars: int) -> None:
    if len(items) > most:
        raise _bad(f"{len(items)} {field}; {most} are the most")
    for item in items:
        if not item:
            raise _bad(f"one of the {field} is empty")
        _check_text(f"one of the {field}", item, most_chars)


def _bad(text: str) -> Invalid:
    return Invalid(text, code="bad_profile")
