"""Keys of reply links as INMAIL_LINK_KEYS names them: ``id:secret,id:secret``; the first signs, all of them verify."""

from __future__ import annotations

import re
from typing import Final

ID: Final = r"[A-Za-z0-9]{1,4}"
"""What a key's id looks like: it stands in every link."""
SECRET_CHARS_MIN: Final = 32
"""Below that a secret could be guessed from one link, at leisure."""


def parse_link_keys(text: str) -> list[tuple[str, str]]:
    """Each id with its secret, in order; ValueError with what is wrong, never quoting a secret."""
    found: list[tuple[str, str]] = []
    for number, part in enumerate(text.split(","), 1):
        key, colon, secret = part.strip().partition(":")
        if not colon or not re.fullmatch(ID, key):
            raise ValueError(f"key {number} must be id:secret, the id 1 to 4 letters or digits")
        if len(secret) < SECRET_CHARS_MIN or not (secret.isascii() and secret.isprintable()):
            raise ValueError(f"the secret of key {key} must have {SECRET_CHARS_MIN} or more plain characters")
        if key in dict(found):
            raise ValueError(f"key {key} stands there twice")
        found.append((key, secret))
    return found
