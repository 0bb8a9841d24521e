"""A sender's folders: what awaits an answer, was accepted, declined, answered late, or closed without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.campaigns import get_campaign
from engine.conversation import Conversation
from engine.conversations import read_many
from engine.errors import Invalid, NotFound
from engine.identity import InMailId, account_of
from engine.keys import FOLDERS as ANSWERED
from engine.store import Store

FOLDERS: Final = ("awaiting", "accepted", "declined", "late", "closed")
_LETTER: Final = {name: letter for letter, name in ANSWERED.items()}
_OPEN: Final = {"awaiting": "S", "closed": "RF"}
"""Folders that are no list of their own: these letters of the account's campaigns."""
_STEP: Final = 500
_CAMPAIGNS_A_STEP: Final = 50


def folder(
    store: Store, account: str, name: str, *, campaign: str | None = None, most: int = 50, after: str | None = None
) -> tuple[list[Conversation], str | None]:
    """A page of one folder of an account, of one campaign if given, and the cursor of the next (None = the last).

    What was answered comes with the newest message first; what was not by campaign, newest first, in list order.
    Errors: Invalid for a folder or a cursor there is none of; NotFound for a campaign that is not the account's.
    """
    if name not in FOLDERS:
        raise Invalid(f"no folder {name[:40]!r}; there are: {', '.join(FOLDERS)}", code="bad_folder")
    if campaign is not None and account_of(campaign) != account:
        raise NotFound(f"no campaign {campaign[:80]!r}", code="no_campaign")
    if campaign is not None:
        get_campaign(store, campaign)
    found = _answered if name in _LETTER else _unanswered
    page: list[tuple[InMailId, str]] = []
    for which, cursor in found(store, account, name, after):
        if campaign is None or which.campaign == campaign:
            page.append((which, cursor))
            if len(page) > most:
                break
    following = page[most - 1][1] if len(page) > most else None
    return read_many(store, [which for which, _ in page[:most]]), following


def unread(store: Store, account: str) -> dict[str, int]:
    """In how many conversations of each folder of what was answered there is something its sender has not seen."""
    refs = store.client.hkeys(store.keys.unread(account))
    counts = dict.fromkeys(_LETTER, 0)
    for name, letter in _LETTER.items():
        for at in range(0, len(refs), _STEP):
            pipe = store.client.pipeline(transaction=False)
            for ref in refs[at : at + _STEP]:
                pipe.zscore(store.keys.folder(account, letter), ref)
            counts[name] += sum(score is not None for score in pipe.execute())
    return {"total": sum(counts.values())} | counts


def _answered(store: Store, account: str, name: str, after: str | None) -> Iterator[tuple[InMailId, str]]:
    """From a folder's list; the cursor is 'ms:number.index' of the last seen, good even when that has moved since."""
    key = store.keys.folder(account, _LETTER[name])
    at, last = _split(after, ":")
    highest, start = "+inf" if after is None else str(at), 0
    while True:
        found = store.client.zrevrangebyscore(key, highest, "-inf", start=start, num=_STEP, withscores=True)
        for member, score in found:
            ref = member.decode()
            if after is None or int(score) < at or ref < last:  # of one ms: by name, backwards, as Redis lists them
                number, _, index = ref.partition(".")
                yield InMailId(f"{account}.{number}", int(index)), f"{int(score)}:{ref}"
        if len(found) < _STEP:
            return
        start += _STEP


def _unanswered(store: Store, account: str, name: str, after: str | None) -> Iterator[tuple[InMailId, str]]:
    """From the letters of the account's campaigns; the cursor is 'number.index' of the last seen."""
    number, index_text = _split(after, ".")
    if after is not None and not (index_text.isascii() and index_text.isdecimal()):
        raise Invalid(f"cursor {after[:80]!r} is none of this folder's", code="bad_cursor")
    index = int(index_text or "-1")
    highest = "+inf" if after is None else str(number)
    while True:
        found = store.client.zrevrangebyscore(
            store.keys.campaigns(account), highest, "-inf", start=0, num=_CAMPAIGNS_A_STEP
        )
        for member in found:
            campaign = member.decode()
            its_number = int(campaign.rpartition(".")[2])
            first = index + 1 if after is not None and its_number == number else 0
            for place in _places(store.client.get(store.keys.letters(campaign)) or b"", _OPEN[name], first):
                yield InMailId(campaign, place), f"{its_number}.{place}"
        if len(found) < _CAMPAIGNS_A_STEP:
            return
        highest = f"({found[-1].decode().rpartition('.')[2]}"


def _places(letters: bytes, wanted: str, first: int) -> Iterator[int]:
    codes = wanted.encode()
    return (place for place in range(first, len(letters)) if letters[place] in codes)


def _split(cursor: str | None, between: str) -> tuple[int, str]:
    if cursor is None:
        return 0, ""
    number, _, rest = cursor.partition(between)
    if not (number.isascii() and number.isdecimal()) or not rest or len(cursor) > 60:
        raise Invalid(f"cursor {cursor[:80]!r} is none of this folder's", code="bad_cursor")
    return int(number), rest
