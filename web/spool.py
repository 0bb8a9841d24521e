"""Uploaded lists on their way: taken in as they arrive, kept in a file that has no name and goes with its process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from web.orders import of_form, parse_json
from web.problems import Problem

_IN_MEMORY: Final = 1 << 20
_ORDER_BYTES_MAX: Final = 200_000
_READ: Final = 1 << 20


@dataclass(slots=True)
class Spooled:
    """A list and the order that came with it, not checked yet. Whoever has it closes ``file``."""

    file: BinaryIO
    name: str
    document: Any

    def size(self) -> int:
        """Bytes of the list; leaves the file at its beginning."""
        size = self.file.seek(0, 2)
        self.file.seek(0)
        return size

    def fingerprint(self, *order: str) -> str:
        """Of the order and the list, whatever the form they came in; leaves the file at its beginning."""
        made = hashlib.blake2b("\x1f".join(order).encode(), digest_size=20)
        self.file.seek(0)
        while data := self.file.read(_READ):
            made.update(data)
        self.file.seek(0)
        return made.hexdigest()


async def of_multipart(request: Request) -> Spooled:
    """A form with the list as ``file`` and the order's fields beside it; raises Problem."""
    try:
        form = await request.form(max_files=1, max_fields=20, max_part_size=_ORDER_BYTES_MAX)
    except Problem:
        raise
    except HTTPException as error:
        raise Problem("bad_body", f"the form cannot be read: {error.detail}"[:300]) from None
    try:
        return _of_items(form.multi_items())
    except BaseException:
        for _, value in form.multi_items():
            if isinstance(value, UploadFile):
                value.file.close()
        raise


def _of_items(items: Iterable[tuple[str, UploadFile | str]]) -> Spooled:
    file: UploadFile | None = None
    fields: dict[str, str] = {}
    for name, value in items:
        if isinstance(value, UploadFile):
            if name != "file":
                raise _wrong(name, "there is no such file: the list is sent as `file`")
            file = value
        elif name in fields:
            raise _wrong(name, "the field is given twice")
        else:
            fields[name] = value
    if file is None:
        raise _wrong("file", "the list is missing: send it as a file")
    return Spooled(file.file, _plain(file.filename or ""), of_form(fields))


async def of_ndjson(request: Request) -> Spooled:
    """A first line with the order, then one recipient a line; raises Problem."""
    file: Any = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - whoever reads it closes it
    head: bytes | None = b""
    document: Any = None
    try:
        async for chunk in request.stream():
            if head is None:
                await run_in_threadpool(file.write, chunk)
                continue
            head += chunk
            line, newline, rest = head.partition(b"\n")
            if newline:
                document, head = parse_json(line), None
                file.write(rest)
            elif len(head) > _ORDER_BYTES_MAX:
                raise Problem("bad_body", "the first line is the order, and it is too long")
        if head is not None:
            raise Problem("bad_body", "the first line is the order; a recipient a line comes after it")
        return Spooled(file, "ndjson", document)
    except BaseException:
        with suppress(OSError):
            file.close()
        raise


def _plain(name: str) -> str:
    """A file's name as a campaign's."""
    return "".join(char if char.isprintable() else "?" for char in name.replace("\\", "/").rpartition("/")[2])[:120]


def _wrong(name: str, detail: str) -> Problem:
    pointer = "#/" + name[:100].replace("~", "~0").replace("/", "~1")
    return Problem("bad_request_fields", f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])
