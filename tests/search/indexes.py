"""Indexes for tests: made of given profiles, on a disk that lasts as long as the test; the real list as profiles."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from engine.directory.profile import Profile
from engine.search.folder import IndexFolder
from engine.search.index import Index
from engine.search.writing import Writer

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def an_index(path: Path, profiles: Iterable[Profile], *, commits_every: int = 10_000_000) -> Index:
    """An index of these profiles; it has as many segments as there were commits, until tantivy merges some."""
    folder = IndexFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    with Writer(folder.new()) as writer:
        for profile in profiles:
            writer.add_many([profile])
            if writer.pending >= commits_every:
                writer.commit({})
        writer.commit({})
        folder.make_current(writer.own)
    return Index.open(path)


def real_profiles() -> list[Profile]:
    """The real list beside the project; its people have been in office since, and speak, and are open to, something."""
    with (DATA / "candidates.csv").open(newline="") as file:
        return [_profile(number, row) for number, row in enumerate(csv.DictReader(file))]


def _profile(number: int, row: dict[str, str]) -> Profile:
    return Profile(
        id=row["id"],
        name=row["full_name"],
        headline=f"{row['title']} for {row['location']}",
        title=row["title"],
        company=row["company"],
        location=row["location"],
        skills=tuple(part for part in (each.strip() for each in row["skills"].split(";")) if part)[:50],
        industry="Government" if number % 3 else "",
        years=2026 - int(row["in_office_since"][:4]) if number % 7 else None,
        languages=(("English", "Spanish"), ("English",), ())[number % 3],
        open_to_work=number % 4 == 0,
        last_active_ms=NOW_MS - (number * 37 % 900) * DAY_MS if number % 11 else 0,
    )
