"""Reply links: a signed token opens one InMail, for one purpose, for so long. Nothing is stored per link.

``kid.hours.acme.7.123.MAC``: the id of the key, the hour it ends (base 36, since the epoch), the InMail, 128 bits.
"""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from config.link_keys import ID
from engine.errors import NotFound, Refused
from engine.identity import parse_inmail
from engine.letters import LETTERS
from engine.link_keys import LinkKeys, Purpose, base36
from engine.store import Store

TOKEN_CHARS_MAX: Final = 120
"""No token is longer: what is, is refused without looking at the rest."""
NONCE_LIVES_MS: Final = 2 * 3_600_000
"""How long a form of a page can be sent."""

_HOUR_MS: Final = 3_600_000
_INMAIL = r"[a-z0-9][a-z0-9_-]{0,39}\.[1-9][0-9]{0,8}\.(?:0|[1-9][0-9]{0,8})"
_HEAD = re.compile(rf"({ID})\.([0-9a-z]{{1,6}})\.({_INMAIL})")
_NONCE = re.compile(rf"({ID})\.([0-9a-z]{{1,10}})\.[0-9a-f]{{8}}")

PURPOSE_OF: Final[dict[str, Purpose]] = {
    "claimed": "answer",
    "sent": "answer",
    "refunded": "answer",
    "answered": "conversation",
    "declined": "conversation",
    "late": "conversation",
}
"""What a link to an InMail in that state is for; no other state has one."""


class BadLink(NotFound):
    """A token that opens nothing: forged, altered, expired, or for another purpose. One text, whatever it was."""

    code = "bad_link"

    def __init__(self) -> None:
        super().__init__("this link cannot be used")


@dataclass(frozen=True, slots=True)
class Link:
    """What a good token says."""

    purpose: Purpose
    inmail: str
    expires_at_ms: int


def sign(keys: LinkKeys, purpose: Purpose, inmail: str, expires_at_ms: int) -> str:
    """A token for one InMail and one purpose, good until the end of the hour ``expires_at_ms`` lies in."""
    head = f"{keys.signer}.{base36(-(-expires_at_ms // _HOUR_MS))}.{inmail}"
    return f"{head}.{_mac(keys, purpose, head)[1]}"


def open_link(keys: LinkKeys, purpose: Purpose, token: str, now_ms: int) -> Link:
    """What a token of that purpose says; raises BadLink, after the same work whatever is wrong with it."""
    head, _, given = token[:TOKEN_CHARS_MAX].rpartition(".")
    match = _HEAD.fullmatch(head)
    key, hours, inmail = match.groups() if match else ("", "0", "")
    known, expected = _mac(keys, purpose, head, key)
    genuine = compare_digest(expected.encode(), given.encode(errors="replace"))
    expires_at_ms = int(hours, 36) * _HOUR_MS
    if not (genuine & known & (match is not None) & (now_ms < expires_at_ms) & (len(token) <= TOKEN_CHARS_MAX)):
        raise BadLink
    return Link(purpose, inmail, expires_at_ms)


def open_either(keys: LinkKeys, token: str, now_ms: int) -> Link:
    """What a token for answering or for a conversation says; both are tried, whichever it is. Raises BadLink."""
    found: list[Link] = []
    for purpose in ("answer", "conversation"):
        try:
            found.append(open_link(keys, purpose, token, now_ms))
        except BadLink:
            continue
    if not found:
        raise BadLink
    return found[0]


def page_nonce(keys: LinkKeys, token: str, now_ms: int) -> str:
    """What a form on the page of that token must carry: proof that the page was fetched, not long ago."""
    head = f"{keys.signer}.{base36(now_ms)}.{secrets.token_hex(4)}"
    return f"{head}.{_mac(keys, 'page', _bound(head, token), head.partition('.')[0])[1]}"


def good_nonce(keys: LinkKeys, token: str, nonce: str, now_ms: int) -> bool:
    """Whether a nonce was given out for that token, within NONCE_LIVES_MS."""
    head, _, given = nonce[:TOKEN_CHARS_MAX].rpartition(".")
    match = _NONCE.fullmatch(head)
    key, issued = match.groups() if match else ("", "0")
    known, expected = _mac(keys, "page", _bound(head, token), key)
    genuine = compare_digest(expected.encode(), given.encode(errors="replace"))
    # One issued by a clock a little ahead is as good.
    in_time = abs(now_ms - int(issued, 36)) <= NONCE_LIVES_MS
    return genuine & known & (match is not None) & in_time & (len(nonce) <= TOKEN_CHARS_MAX)


def link_in(keys: LinkKeys, inmail: str, state: str, *, now_ms: int, base_url: str, lifetime_ms: int) -> str | None:
    """The link of an InMail in that state: to its answer, once answered to its conversation; None where it has none."""
    purpose = PURPOSE_OF.get(state)
    return None if purpose is None else link_url(base_url, sign(keys, purpose, inmail, now_ms + lifetime_ms))


def link_for(store: Store, keys: LinkKeys, inmail: str, *, base_url: str, lifetime_ms: int) -> str:
    """The link of an InMail as things stand. Errors: NotFound; Refused (``not_delivered``) for one nobody received."""
    which = parse_inmail(inmail)
    letter = store.client.getrange(store.keys.letters(which.campaign), which.index, which.index).decode()
    if not letter:
        raise NotFound(f"no InMail {inmail!r}", code="no_inmail")
    state = LETTERS[letter].word
    found = link_in(keys, inmail, state, now_ms=store.now_ms(), base_url=base_url, lifetime_ms=lifetime_ms)
    if found is None:
        raise Refused(f"InMail {inmail} is {state}: nobody received it, so there is no link", code="not_delivered")
    return found


def link_url(base_url: str, token: str) -> str:
    """Where a token's page is."""
    return f"{base_url}/r/{token}"


def _mac(keys: LinkKeys, purpose: Purpose, text: str, key: str | None = None) -> tuple[bool, str]:
    known, mac = keys.mac(text.partition(".")[0] if key is None else key, purpose, text.encode(errors="replace"))
    return known, base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _bound(head: str, token: str) -> str:
    return f"{head}\n{token}"
