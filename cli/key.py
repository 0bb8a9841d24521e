"""``inmail key``: the API keys of an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cli.account import AccountId, Json
from cli.output import listing, narrow, print_json, say, when
from cli.session import session
from config.durations import milliseconds
from engine import api_keys, seats
from engine.errors import Invalid

app = typer.Typer(help="Make, list, rotate and revoke the API keys of an account.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="the key's id, such as imk_…, without its secret")]


@app.command("create")
def create(
    account: AccountId,
    name: Annotated[str, typer.Option(help="what it is for")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help=f"may be given several times; all of: {', '.join(api_keys.SCOPES)}"),
    ] = None,
    seat: Annotated[
        str | None,
        typer.Option(
            help="the key of this person on the account: what it submits is theirs; without billing:write "
            "and seats:write, unless they are named"
        ),
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="DURATION", help="in force for so long, such as P90D")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, for the only time: what is kept cannot be turned back into it."""
    lifetime = 0 if expires is None else _duration("--expires", expires)
    with session() as s:
        if seat is not None:  # also '', which is nobody's
            seats.check(s.store, account, seat)
        key = api_keys.create(s.store, account, name=name, scopes=scope or (), lifetime_ms=lifetime, seat=seat or "")
        made = api_keys.get(s.store, key.partition(".")[0])
    if as_json:
        print_json({"key": key, **_fields(made, "in force")})
        return
    say(key)


@app.command("list")
def list_(account: AccountId, as_json: Json = False) -> None:
    """List an account's keys: which are in force, when each was last used."""
    with session() as s:
        found, now = api_keys.of_account(s.store, account), s.store.now_ms()
    if as_json:
        print_json({"items": [_fields(key, key.state(now)) for key in found], "next": None})
        return
    if not found:
        say(f"account {account} has no key; make one with: inmail key create {account}")
        return
    if narrow():
        listing(("key", "state", "last used (UTC)", "expires (UTC)"), [_narrow(key, now) for key in found], below=True)
        return
    seated = any(key.seat for key in found)
    listing(
        ("key", *(("seat",) if seated else ()), "state", "created (UTC)", "last used (UTC)", "expires (UTC)"),
        [
            (
                key.id,
                *((key.seat or "–",) if seated else ()),
                key.state(now),
                *(when(at_ms) for at_ms in (key.created_at_ms, key.last_used_at_ms, key.expires_at_ms)),
                _named(key),
            )
            for key in found
        ],
    )


def _narrow(key: api_keys.ApiKey, now: int) -> tuple[str, ...]:
    """A row of a narrow terminal: whose it is and when it was made stand below."""
    below = (_named(key), f"made {when(key.created_at_ms)}", f"seat {key.seat}" if key.seat else "")
    return (
        *(key.id, key.state(now), when(key.last_used_at_ms), when(key.expires_at_ms)),
        " · ".join(filter(None, below)),
    )


def _named(key: api_keys.ApiKey) -> str:
    return f"{key.name}: {_scopes(key.scopes)}" if key.name else _scopes(key.scopes)


@app.command("rotate")
def rotate(
    key: KeyId,
    overlap: Annotated[str, typer.Option(metavar="DURATION", help="the secret before stays in force so long")] = "P1D",
    as_json: Json = False,
) -> None:
    """Give a key another secret and print it; the one before stays in force for a while."""
    with session() as s:
        made = api_keys.rotate(s.store, key, overlap_ms=_duration("--overlap", overlap))
    print_json({"key": made}) if as_json else say(made)


@app.command("revoke")
def revoke(key: KeyId, as_json: Json = False) -> None:
    """Put a key out of force at once."""
    with session() as s:
        new = api_keys.revoke(s.store, key)
    if as_json:
        print_json({"key": key, "revoked": new})
    else:
        say(f"key {key} {'is revoked' if new else 'was revoked already'}")


def _duration(option: str, text: str) -> int:
    try:
        if not text.strip().upper().startswith("P"):
            raise ValueError
        return milliseconds(TypeAdapter(timedelta).validate_python(text.strip()))
    except (ValueError, ValidationError, OverflowError):
        raise Invalid(f"{option} {text[:60]!r}: give an ISO 8601 duration such as P90D or PT12H") from None


def _scopes(scopes: tuple[str, ...]) -> str:
    lacking = [one for one in api_keys.SCOPES if one not in scopes]
    if len(lacking) > 2:
        return " ".join(scopes)
    return f"all but {', '.join(lacking)}" if lacking else "all"


def _fields(key: api_keys.ApiKey, state: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "seat": key.seat or None,
        "scopes": list(key.scopes),
        "state": state,
        "created_at_ms": key.created_at_ms,
        "expires_at_ms": key.expires_at_ms or None,
        "revoked_at_ms": key.revoked_at_ms or None,
        "last_used_at_ms": key.last_used_at_ms or None,
    }
