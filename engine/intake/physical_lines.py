"""Bytes to lines of text: decoded as they come, every kind of line end read as one, never a line too long."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from engine.errors import Refused
from engine.intake.encodings import UTF_8, WINDOWS_1252
from engine.intake.limits import LINE_MAX_CHARS
from engine.intake.sources import Source


class PhysicalLines:
    """An iterator over the lines of a list, each with its newline; CRLF and CR arrive as LF.

    ``encoding`` is what the text is read as: it turns from UTF-8 to Windows-1252 at the first byte that is no
    UTF-8, if all before was plain ASCII (and ``switched_at_line`` says where). Errors: Refused naming the line,
    for bytes outside the encoding, a NUL, and a line that does not end.
    """

    def __init__(self, source: Source, encoding: str) -> None:
        self.encoding = encoding
        self.switched_at_line: int | None = None
        self._source = source
        self._lines_done = 0
        self._ascii_so_far = True
        self._decoder = _decoder(encoding)
        self._lines = self._split()

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def _split(self) -> Iterator[str]:
        tail = ""
        for block in self._blocks():
            text = tail + block
            cut = text.rfind("\n") + 1
            tail = text[cut:]
            if cut:
                # StringIO splits at \n alone; str.splitlines would also split at \x0b, \x85 and U+2028.
                lines = list(io.StringIO(text[:cut], newline="\n"))
                self._lines_done += len(lines)
                yield from lines
            if len(tail) > LINE_MAX_CHARS:
                raise Refused(
                    f"line {self._lines_done + 1} is longer than 1 MiB: this does not look like a candidate list",
                    code="line_too_long",
                )
        if tail:
            yield tail

    def _blocks(self) -> Iterator[str]:
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        ended = False
        while not ended:
            data = self._source.read()
            ended = not data
            text = newlines.decode(self._decode(data, ended), ended)
            if "\0" in text:
                line = self._lines_done + 1 + text.count("\n", 0, text.index("\0"))
                raise Refused(f"not a CSV, XLSX or JSONL list: line {line} holds a NUL byte", code="not_a_list")
            if text:
                yield text

    def _decode(self, data: bytes, final: bool) -> str:
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            return self._past_bad_byte(error, final)
        self._ascii_so_far = self._ascii_so_far and text.isascii()
        return text

    def _past_bad_byte(self, error: UnicodeDecodeError, final: bool) -> str:
        """Go on as Windows-1252 where that is safe. ``error.object`` includes what the decoder had kept back."""
        good = error.object[: error.start].decode(self._decoder_name(), "replace")
        line = self._lines_done + 1 + good.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        if self.encoding == UTF_8 and self._ascii_so_far and good.isascii():
            self.encoding = WINDOWS_1252
            self.switched_at_line = line
            self._decoder = _decoder(WINDOWS_1252)
            return self._decode(error.object, final)
        raise Refused(
            f"line {line} holds bytes that are not {self.encoding}: save the list as UTF-8 and try again",
            code="bad_encoding",
        ) from error

    def _decoder_name(self) -> str:
        return "utf-16-le" if self.encoding == "utf-16" else self.encoding


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8-sig" if encoding == UTF_8 else encoding)("strict")
