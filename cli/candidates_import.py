"""``inmail candidates import``: a list into the directory, its rejected rows into a file to be mended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.account import Json
from cli.output import pairs, print_json, say, warn
from cli.preflight import by_reason, reading
from cli.session import Session, session
from cli.submit import read_mapping, rejects_path
from engine.directory.importing import Imported, check_candidates, import_profiles, notes_of, open_candidates
from engine.errors import Invalid, Refused
from engine.intake.rejects import RejectsFile


def import_(
    candidates: Annotated[str, typer.Argument(metavar="FILE", help="CSV, XLSX or JSONL; '-' reads stdin")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="read a field from this column; may be repeated"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="tell what would become of each row; import none")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="refuse the list when a row is bad")] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="where rejected rows go; without it, LIST.import-rejects.csv in this folder"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a list of candidates into the directory: new ones are added, known ones (by id) changed."""
    fields = read_mapping(mapping or [])
    if strict and candidates == "-":
        raise Invalid("--strict reads the list twice, which stdin cannot be: name a file")
    target = rejects_path(rejects, candidates, "import-rejects")
    with session(changes=not dry_run) as s:
        if strict:
            with open_candidates(candidates, mapping=fields) as whole, reading(whole) as progress:
                check_candidates(whole, progress)
        try:
            done, where, notes = _import(
                s, candidates, fields, None if dry_run and rejects is None else target, dry_run
            )
        except KeyboardInterrupt:
            warn("interrupted: nothing was imported" if dry_run else "interrupted: import the list again for the rest")
            raise
    # A file's name need not be UTF-8; what is printed must.
    shown = None if where is None else os.fsencode(where).decode("utf-8", "replace")
    print_json(_document(done, shown, notes)) if as_json else _tell(done, shown, dry_run=dry_run)
    if not done.accepted:
        raise Refused("no row makes a candidate" + (f"; see {shown}" if shown else ""), code="nobody")


def _import(
    s: Session, candidates: str, fields: Mapping[str, str], target: Path | None, dry_run: bool
) -> tuple[Imported, Path | None, list[str]]:
    with open_candidates(candidates, mapping=fields) as listed, reading(listed) as progress:
        if target is None:
            done, where = import_profiles(s.store, listed, dry_run=dry_run, progress=progress), None
        else:
            with RejectsFile(target, listed.source_columns) as file:
                done = import_profiles(s.store, listed, file, dry_run=dry_run, progress=progress)
                where = file.close()
        notes = notes_of(listed, fields)
        for note in notes:
            warn(note)
    return done, where, notes


def _document(done: Imported, where: str | None, notes: list[str]) -> dict[str, Any]:
    return {
        "new": done.put.new,
        "changed": done.put.changed,
        "same": done.put.same,
        "rejected": done.rejected_total,
        "rejected_by_reason": dict(done.rejected),
        "rejected_first": [f"line {each.line}: {each.detail}" for each in done.first_rejected],
        "rejects_file": where,
        "notes": notes,
    }


def _tell(done: Imported, where: str | None, *, dry_run: bool) -> None:
    rejected = f"{done.rejected_total:,}"
    if done.rejected:
        rejected += f" ({by_reason(done.rejected)})" + (f"; see {where}" if where else "")
    pairs(
        {
            "new": f"{done.put.new:,}",
            "changed": f"{done.put.changed:,}",
            "same as before": f"{done.put.same:,}",
            "rejected": rejected,
        }
    )
    if where is None:
        for each in done.first_rejected:
            say(f"rejected, line {each.line}: {each.detail}")
    if dry_run:
        say("dry run: nothing was imported")
