"""Which addresses a list has had already, in little memory."""

from __future__ import annotations

from typing import Final

_MASK: Final = (1 << 60) - 1  # two digits of a Python int, 32 bytes; the full 64 bits would take three


class SeenAddresses:
    """Remembers the line of the first row of each address, about 110 bytes apiece, whatever its length.

    Only 60 bits of a hash are kept, so two different addresses could be taken for one: for a list of n rows the
    odds are n²/2^61, that is 1 in 2 million for a million rows. The hash is Python's own, keyed anew in every
    process, so nobody can craft a list of colliding addresses.
    """

    def __init__(self) -> None:
        self.line_of: dict[int, int] = {}

    def first_line(self, address: str, line: int) -> int:
        """The line this address first stood on: ``line`` itself when it is new, and now remembered."""
        return self.line_of.setdefault(hash(address) & _MASK, line)
