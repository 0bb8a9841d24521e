"""``inmail link``: the reply link of an InMail, what a link is, and the keys that sign them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from typer.core import TyperGroup

from cli.account import Json
from cli.output import pairs, print_json, say, when
from cli.session import Session, session
from config.durations import milliseconds
from engine import link_keys, links
from engine.errors import Invalid, Refused
from engine.link_keys import LinkKeys, open_link_keys
from engine.links import link_for, open_either


class _LinkOrVerb(TyperGroup):
    """``inmail link acme.7.123`` is ``inmail link show acme.7.123``: no InMail is called as a verb is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_LinkOrVerb,
    help="Print the reply link of an InMail (inmail link acme.7.123), look at one, rotate the keys that sign them.",
    no_args_is_help=True,
)


def keys_of(s: Session) -> LinkKeys:
    """The keys of reply links, as the settings or Redis have them."""
    named = s.settings.link_keys
    return open_link_keys(s.store, named.get_secret_value() if named else None)


@app.command("show")
def show(
    inmail: Annotated[str, typer.Argument(metavar="INMAIL", help="the InMail's id, such as acme.7.123")],
    as_json: Json = False,
) -> None:
    """Print an InMail's link: to answer it, or to its conversation once it is answered."""
    with session() as s:
        url, lifetime_ms = s.settings.public_url, s.settings.link_lifetime_ms
        keys, now_ms = keys_of(s), s.store.now_ms()
        found = link_for(s.store, keys, inmail, base_url=url, lifetime_ms=lifetime_ms)
        link = open_either(keys, found.rpartition("/")[2], now_ms)
    if as_json:
        print_json(_facts(link) | {"link": found})
    else:
        say(found)


@app.command("check")
def check(
    token: Annotated[str, typer.Argument(metavar="LINK", help="a reply link, or its last part")], as_json: Json = False
) -> None:
    """Say which InMail a link opens, what for and until when; 3 where it opens nothing."""
    with session() as s:
        keys, now_ms = keys_of(s), s.store.now_ms()
        found = open_either(keys, token.strip().rpartition("/")[2], now_ms)
        now = link_for(s.store, keys, found.inmail, base_url="", lifetime_ms=s.settings.link_lifetime_ms)
        purpose = open_either(keys, now.rpartition("/")[2], now_ms).purpose
    # Good for ten minutes more, an answer link of an answered InMail leads to its conversation.
    usable = purpose == found.purpose
    if as_json:
        print_json(_facts(found) | {"key": keys_id(token), "fits": usable})
        return
    state = "as things stand" if usable else f"the InMail has a link for its {purpose} now"
    pairs(
        {
            "InMail": found.inmail,
            "opens": f"its {found.purpose}, {state}",
            "until": f"{when(found.expires_at_ms)} UTC",
            "key": keys_id(token),
        }
    )


@app.command("rotate")
def rotate(
    drop_older_than: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="end the keys made so long ago, and their links, such as P60D; PT0S: all"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a new key for reply links; it signs a minute from now, and the older ones still verify."""
    span_ms = None if drop_older_than is None else _span_ms(drop_older_than)
    with session(changes=True) as s:
        if s.settings.link_keys is not None:
            raise Refused(
                "the keys are those INMAIL_LINK_KEYS names: put a new one before them there", code="keys_in_settings"
            )
        key, dropped = link_keys.rotate(s.store, drop_older_than_ms=span_ms)
        kept = [each.id for each in link_keys.stored_keys(s.store)]
    if as_json:
        print_json({"key": key, "dropped": dropped, "keys": kept})
        return
    signs = "signs from now on" if len(kept) == 1 else "signs a minute after it was made"
    say(f"key {key} {signs}; keys that verify: {', '.join(kept)}")
    if dropped:
        say(f"dropped: {', '.join(dropped)}; the links they signed open nothing any more, within ten seconds")


def keys_id(token: str) -> str:
    """The id of the key that signed a token."""
    return token.strip().rpartition("/")[2].partition(".")[0]


def _facts(link: links.Link) -> dict[str, Any]:
    return {"inmail": link.inmail, "purpose": link.purpose, "expires_at_ms": link.expires_at_ms}


def _span_ms(text: str) -> int:
    try:
        if not text.strip().upper().startswith("P"):
            raise ValueError
        return milliseconds(TypeAdapter(timedelta).validate_python(text.strip()))
    except (ValidationError, ValueError, OverflowError):
        raise Invalid(f"{text[:40]!r} is no span of time: give one such as P60D or PT0S", code="bad_span") from None
