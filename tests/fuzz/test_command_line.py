"""Whatever is typed behind ``inmail``, it ends with an exit code of ours and one line that says what is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli import commands as tree
from cli.main import execute
from config.settings import get_settings
from engine import seats
from engine.store import Store, open_client
from tests.factories import a_campaign, a_plan, an_account, reply, send_all
from tests.fuzz.profiles import fuzzed

pytestmark = pytest.mark.redis

RUN_FOR_EVER = {("up",), ("web",), ("scheduler",), ("demo",), ("drill",), ("campaign", "watch")}
NEVER_ALONE = {"--watch"}  # follows the campaign until somebody answers


@dataclass(frozen=True)
class Command:
    """A command as typer knows it, so that a new one is fuzzed without being listed here."""

    path: tuple[str, ...]
    arguments: tuple[str, ...]
    options: dict[str, str]
    required: tuple[str, ...]
    flags: tuple[str, ...]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[Command]:
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))
    if not hasattr(command, "commands") and path not in RUN_FOR_EVER:
        named = [param for param in command.params if param.param_type_name == "option"]
        yield Command(
            path,
            tuple(param.name for param in command.params if param not in named),
            {name: param.name for param in named if not param.is_flag for name in param.opts},
            tuple(param.opts[0] for param in named if param.required),
            tuple(name for param in named if param.is_flag for name in param.opts if name not in NEVER_ALONE),
        )


COMMANDS = [found for word in tree.COMMANDS for found in commands(tree.load(word), (word,))]

NOT_UTF_8 = os.fsdecode("Zo\xeb.csv".encode("latin-1"))  # how a file from an older machine is still named
SUBMIT = ["campaign", "submit", "acme", NOT_UTF_8, "--subject", "Hi", "--body", "body.txt"]
KNOWN = ["acme", "acme.1", "acme.1.0", "acme.2", "p0@example.org", "hr@example.org", "business-plus", "sent", "send"]
KNOWN += ["list.csv", "body.txt", "binary.bin", "folder", "nowhere/x", "-", NOT_UTF_8, "Hi {{ first_name }}"]
KNOWN += ["email=email", "PT2H"]
ODD = ["", " ", "--", "-", "-1", "0", "1", "3", "99999999999999999999", "-9223372036854775809", "1e3", "nan", "٣"]
ODD += ["acme.0", "acme.01", "acme.999999999", "acme.999999999.999999999", "acme.1.-1", "*", "{acme}", "a:b", "ac\nme"]
ODD += ["\x1b[2J", "\u202e", "\u2028", "\ufeff", "\udcff", "é" * 5000, "x" * 300, "[bold]", "%s", "{{ a.b }}", "{{"]
ODD += ["9999-12-31T23:59:59-14:00", "0001-01-01", "P999999999D", "P1D", "PT1S", "P-1D", "mailto:<p0@example.org>", "="]
# No argument holds a NUL, and without '/' none leads out of the test's own folder.
texts = st.text(st.characters(exclude_characters="\0/", codec=None), max_size=20)
# Any bytes can stand in an argument; what is no UTF-8 arrives as lone surrogates.
raw = st.binary(max_size=12).map(lambda data: os.fsdecode(data.replace(b"\0", b"").replace(b"/", b"")))
numbers = st.integers().map(str)
values = st.sampled_from(KNOWN) | st.sampled_from(ODD) | texts | raw | numbers


FITTING = {"account": "acme", "campaign": "acme.1", "inmail": "acme.1.0", "address": "p0@example.org", "amount": "3"}
FITTING |= {"email": "hr@example.org", "candidates": "list.csv", "body": "body.txt", "subject": "Hi", "name": "Acme"}
FITTING |= {"plan": "business", "number": "acme-0001", "since": "2026-01-01", "until": "2099-12-31"}
FITTING |= {"reason": "gift", "state": "sent", "channel": "mailbox", "output": "out.csv", "rejects": "out.csv"}
FITTING |= {"ident": "ana@example.org", "idents": "ana@example.org", "file": "body.txt"}
FITTING |= {"seat": "ben", "cap": "5"}
FITTING |= {"days": "3", "plot": "out.svg"}


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(COMMANDS))
    odd = draw(st.integers(0, 2)) > 0

    def value(name: str) -> str:
        return draw(values) if name not in FITTING or (odd and draw(st.booleans())) else FITTING[name]

    words = [value(name) for name in command.arguments]
    options = [name for name in command.required if not odd or draw(st.integers(0, 5))]
    options += draw(st.lists(st.sampled_from(sorted(command.options)), max_size=2)) if command.options else []
    for option in options:
        words += [option, value(command.options[option])]
    words += draw(st.lists(st.sampled_from(command.flags), max_size=3, unique=True)) if command.flags else []
    if odd and draw(st.booleans()):
        words.insert(draw(st.integers(0, len(words))), draw(values))
    return [*command.path, *words]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class Shell:
    """A folder, a Redis with one campaign sent and one that waits, and streams as strict as a terminal's."""

    def __init__(self, url: str) -> None:
        self._client = open_client(url)

    def run(self, words: list[str]) -> Ended:
        self._client.flushdb()
        store = Store(self._client)
        an_account(store, credits_=10, plan=a_plan(fee_monthly=100))
        sent = a_campaign(store)
        send_all(store, sent)
        seats.add(store, "acme", "ben", name="Ben", email="ben@example.org", cap=5)
        reply(store, f"{sent}.1", address="p1@example.org", accept=True, text="\x1b[2J")
        a_campaign(store, to=["later@example.org"])
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("folder").mkdir()
            Path("list.csv").write_text("first_name,email\nAna,ana@example.org\nBen,nobody\n")
            Path("body.txt").write_text("Hello {{ first_name }}")
            Path(NOT_UTF_8).write_text("first_name,email\nAna,ana@example.org\nBen,nobody\n")
            Path("binary.bin").write_bytes(bytes(range(256)) * 20)
            return self._execute(words)

    def _execute(self, words: list[str]) -> Ended:
        given, out, err = io.BytesIO(b"\xff\xfe\0email\n"), io.BytesIO(), io.BytesIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            io.TextIOWrapper(given, "utf-8") as stdin,
            io.TextIOWrapper(out, "utf-8", newline="") as stdout,
            io.TextIOWrapper(err, "utf-8", "backslashreplace", newline="") as stderr,
        ):
            for name, stream in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
                patch.setattr(sys, name, stream)
            code = execute(words)
            stdout.flush()
            stderr.flush()
            return Ended(code, out.getvalue().decode(), err.getvalue().decode())

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def shell(redis_url: str) -> Iterator[Shell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INMAIL_REDIS_URL", redis_url)
        patch.setenv("COLUMNS", "200")
        get_settings.cache_clear()
        made = Shell(redis_url)
        yield made
        made.close()
    get_settings.cache_clear()


def check(words: list[str], ended: Ended) -> None:
    assert ended.code in {0, 1, 2, 3, 4}
    assert "Traceback" not in ended.err
    lines = [line for line in ended.err.splitlines() if not line.startswith("inmail: warning: ")]
    lines = [line for line in lines if not (ended.code == 0 and re.match("inmail: [0-9,]+ [a-z]+ written to ", line))]
    if ended.code == 0 or (ended.code, words[:1]) == (1, ["doctor"]):
        assert lines == []
        if "--json" in words and "--help" not in words:
            json.loads(ended.out)
    elif lines and lines[0].startswith("Usage: "):
        assert ended.code == 2
    else:
        assert len(lines) == 1
        assert lines[0].startswith("inmail: error: ")
    # A control character would move the cursor or hide what is said.
    assert all(line.isprintable() for line in ended.err.splitlines())


@fuzzed
@given(command_lines())
@example(["audit", "\udcff", "--json"])
@example([*SUBMIT, "--json"])
@example(SUBMIT)
@example([*SUBMIT, "--dry-run", "--json", "--rejects", NOT_UTF_8 + ".rejects"])
@example(["campaign", "export", "acme.1", "--output", ""])
@example(["campaign", "export", "acme.1", "--output", "folder"])
@example(["account", "show", "acme", ":cat:\x1b[2J\u202e"])
def test_any_arguments_of_a_command_end_in_one_line_and_an_exit_code(shell: Shell, words: list[str]) -> None:
    check(words, shell.run(words))


NAMES = sorted({word for command in COMMANDS for word in (*command.path, *command.options, *command.flags)})


@fuzzed
@given(st.lists(st.sampled_from(NAMES) | values, max_size=6).filter(lambda words: not NEVER_ALONE & set(words)))
def test_any_words_at_all_end_in_one_line_and_an_exit_code(shell: Shell, words: list[str]) -> None:
    check(words or [""], shell.run(words))
