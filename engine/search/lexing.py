"""Reading a query from left to right, and saying where it cannot be read on."""

from __future__ import annotations

from engine.errors import Invalid, one_line

SHOWN_CHARS_MAX = 30

# What phones, word processors and keyboards of other scripts write instead; one for one, so that positions stay.
_MEANT = {ord(char): '"' for char in "“”„‟«»＂〝〞"} | {ord(char): "-" for char in "–—−－"}
_MEANT |= {ord(char): meant for char, meant in zip("（）：＊，、", "():*,,", strict=True)}

QUOTE = '"'
_ENDS_A_WORD = frozenset(f"(){QUOTE}")


class QueryError(Invalid):
    """A query that cannot be read. ``position`` (also among the facts) counts from 0, the message from 1; it is the
    query's length where something is missing at its end."""

    code = "bad_query"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"query, position {position + 1}: {message}", facts={"position": position})
        self.position = position


def shown(text: str) -> str:
    """What somebody typed, as part of a message."""
    line = one_line(text)
    return repr(line if len(line) <= SHOWN_CHARS_MAX else line[: SHOWN_CHARS_MAX - 1] + "…")


class Reader:
    """A query and how far it has been read (``at``); what is looked at stands behind any blanks."""

    def __init__(self, text: str) -> None:
        self.text = text.translate(_MEANT)
        self.at = 0

    def peek(self) -> str:
        """The next character that is no blank, now the one at ``at``; '' at the end."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def peek_word(self) -> str:
        """The word that begins here: up to a blank, a bracket, a quote; '' where none does."""
        self.peek()
        end = self.at
        while end < len(self.text) and not self.text[end].isspace() and self.text[end] not in _ENDS_A_WORD:
            end += 1
        return self.text[self.at : end]

    def word(self) -> str:
        """The same, read."""
        found = self.peek_word()
        self.at += len(found)
        return found

    def keyword(self, *keywords: str) -> str:
        """Reads one of these words in any case, and gives it in lower case; '' where another stands."""
        found = self.peek_word()
        if found.lower() not in keywords:
            return ""
        self.at += len(found)
        return found.lower()

    def field(self) -> str:
        """Reads letters and the colon right behind them; gives the letters, or '' where there is nothing of the kind,
        as in 12:30."""
        name, colon, _ = self.peek_word().partition(":")
        if not colon or not name.isalpha():
            return ""
        self.at += len(name) + 1
        return name

    def phrase(self) -> str:
        """What stands between the quote here and the next."""
        end = self.text.find(QUOTE, self.at + 1)
        if end < 0:
            raise QueryError("this quote is never closed, expected another at the end of the phrase", self.at)
        found, self.at = self.text[self.at + 1 : end], end + 1
        return found

    def item(self) -> str:
        """An item of a list: up to a comma, a bracket or a quote."""
        self.peek()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] != "," and self.text[self.at] not in _ENDS_A_WORD:
            self.at += 1
        return self.text[start : self.at].rstrip()
