"""Which encoding a list is written in, judged by its first bytes."""

from __future__ import annotations

import codecs
import re
from typing import Final

import charset_normalizer

UTF_8: Final = "utf-8"
WINDOWS_1252: Final = "windows-1252"

_BOMS: Final = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES: Final = 8 * 1024  # charset-normalizer takes about a second per 100 KiB
_RUN = re.compile(r"[^\x00-\x7f]{3,}")
_SYMBOL_IN_WORD = re.compile(r"[^\W\d_][¡-¶¸-¿×÷ƒˆ˜‹›„‡†‰€™\x80-\x9f][^\W\d_]")  # noqa: RUF001 - meant as they are


def guess_encoding(head: bytes, *, whole: bool) -> str | None:
    """Name the encoding, or None where the bytes are no text at all.

    ``whole`` says that the head is all there is. UTF-8 is the answer whenever the head allows it; a byte that
    breaks it later on is the reader's to judge.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return _utf_16_without_mark(head)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, whole)
    except UnicodeDecodeError:
        return _not_utf_8(head)
    return UTF_8


def _utf_16_without_mark(head: bytes) -> str | None:
    """Every second byte NUL means Latin letters in UTF-16; NUL anywhere else means no text."""
    head = head[: len(head) // 2 * 2]
    even, odd, pairs = head[0::2].count(0), head[1::2].count(0), len(head) // 2
    if pairs < 4 or min(even, odd) * 50 > pairs or max(even, odd) * 3 < pairs:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _not_utf_8(head: bytes) -> str | None:
    text = head.decode("utf-8", "surrogateescape")
    stray = sum("\udc80" <= char <= "\udcff" for char in text)
    proper = sum(char > "\x7f" for char in text) - stray
    if proper > stray:
        return UTF_8  # UTF-8 with a broken spot: better refused at its line than read as mojibake
    if _reads_as_western(head):
        return WINDOWS_1252
    sample = b"\n".join(line for line in head.splitlines() if not line.isascii())[:_SAMPLE_BYTES]
    best = charset_normalizer.from_bytes(sample, enable_fallback=False).best()
    guesses = [best.encoding] if best is not None and not best.encoding.startswith(("ascii", "utf")) else []
    # Short lists of names in Central European letters come out as Western ones with symbols inside the words.
    guesses = [name for name in (*guesses, "cp1250", "iso8859_2", WINDOWS_1252) if _decodes(head, name)]
    return min(guesses, key=lambda name: len(_SYMBOL_IN_WORD.findall(head.decode(name))), default=None)


def _reads_as_western(head: bytes) -> bool:
    """Western accents stand alone between plain letters; other alphabets come in runs, or as symbols in words."""
    if not _decodes(head, WINDOWS_1252):
        return False
    text = head.decode(WINDOWS_1252)
    accents = sum(char > "\x7f" for char in text)
    in_runs = sum(len(run) for run in _RUN.findall(text))
    return in_runs * 3 <= accents and len(_SYMBOL_IN_WORD.findall(text)) * 20 <= accents


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        head.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
