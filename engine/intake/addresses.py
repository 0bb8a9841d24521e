"""One spelling for an e-mail address, so that the same mailbox is never written to twice."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import email_validator

from engine.errors import one_line

ADDRESS_MAX_CHARS: Final = 254

# What nearly every address looks like; all it accepts, email-validator accepts unchanged (a test holds it to that).
# At most 64 characters in all, so that no part can be too long; no '--', which only punycode may have.
_ORDINARY = re.compile(
    r"(?=.{1,64}\Z)[a-z0-9_+'-]++(?:\.[a-z0-9_+'-]++)*+@"
    r"(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)++(?<!\.arpa\.)(?!(?:arpa|invalid|local|localhost|onion)\Z)[a-z]{2,}\Z"
)
is_ordinary = _ORDINARY.match


class BadAddress(ValueError):
    """The text is no address mail could be sent to; ``str(error)`` is a sentence saying why."""


def normalise_address(text: str) -> str:
    """Give the one spelling of an address: lower case, NFC, domain in ASCII (punycode where needed).

    A surrounding ``<>`` and a leading ``mailto:`` are dropped. Doing it twice changes nothing.
    Errors: BadAddress for anything mail could not be sent to; whether the mailbox exists is not asked.
    """
    address = text.strip().lower()
    if is_ordinary(address):
        return address
    return _normalise_unusual(address)


def _normalise_unusual(address: str) -> str:
    address = _bare(unicodedata.normalize("NFC", address)).lower()
    if not address:
        raise BadAddress("the address is empty")
    if len(address) > 2 * ADDRESS_MAX_CHARS:
        raise BadAddress(f"the address is longer than {ADDRESS_MAX_CHARS} characters")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in address):
        raise BadAddress("the address holds a line break or another control character")
    if address.count("@") != 1:
        found = "no '@'" if "@" not in address else "more than one '@'"
        raise BadAddress(f"the address has {found}")
    try:
        checked = email_validator.validate_email(
            address, strict=True, check_deliverability=False, test_environment=True
        )
    except email_validator.EmailNotValidError as error:
        raise BadAddress(_sentence(str(error))) from error
    domain = checked.ascii_domain.lower()
    if "." not in domain:
        raise BadAddress("the part after the '@' has no dot")
    normal = unicodedata.normalize("NFC", checked.local_part.lower()) + "@" + domain
    if len(normal) > ADDRESS_MAX_CHARS or len(normal.encode()) > ADDRESS_MAX_CHARS:
        raise BadAddress(f"the address is longer than {ADDRESS_MAX_CHARS} characters")
    return normal


def _bare(address: str) -> str:
    """Without a surrounding <> and a leading mailto:, in either order."""
    for _ in range(2):
        if address.startswith("<") and address.endswith(">"):
            address = address[1:-1].strip()
        address = address.removeprefix("mailto:").strip()
    return address


def _sentence(text: str) -> str:
    """email-validator's message as part of our line: no capital, no full stop, no control character."""
    text = one_line(text).rstrip(".")
    return text[:1].lower() + text[1:200]
