"""``inmail campaign submit``: the list and the message are checked, shown with --dry-run, submitted without."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from cli import watch
from cli.account import AccountId, Json
from cli.output import print_json, say, warn, when
from cli.preflight import by_reason, examine, reading, show
from cli.search_list import called_after, listed_from, query_of
from cli.session import Session, only_reading, session
from engine import agenda, seats, submitting
from engine.accounts import get_account
from engine.campaigns import CHANNELS
from engine.errors import Invalid, Refused
from engine.intake.lists import CandidateList
from engine.intake.rejects import RejectsFile
from engine.message import Message, parse_message
from engine.search.searching import CONTACTED_DAYS, CONTACTED_DAYS_MAX
from engine.store import Store

BODY_BYTES_MAX = 100_000


def submit(
    account: AccountId,
    candidates: Annotated[
        str | None, typer.Argument(metavar="FILE", help="CSV, XLSX or JSONL; '-' reads stdin; or give --search")
    ] = None,
    *,
    subject: Annotated[str, typer.Option(help="subject template, such as 'Hello {{ first_name }}'")],
    body: Annotated[Path, typer.Option(metavar="FILE", help="a file with the body template; '-' reads stdin")],
    name: Annotated[
        str | None, typer.Option(help="the campaign's name; without it, the list's file name, or the search")
    ] = None,
    channel: Annotated[str, typer.Option(help=f"how InMails are delivered: {', '.join(CHANNELS)}")] = "mailbox",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="read a field from this column; may be repeated"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check everything and forecast it; submit and spend nothing")
    ] = False,
    search: Annotated[
        str | None,
        typer.Option(metavar="NAME|QUERY", help="instead of FILE: whom a saved search, or a query, finds now"),
    ] = None,
    contacted_days: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=CONTACTED_DAYS_MAX,
            help=f"with --search: leave out whom the account wrote to within so many days ({CONTACTED_DAYS})",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="refuse the list when a row is bad")] = False,
    start_at: Annotated[
        str | None,
        typer.Option(metavar="T", help="2026-12-01T09:00+01:00 (without a zone: this machine's), or from now: PT2H"),
    ] = None,
    seat: Annotated[str | None, typer.Option(help="whose campaign it is, of the account's seats")] = None,
    key: Annotated[str | None, typer.Option(help="a name for this order: twice with the same key is once")] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="where rejected rows go; without it, LIST.rejects.csv in this folder"),
    ] = None,
    watch_it: Annotated[bool, typer.Option("--watch", help="follow it live afterwards")] = False,
    as_json: Json = False,
) -> None:
    """Submit a campaign: a candidate list and a message. It runs by itself from then on."""
    fields = read_mapping(mapping or [])
    _check_together(candidates, search, contacted_days, body, both=as_json and watch_it)
    body_text = _read_body(body)
    parse_message(subject, body_text)  # a wrong template is told before a long list is read
    rejects_to = rejects_path(rejects, candidates or "-")
    told_name = name or called_after(candidates, search or "")
    query = "" if search is None else query_of(account, search)
    if search is not None and key is not None and not dry_run:
        how = {
            "search": query,
            "name": told_name,
            "channel": channel,
            "seat": seat or "",
            "start_asked": start_at or "",
        }
        if _told_again(account, key, parse_message(subject, body_text), how, as_json=as_json):
            return
    with (
        session(changes=True) as s,
        listed_from(
            s, account, candidates, query, fields, CONTACTED_DAYS if contacted_days is None else contacted_days
        ) as listed,
    ):
        owner = get_account(s.store, account)
        message = parse_message(subject, body_text, columns=listed.columns)
        order = submitting.Order(
            name=told_name,
            pack_size=s.settings.pack_size,
            refund_after_ms=s.settings.refund_after_ms or owner.refund_after_ms,
            refund_when=owner.refund_when,
            channel=channel,
            start_at_ms=_start_at(start_at, s.store),
            start_asked=start_at or "",
            strict=strict,
            key=key,
            seat=seat or "",
            search=query,
        )
        if seat is not None:  # also '', which is nobody's
            seats.check(s.store, account, seat)
        if dry_run:
            found = examine(s, owner, listed, message, order, rejects)
            _warn_of(listed.notes)
            print_json(found) if as_json else show(found)
            if not found["accepted"]:
                raise Refused("no row can be accepted: the submit would be refused", code="nobody")
            return
        try:
            done, rejects_file = _submit(s.store, account, listed, message, order, rejects_to)
        except KeyboardInterrupt:
            warn("interrupted: nothing was submitted")
            raise
        _warn_of(listed.notes)
        _tell(s, done, rejects_file, order.start_at_ms, as_json=as_json)
        if watch_it:
            with only_reading(s):
                watch.follow(s, done.campaign)


def _check_together(
    candidates: str | None, search: str | None, contacted_days: int | None, body: Path, *, both: bool
) -> None:
    """Raises Invalid for options that do not go together; ``both``: --json and --watch are given."""
    if both:
        raise Invalid("--json and --watch do not go together: watch it with: inmail campaign watch")
    if (candidates is None) == (search is None):
        raise Invalid("name a FILE or give --search, one of them")
    if search is None and contacted_days is not None:
        raise Invalid("--contacted-days goes with --search: whom a FILE names is written to")
    if candidates == "-" and str(body) == "-":
        raise Invalid("FILE and --body cannot both be read from stdin: name a file for one of them")


def _told_again(account: str, key: str, message: Message, how: dict[str, str], *, as_json: bool) -> bool:
    """Tell of the campaign this key submitted from the same search; False where it did not yet."""
    with session() as s:
        found = submitting.found_again(s.store, account, key=key, message=message, **how)
        if found is not None:
            _tell(s, found, None, 0, as_json=as_json)
    return found is not None


def rejects_path(named: Path | None, candidates: str, kind: str = "rejects") -> Path:
    """Where rejected rows go, a file called after the list and ``kind`` where none is named.

    Raises Invalid now for what could not be written once the list is in.
    """
    path = named or Path(f"{'stdin' if candidates == '-' else Path(candidates).stem}.{kind}.csv")
    if path.is_dir():
        raise Invalid(f"--rejects {path}: is a folder", code="no_file")
    if not path.parent.is_dir():
        raise Invalid(f"--rejects {path}: there is no such folder", code="no_file")
    if candidates != "-" and path.exists() and Path(candidates).exists() and path.samefile(candidates):
        raise Invalid(f"--rejects {path}: that is the list itself", code="no_file")
    return path


def _submit(
    store: Store, account: str, listed: CandidateList, message: Message, order: submitting.Order, path: Path
) -> tuple[submitting.Submitted, Path | None]:
    with RejectsFile(path, listed.source_columns) as file, reading(listed) as progress:
        try:
            done = submitting.submit(store, account, listed, message, order, file, progress)
        except Refused as refusal:
            if refusal.code == "nobody":
                raise Refused(f"{refusal}; each row's reason stands in {file.close()}", code=refusal.code) from None
            raise
        try:
            return done, file.close()
        except (Invalid, OSError) as error:
            # The campaign runs by now: what is lost is the list of its rejected rows.
            warn(f"the rejected rows could not be written: {error}")
            return done, None


def _tell(
    s: Session, done: submitting.Submitted, rejects_file: Path | None, start_at_ms: int, *, as_json: bool
) -> None:
    tally = done.tally
    # A file's name need not be UTF-8; what is printed must.
    where = None if rejects_file is None else os.fsencode(rejects_file).decode("utf-8", "replace")
    if as_json:
        print_json(
            {
                "campaign": done.campaign,
                "accepted": tally.accepted,
                "rejected": tally.rejected_total,
                "rejected_by_reason": dict(tally.rejected),
                "rejects_file": where,
                "state": done.state,
                "repeated": done.repeated,
            }
        )
    else:
        again = " (the same key had submitted it before: nothing was done twice)" if done.repeated else ""
        say(f"campaign {done.campaign}: {tally.accepted:,} recipients accepted, {done.state}{again}")
        if where is not None:
            say(f"{tally.rejected_total:,} rows rejected ({by_reason(tally.rejected)}); see {where}")
        if start_at_ms and not done.repeated:
            say(f"it starts {when(start_at_ms)} UTC")
    alive = {who.partition(":")[0] for who in agenda.present(s.store)}
    if not {"worker", "scheduler"} <= alive:
        warn("no scheduler and worker are running here; the campaign waits for them (start them with: inmail up)")


def _warn_of(notes: Sequence[str]) -> None:
    for note in notes:
        warn(note)


def read_mapping(items: list[str]) -> dict[str, str]:
    """Fields and the columns to read them from, of what was given to --map; raises Invalid."""
    found: dict[str, str] = {}
    for item in items:
        name, sign, column = item.partition("=")
        if name.strip() in found:
            raise Invalid(f"--map {name.strip()} is given twice")
        if not (sign and name.strip() and column.strip()):
            raise Invalid(f"--map {item!r}: write it as field=column, such as --map email='Work mail'")
        found[name.strip()] = column.strip()
    return found


def _read_body(path: Path) -> str:
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(BODY_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(BODY_BYTES_MAX + 1)
    except OSError as error:
        raise Invalid(f"--body {path}: {error.strerror}", code="no_file") from None
    if len(raw) > BODY_BYTES_MAX:
        raise Invalid(f"--body {path}: longer than {BODY_BYTES_MAX:,} bytes; a body renders to 2,000 characters")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"--body {path}: not UTF-8 text (byte {error.start:,})", code="bad_encoding") from None


def _start_at(text: str | None, store: Store) -> int:
    if text is None:
        return 0
    now = store.now_ms()
    try:
        if text.strip().upper().startswith("P"):
            at_ms = now + TypeAdapter(timedelta).validate_python(text.strip()) // timedelta(milliseconds=1)
        else:
            at = datetime.fromisoformat(text.strip())
            at_ms = int((at if at.tzinfo else at.astimezone()).timestamp() * 1000)
    except (ValueError, ValidationError, OverflowError):
        raise Invalid(
            f"--start-at {text!r}: give a time such as 2026-12-01T09:00+01:00 or a duration such as PT2H"
        ) from None
    if at_ms < now:
        raise Invalid(f"--start-at {text!r} is in the past; leave it out to start at once")
    return at_ms
