"""The words after ``inmail``, and where the command of each lives.

A module is imported when its word is said, and no sooner: all of them together take longer to load than most commands
take to run.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any, Final, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS: Final = {
    "up": "cli.operate:up",
    "demo": "cli.demo:demo",
    "doctor": "cli.operate:doctor",
    "account": "cli.account:app",
    "plan": "cli.plan:app",
    "subscribe": "cli.subscription:subscribe",
    "subscription": "cli.subscription:app",
    "invoice": "cli.invoice:app",
    "credits": "cli.credit:app",
    "seat": "cli.seat:app",
    "key": "cli.key:app",
    "simulate": "cli.simulate:simulate",
    "candidates": "cli.candidates:app",
    "search": "cli.search:app",
    "campaign": "cli.campaign:app",
    "folder": "cli.mailbox:folder",
    "conversation": "cli.mailbox:conversation",
    "suppression": "cli.account:suppression_app",
    "inbox": "cli.mailbox:inbox",
    "reply": "cli.mailbox:reply",
    "link": "cli.link:app",
    "mailbox": "cli.choices:app",
    "scheduler": "cli.operate:scheduler",
    "web": "cli.web:web",
    "queue": "cli.queue:app",
    "dead": "cli.dead:app",
    "audit": "cli.operate:audit",
    "repair": "cli.operate:repair",
    "drill": "cli.drill:drill",
}
"""A word → the module, and in it the function of a verb or the commands of a noun, in the order
they are listed: to begin with, accounts and money, people and campaigns, those who are written to, operating it."""


class Commands(TyperGroup):
    """The root: it knows every word, and loads what one of them stands for when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        return load(name) if name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # Typer suggests one of the commands it holds, and this group holds none of them.
        word = args[0] if args else ""
        if word not in COMMANDS and (like := get_close_matches(word, COMMANDS)):
            ctx.fail(f"No such command {word!r}. Did you mean {', '.join(map(repr, like))}?")
        return super().resolve_command(ctx, args)


@cache
def load(name: str) -> Any:
    """The command of that word, built."""
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    root = typer.Typer(rich_markup_mode=None, add_completion=False)
    root.callback()(lambda: None)  # with it the root stays a group, though it has one command
    root.add_typer(found, name=name) if isinstance(found, typer.Typer) else root.command(name)(found)
    return cast(TyperGroup, get_command(root)).commands[name]
