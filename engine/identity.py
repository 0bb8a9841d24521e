"""What an id looks like: account ``acme``, campaign ``acme.7``, InMail ``acme.7.123``; and an address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.errors import Invalid, NotFound
from engine.intake.addresses import BadAddress, normalise_address

_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")
_CAMPAIGN = re.compile(rf"({_ACCOUNT.pattern})\.([1-9][0-9]{{0,8}})")
_INMAIL = re.compile(rf"({_ACCOUNT.pattern}\.[1-9][0-9]{{0,8}})\.(0|[1-9][0-9]{{0,8}})")
_RESERVED = frozenset({"sched"})  # the hash tag of the scheduler's own keys

DIGEST_BYTES: Final = 12
"""Two of 2^40 addresses share a digest with odds of 1 in 2^17, and then only hold each other's pair lock."""


@dataclass(frozen=True, slots=True)
class InMailId:
    """The parts of an InMail's id: its campaign and the recipient's index there, from 0."""

    campaign: str
    index: int

    def __str__(self) -> str:
        return f"{self.campaign}.{self.index}"


def is_plain_id(text: str) -> bool:
    """Whether a text has the letters an account's or a seat's id is made of."""
    return _ACCOUNT.fullmatch(text) is not None


def new_account_id(text: str) -> str:
    """Check an id for a new account; raises Invalid saying which letters are accepted."""
    if not is_plain_id(text) or text in _RESERVED:
        raise Invalid(
            f"account id {text[:60]!r} is not usable: 1 to 40 of a-z, 0-9, '-' and '_', "
            "beginning and ending with a letter or digit",
            code="bad_account_id",
        )
    return text


def account_of(campaign: str) -> str:
    """The account a campaign's id begins with; raises NotFound where the text is no campaign id."""
    match = _CAMPAIGN.fullmatch(campaign)
    if not match:
        raise NotFound(f"no campaign {campaign[:80]!r}: a campaign id looks like acme.7", code="no_campaign")
    return match[1]


def parse_inmail(text: str) -> InMailId:
    """Take an InMail's id apart; raises NotFound where the text is none."""
    match = _INMAIL.fullmatch(text)
    if not match:
        raise NotFound(f"no InMail {text[:80]!r}: an InMail id looks like acme.7.123", code="no_inmail")
    return InMailId(match[1], int(match[2]))


def parse_address(text: str) -> str:
    """The normal form of an e-mail address; raises Invalid saying what is wrong with it."""
    try:
        return normalise_address(text)
    except BadAddress as error:
        raise Invalid(f"address {text[:80]!r}: {error}", code="bad_address") from None


def digest(address: str) -> bytes:
    """What stands for a normalised address in Redis' indexes: short, of one length, and no personal data."""
    return hashlib.blake2b(address.encode(), digest_size=DIGEST_BYTES).digest()


def digests(addresses: Iterable[str]) -> bytes:
    """The digests of many addresses, one after the other, as the scripts take them."""
    made = hashlib.blake2b
    return b"".join([made(address.encode(), digest_size=DIGEST_BYTES).digest() for address in addresses])


def each_digest(joined: bytes) -> list[bytes]:
    """The digests that were joined."""
    return [joined[i : i + DIGEST_BYTES] for i in range(0, len(joined), DIGEST_BYTES)]
