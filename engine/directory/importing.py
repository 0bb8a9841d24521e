"""A list of candidates into the directory, in one pass of bounded memory: what is new is put, what differs is changed.

Interrupted, what was read so far is in; the same list again brings the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from engine.directory.columns import FIELDS, LISTS, NAMES, BadRow, ProfileReader, directory_mapping
from engine.directory.profile import Profile
from engine.directory.store import Put, foresee, put_many
from engine.errors import Refused, one_line
from engine.intake.lists import CandidateList, Reject, Row, open_list
from engine.intake.rejects import TakesRejects
from engine.preflight import Progress
from engine.store import Store

PROFILES_AT_ONCE: Final = 8_000
"""So many are put in one round trip: about 125 a shard, which is what makes a million quick."""
PROFILES_MAX: Final = 10_000_000
_NUMBERED: Final = re.compile(r"_[0-9]+$")  # what sets a column apart from one before it that means the same


@dataclass(slots=True)
class Imported:
    """What became of a list's rows so far; ``rejected`` counts them by reason, the erased and crowded among them."""

    put: Put = field(default_factory=Put)
    rejected: Counter[str] = field(default_factory=Counter)
    first_rejected: list[Reject] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return self.put.new + self.put.changed + self.put.same

    @property
    def rejected_total(self) -> int:
        return self.rejected.total()


def open_candidates(
    source: str | Path, *, mapping: Mapping[str, str] | None = None, stdin: BinaryIO | None = None
) -> CandidateList:
    """Open a list of candidates, as ``open_list`` does; it needs a column of ids or of addresses. Invalid, Refused."""
    return open_list(source, mapping=directory_mapping(mapping or {}), names=NAMES, ids=True, arrays=LISTS, stdin=stdin)


def notes_of(listed: CandidateList, mapping: Mapping[str, str] | None = None) -> list[str]:
    """What whoever brings the list should know though it is no error; complete once it is read.

    That a second column means the same as one before it is told unless that one was named by hand.
    """
    return [*_passed_over(listed, directory_mapping(mapping or {})), *listed.notes]


def _passed_over(listed: CandidateList, by_hand: Mapping[str, str]) -> Iterator[str]:
    written = dict(zip(listed.columns, listed.source_columns, strict=True))
    for column, header in written.items():
        field = _NUMBERED.sub("", column)
        if field != column and field in FIELDS and field in written and field not in by_hand:
            yield (
                f"column {one_line(header)[:60]!r} is not read: {field} is taken from "
                f"{one_line(written[field])[:60]!r} (--map {field}=COLUMN takes another)"
            )


def check_candidates(listed: CandidateList, progress: Progress | None = None) -> None:
    """Read a list to its end, putting nothing; raises Refused (``strict``) at the first row that makes no profile."""
    read = ProfileReader(listed.columns)
    rows = 0
    for batch in listed.batches():
        _, bad = _profiles(read, batch.accepted)
        if rejected := sorted([*batch.rejected, *bad], key=lambda reject: reject.line):
            raise Refused(
                f"line {rejected[0].line}: {rejected[0].detail}; nothing was imported "
                "(--strict refuses a list with a bad row)",
                code="strict",
            )
        rows += len(batch.accepted)
        if progress is not None:
            progress(listed.bytes_read, rows)


def import_profiles(
    store: Store,
    listed: CandidateList,
    rejects: TakesRejects | None = None,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Put every row of a list that makes a profile; of several rows with one id in a list the last counts.

    With ``dry_run`` nothing is put, only told what would become of each, as things stand.
    Errors: Refused for a fault that spoils the list from there on, or past PROFILES_MAX rows; what was put stays.
    """
    done = Imported()
    put = foresee if dry_run else put_many
    for rows, wrong in _portions(listed):
        portion = put(store, [profile for _, profile in rows])
        done.put += Put(portion.new, portion.changed, portion.same)
        bad = sorted([*wrong, *_refused(rows, portion)], key=lambda reject: reject.line)
        done.rejected.update(reject.reason for reject in bad)
        done.first_rejected += bad[: max(0, 3 - len(done.first_rejected))]
        if rejects is not None:
            rejects.add(bad)
        if progress is not None:
            progress(listed.bytes_read, done.accepted + done.rejected_total)
        if done.accepted > PROFILES_MAX:
            raise Refused(f"a list has at most {PROFILES_MAX:,} candidates: split it", code="too_long")
    return done


Read = tuple[Row, Profile]


def _portions(listed: CandidateList) -> Iterator[tuple[list[Read], list[Reject]]]:
    """The rows of a list as profiles, some thousands at a time, and those that make none."""
    read = ProfileReader(listed.columns)
    batches = listed.batches()
    while portion := list(islice(batches, PROFILES_AT_ONCE // 1000)):
        rows: list[Read] = []
        bad: list[Reject] = []
        for batch in portion:
            good, wrong = _profiles(read, batch.accepted)
            rows += good
            bad += [*batch.rejected, *wrong]
        yield rows, bad


def _profiles(reader: ProfileReader, rows: Sequence[Row]) -> tuple[list[Read], list[Reject]]:
    good: list[Read] = []
    bad: list[Reject] = []
    for row in rows:
        try:
            good.append((row, reader.read(row[1])))
        except BadRow as error:
            bad.append(Reject(row[0], error.reason, str(error), row[1]))
    return good, bad


_WHY: Final = {
    "erased": "the candidate had this profile erased: it is not put again",
    "crowded": "too many profiles have this address already",
}


def _refused(rows: Sequence[Read], put: Put) -> list[Reject]:
    reasons = dict.fromkeys(put.erased, "erased") | dict.fromkeys(put.crowded, "crowded")
    if not reasons:
        return []
    found = ((row, reasons.get(profile.id)) for row, profile in rows)
    return [Reject(line, reason, _WHY[reason], cells) for (line, cells), reason in found if reason]
