"""Reading a message template: a small part of Jinja, each refusal with its place.

Allowed: text, ``{{ field }}``, filters of a short list, ``{% if %}`` with ``elif`` and ``else``, inline if, ``and``,
``or``, ``not``, ``==``, ``!=``, ``in``, comments and ``{% raw %}``. Every value is text: no rendering can fail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from engine.template_rules import ENVIRONMENT, AllowList, Mention, Problem, short

# Frames of the parser and of Python's own compiler grow with these; at the limits both stay far from theirs.
TAGS_MAX: Final = 200  # tags in one template; also bounds how often a long field can be repeated
WORDS_MAX: Final = 100  # names, operators and quoted texts in one tag
PARENTHESES_MAX: Final = 10
IFS_MAX: Final = 10  # {% if %} inside {% if %}
_DIGITS_MAX: Final = 9


_TAGS_REFUSED: Final = {
    **dict.fromkeys(("for", "break", "continue"), "loops are not allowed; a message has plain fields only"),
    **dict.fromkeys(("set", "with", "do"), "variables are not allowed; write the text where it belongs"),
    **dict.fromkeys(("macro", "call"), "macros are not allowed; write the text where it belongs"),
    **dict.fromkeys(("include", "import", "from"), "other templates cannot be included; write their text here"),
    **dict.fromkeys(("extends", "block"), "other templates cannot be extended; write their text here"),
    **dict.fromkeys(("elseif", "elsif"), "there is no such tag; write {% elif … %}"),
    "filter": "filter blocks are not allowed; write {{ field|upper }}",
    "autoescape": "escaping is not switched here; a message is plain text",
}
_RAW_OPEN: Final = "{% raw %} is never closed; add {% endraw %}"
_MARK = re.compile(r"\{\{|\{%|\}\}|%\}")
_STRAY = re.compile(r"\}\}|%\}")


class Refusal(Exception):
    """The template cannot be read on; ``problems`` is never empty."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].text)
        self.problems = problems


def parse(source: str) -> tuple[nodes.Template, list[Mention], list[Problem]]:
    """Read one template whose line ends are ``\\n``.

    Without problems the tree holds nothing but what is allowed, narrowed: every ``Const`` is text (``truncate``'s count
    aside), every ``CondExpr`` has both arms. Raises Refusal where there is no tree to look at.
    """
    tokens = _tokens(source)
    problems = _Scan(tokens).problems
    if problems:
        raise Refusal(problems)
    # The parser copies its tokens' line numbers to the nodes and errors; given offsets instead, it keeps those.
    parser = Parser(ENVIRONMENT, "")
    try:
        parser.stream = TokenStream(iter(list(ENVIRONMENT.lexer.wrap(tokens))), None, None)
        tree = parser.parse()
    except TemplateSyntaxError as error:
        raise Refusal([_syntax_problem(source, tokens, error.lineno, error.message or "")]) from None
    check = AllowList()
    check.body(tree.body)
    tree.set_environment(ENVIRONMENT)  # for the constants put in on the way
    return tree, check.mentions, check.problems


def _tokens(source: str) -> list[tuple[int, str, str]]:
    """The tokens as (offset, type, text); Jinja's lexer tells lines only, but leaves out nothing but blanks."""
    tokens: list[tuple[int, str, str]] = []
    end = 0
    try:
        for _line, kind, text in ENVIRONMENT.lexer.tokeniter(source, None):
            tokens.append((source.index(text, end), kind, text))
            end = tokens[-1][0] + len(text)
    except TemplateSyntaxError as error:
        if tokens and tokens[-1][1] in ("comment_begin", "raw_begin"):
            end = tokens[-1][0]
        raise Refusal([_syntax_problem(source, tokens, end, error.message or "")]) from None
    return tokens


def _syntax_problem(source: str, tokens: Sequence[tuple[int, str, str]], offset: int, message: str) -> Problem:
    """Put the parser's words plainly; a tag that never ends is named where it begins."""
    if message.startswith("Missing end of comment"):
        return Problem(offset, "'{#' is never closed; write '#}' after the comment")
    if message.startswith("Missing end of raw"):
        return Problem(offset, _RAW_OPEN)
    opened = [token for token in tokens if token[1] in ("variable_begin", "block_begin") and token[0] <= offset]
    if opened:
        close = "}}" if opened[-1][1] == "variable_begin" else "%}"
        mark = _MARK.search(source, opened[-1][0] + 2)
        if mark is None or mark[0] != close:
            return Problem(opened[-1][0], f"'{opened[-1][2][:2]}' is never closed; write '{close}' after the field")
    got = re.fullmatch(r"expected token '.*', got '(.*)'", message, re.S)
    if got:
        text = f"{short(got[1])!r} is not expected here; write one field's name, such as {{{{ first_name }}}}"
    elif message.startswith(("Expected an expression", "unexpected 'end of", "tag name expected")):
        text = "something is missing before the end of the tag; write a field's name, such as {{ first_name }}"
    elif message.startswith("unexpected char "):
        char = source[offset : offset + 1]
        text = f"unexpected {char!r}; " + ("this quote is never closed" if char in "'\"" else "delete it")
    else:
        text = f"{' '.join(message.split())[:100]}; check how the tag is written"
    return Problem(offset, text)


class _Scan:
    """What the tokens alone tell: unknown tags, unbalanced ifs, and tags too deep or too long for the parser."""

    def __init__(self, tokens: Sequence[tuple[int, str, str]]) -> None:
        self.problems: list[Problem] = []
        self._ifs: list[tuple[int, bool]] = []  # (offset, has its else) of each open {% if %}
        words = [token for token in tokens if token[1] not in ("whitespace", "comment")]
        raw: int | None = None  # where the open {% raw %} stands
        inside, tags, depth, length = False, 0, 0, 0
        for index, (offset, kind, text) in enumerate(words):
            inside = kind in ("variable_begin", "block_begin") or (inside and kind not in ("variable_end", "block_end"))
            if kind in ("raw_begin", "raw_end"):
                raw = offset if kind == "raw_begin" else None
            elif kind == "data":
                stray = _STRAY.search(text) if raw is None else None
                if stray:
                    self._add(offset + stray.start(), f"unexpected '{stray[0]}'; it closes nothing that was opened")
            elif kind in ("variable_begin", "block_begin"):
                tags, depth, length = tags + 1, 0, 0
                if tags == TAGS_MAX + 1:
                    self._add(offset, f"too many tags; {TAGS_MAX} is the most one template may have")
                if kind == "block_begin":
                    tag, after = [word[2] for word in [*words[index + 1 : index + 3], (0, "", ""), (0, "", "")]][:2]
                    self._block(offset, "elseif" if (tag, after) == ("else", "if") else tag)
            else:
                length += 1
                depth += (text in "([{") - (text in ")]}")
                self._word(offset, kind, text, depth, length)
        if raw is not None:
            self._add(raw, _RAW_OPEN)
        if self._ifs and not inside:  # a tag that never ends is the parser's to tell, and the likelier cause
            self._add(self._ifs[-1][0], "{% if %} is never closed; add {% endif %}")

    def _add(self, offset: int, text: str) -> None:
        self.problems.append(Problem(offset, text))

    def _word(self, offset: int, kind: str, text: str, depth: int, length: int) -> None:
        if length == WORDS_MAX + 1:
            self._add(offset, f"too much in one tag; {WORDS_MAX} words and signs is the most")
        elif depth == PARENTHESES_MAX + 1 and text in "([{":
            self._add(offset, f"parentheses nested too deep; {PARENTHESES_MAX} is the most")
        elif kind in ("integer", "float") and len(text) > _DIGITS_MAX:
            self._add(offset, f"the number is too long; {_DIGITS_MAX} digits is the most")
        elif kind == "string" and "\\" in text:
            self._add(offset, "a backslash is not allowed in quoted text; use the other kind of quote around it")

    def _block(self, offset: int, tag: str) -> None:
        if tag == "if":
            self._ifs.append((offset, False))
            if len(self._ifs) == IFS_MAX + 1:
                self._add(offset, f"{{% if %}} nested too deep; {IFS_MAX} is the most")
        elif tag in ("elif", "else", "endif"):
            if not self._ifs:
                self._add(offset, f"{{% {tag} %}} has no {{% if %}} before it")
            elif tag == "endif":
                self._ifs.pop()
            elif self._ifs[-1][1]:
                self._add(offset, f"{{% {tag} %}} comes after this if's {{% else %}}; put it before")
            elif tag == "else":
                self._ifs[-1] = (self._ifs[-1][0], True)
        elif tag in _TAGS_REFUSED:
            self._add(offset, _TAGS_REFUSED[tag])
        elif tag.isidentifier() and tag.removeprefix("end") not in _TAGS_REFUSED:  # a refused tag is named once
            self._add(offset, f"unknown tag {short(tag)!r}; only if, elif, else, endif and raw are allowed")
