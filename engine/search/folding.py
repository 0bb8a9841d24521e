"""Words of a text as the search compares them: without accents, case and punctuation.

Index and query fold with the same function, so they cannot differ. An index on disk holds folded text: it is as old
as the ``FOLDING`` it was made with, and is built anew when that changes (this module, or the interpreter's Unicode).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

FOLDING = f"1/{unicodedata.unidata_version}"
"""Names what fold() does; texts folded under another name are not to be compared with these."""

SEPARATOR = "\u241f"
"""Stands between two skills or languages, so that no phrase reaches from one into the next; fold() never gives it."""

# Letters that do not decompose, though people type them without their stroke, or as two; and the letters that Arabic
# and Persian keyboards write differently.
_ALIKE = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
_ALIKE |= {"\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0640": ""}

_Ranges = tuple[tuple[int, int], ...]

# Vowel signs and the like: in these scripts a mark spells, it is no accent. Everywhere else marks are left away.
_SPELLING_MARKS: _Ranges = ((0x0900, 0x1AAF), (0x1B00, 0x1CCF), (0xA800, 0xABFF), (0x10A00, 0x11FFF))
_SELECTORS = (0x180B, 0x180F)  # Mongolian: how a letter is drawn, not which

# Scripts written without blanks (Hangul: with or without, for the same name): every character is a word.
_WORDS_OF_ONE: _Ranges = ((0x1100, 0x11FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x318F), (0x31A0, 0x31FF))
_WORDS_OF_ONE += ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF))
_WORDS_OF_ONE += ((0x16FE0, 0x18DFF), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF))

_APOSTROPHES = (0x02B9, 0x02C1)  # letters to Unicode; O'Brien is written with any of them

# C, C++ and C# are three skills, though all but the letter is punctuation. Before it stands the beginning, a blank,
# punctuation or a word of one: never a letter, nor a mark that only some spellings of a letter have.
_SHARP = re.compile(r"(?<![^\s!-/:-@\[-`{-~\u2000-\u20cf\u2100-\u2bff\u2e00-\u9fff\uac00-\ud7a3])(?:[Cc]\+\+|[CcFf]#)")
_SHARP_WORDS = {"c++": "cplusplus ", "c#": "csharp ", "f#": "fsharp "}

# Bytes are translated by one look into a table, which texts are not.
_ASCII = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256))


def fold(text: str) -> str:
    """The words of a text joined by single blanks; ``Łódź, Ørsted`` gives ``lodz orsted``.

    Folding what is folded changes nothing. Never fails; a text without letters and digits gives ''.
    """
    if not text.isascii():
        return _fold_any(text)
    return b" ".join(_spell_out(text).encode("ascii").translate(_ASCII).split()).decode("ascii")


def tokens(text: str) -> list[str]:
    """The words of a text, in order."""
    return fold(text).split()


def fold_each(items: Iterable[str]) -> str:
    """Several texts (skills, languages) as one, a SEPARATOR between them."""
    return f" {SEPARATOR} ".join(map(fold, items))


def is_word_of_one(token: str) -> bool:
    """Whether this token is a character of a script in which every character is a token of its own."""
    return len(token) == 1 and _within(ord(token), _WORDS_OF_ONE)


def _fold_any(text: str) -> str:
    """The same as fold(), for every text; the ASCII path is the quicker one."""
    # Composed first: Hangul and voiced kana are then one character each, however they were typed.
    spelled = _spell_out(unicodedata.normalize("NFKC", text)).translate(_TABLE)
    if not spelled.isascii():
        # Composed once more: marks that were kept apart by something left away now stand in their one order.
        spelled = unicodedata.normalize("NFC", spelled)
    return " ".join(spelled.split())


def _spell_out(text: str) -> str:
    if "+" not in text and "#" not in text:
        return text
    return _SHARP.sub(lambda match: _SHARP_WORDS[match[0].lower()], text)


def _within(code: int, ranges: _Ranges) -> bool:
    return any(low <= code <= high for low, high in ranges)


class _Table(dict[int, str]):
    """What stands for a character; worked out at its first sight. Only letters, digits and marks are remembered, so
    that nobody can fill the memory with the million others."""

    def __missing__(self, code: int) -> str:
        kind = unicodedata.category(chr(code))
        if kind[0] in "LNM":
            self[code] = folded = _folded(code)
            return folded
        # Soft hyphens, joiners and marks of direction sit inside words and are not seen.
        return "" if kind == "Cf" else " "


_TABLE = _Table()


def _folded(code: int) -> str:
    char = chr(code)
    if _within(code, (_APOSTROPHES,)):
        return " "
    if _within(code, _WORDS_OF_ONE) and unicodedata.category(char)[0] != "M":
        return f" {char} "
    # Taking apart can bring a capital to light, and lowering can bring something to take apart.
    before = ""
    while char != before:
        before, char = char, "".join(map(_plain, unicodedata.normalize("NFKD", char.casefold())))
    return char


def _plain(char: str) -> str:
    """A character of a decomposed text: '' for an accent, an ASCII digit for a digit of any script."""
    code, kind = ord(char), unicodedata.category(char)
    if kind[0] == "M":
        spells = _within(code, _SPELLING_MARKS) and not _within(code, (_SELECTORS,))
        return char if spells and kind != "Me" else ""
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    return _ALIKE.get(char, char) if kind[0] in "LN" else " "
