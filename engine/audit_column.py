"""The auditor's look at one campaign: letters against log, counters, times, replies and the scheduler's sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from engine.audit_snapshot import PACKS_COUNTED_MAX, Column, Snapshot
from engine.letters import DELIVERED, LETTERS, CampaignState

_CLOCK_SLACK_MS = 1_000


def check_column(campaign: str, column: Column, snapshot: Snapshot) -> Iterator[str]:
    """One line for each broken rule of this campaign."""
    recipients = int(column.meta["recipients"])
    if len(column.letters) != recipients:
        yield f"{len(column.letters)} letters for {recipients} recipients"
    actual = Counter(column.letters)
    for code in {*actual, *column.logged, *LETTERS}:
        if actual[code] != column.logged[code]:
            yield f"{actual[code]} letters {code}, the log says {column.logged[code]}"
    for name, code in (("queued", "Q"), ("claimed", "C"), ("sent", "S")):
        if int(column.meta[name]) != actual[code]:
            yield f"counter {name} is {column.meta[name]}, letters {code}: {actual[code]}"
    yield from _check_state(campaign, column, actual, snapshot)
    yield from _check_packs(column)
    yield from _check_times(column, snapshot)
    yield from _check_answers(column)


def _check_state(campaign: str, column: Column, actual: Counter[str], snapshot: Snapshot) -> Iterator[str]:
    state = column.meta["state"]
    if state not in set(CampaignState):
        yield f"state {state!r} does not exist"
    to_send, to_answer = actual["Q"] + actual["C"], actual["S"]
    if state in ("sent", "closed") and to_send:
        yield f"state is {state}, {to_send} are not sent"
    if state == "closed" and to_answer:
        yield f"state is closed, {to_answer} await an answer"
    if (campaign in snapshot.sending) != bool(to_send):
        yield "the set of sending campaigns is wrong about it"
    if (campaign in snapshot.active) != bool(to_send + to_answer):
        yield "the set of active campaigns is wrong about it"


def _check_packs(column: Column) -> Iterator[str]:
    """Pack by pack what the log moved, and that no refund was made before it was due."""
    if column.packs > PACKS_COUNTED_MAX:
        return
    window = int(column.meta["refund_after_ms"])
    for pack in range(column.packs):
        first = pack * column.pack_size
        letters = column.letters[first : first + column.pack_size]
        actual, logged = Counter(letters), Counter({"Q": len(letters)})
        logged.update(column.moved[pack])
        if any(actual[code] != logged[code] for code in LETTERS):
            yield f"the letters of pack {pack} are not those the log moved there"
            continue
        dues = sorted(column.sent_at_ms(first + i) + window for i, letter in enumerate(letters) if letter in "RL")
        taken = 0
        for at_ms, n in column.refunded[pack]:
            taken += n
            if dues[taken - 1] > at_ms:
                yield f"pack {pack} has a refund made before it was due"


def _check_times(column: Column, snapshot: Snapshot) -> Iterator[str]:
    window, next_pack = int(column.meta["refund_after_ms"]), int(column.meta["next_pack"])
    cancelled = column.meta["state"] == "cancelled"
    for pack in range(-(-int(column.meta["recipients"]) // column.pack_size)):
        first = pack * column.pack_size
        letters = column.letters[first : first + column.pack_size]
        delivered = [column.sent_at_ms(first + i) for i, letter in enumerate(letters) if letter in DELIVERED]
        if 0 in delivered:
            yield f"pack {pack} has an InMail sent at no time"
        if delivered and max(delivered) > snapshot.at_ms + _CLOCK_SLACK_MS:
            yield f"pack {pack} has an InMail sent in the future"
        open_since = [column.sent_at_ms(first + i) for i, letter in enumerate(letters) if letter == "S"]
        if open_since and column.due.get(pack, 2**62) > min(open_since) + window:
            yield f"pack {pack} falls due later than its earliest InMail"
        found_again = pack >= next_pack or pack in column.again or pack in column.leased
        if "C" in letters and pack not in column.leased:
            yield f"pack {pack} has claimed recipients and no lease: nobody would find them"
        if "Q" in letters and not (found_again or cancelled):
            yield f"pack {pack} has queued recipients nobody would find again"


def _check_answers(column: Column) -> Iterator[str]:
    standing = {i: letter for i, letter in enumerate(column.letters) if letter in "ADL"}
    if standing != column.answered:
        wrong = len(set(standing.items()) ^ set(column.answered.items()))
        yield f"letters and logged answers differ in {wrong} places"
    if set(standing) != set(column.replies):
        yield f"{len(set(standing) ^ set(column.replies))} replies are missing or too many"
    for i in sorted(set(standing) & set(column.replies)):
        at_ms, _, said = column.replies[i].partition(" ")
        letter = {"A": "A", "D": "D", "N": "D"}.get(said[:1])
        if not at_ms.isdigit() or letter is None or standing[i] not in (letter, "L"):
            yield f"the reply stored for {i} is not the one its letter {standing[i]} tells of"
