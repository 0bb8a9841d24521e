"""The folder of an index: which of the indexes in it is the current one, how far it has followed, who may write.

current         the name of the current index's own folder; replaced at once when another one is whole
lock            held (flock) by the one process that writes; the kernel lets go of it when that process ends
NAME/           an index: tantivy's files, and
NAME/followed   as what it was made, and for every shard of the directory the change it has followed up to
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import orjson

from engine.errors import EngineError, Unavailable

_CURRENT: Final = "current"
_LOCK: Final = "lock"
_FOLLOWED: Final = "followed"
_BROKEN: Final = "broken"
_PANIC: Final = "PanicException"
_KINDS: Final = ("fast", "fieldnorm", "idx", "pos", "store", "term")
_MAGIC: Final = 1337
_FREE_BYTES_MIN: Final = 4_000_000


class Broken(Unavailable):
    """The index's files cannot be read; whoever writes builds it anew."""

    code = "index_broken"


class IndexFolder:
    """``path`` is made when somebody first writes."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def current(self) -> Path | None:
        """The current index's own folder, None where there is none."""
        try:
            name = (self.path / _CURRENT).read_text().strip()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            return None
        found = self.path / name
        return found if name and Path(name).name == name and found.is_dir() else None

    def mark(self) -> tuple[int, int] | None:
        """Changes when another index becomes the current one; None where there is none."""
        return _mark(self.path / _CURRENT)

    def make_current(self, own: Path) -> None:
        """Make an index the current one, and remove the others. Only for whoever holds the lock."""
        with told(self.path):
            _replace(self.path / _CURRENT, own.name.encode())
        self._tidy()

    def unfinished(self, made_as: str) -> Path | None:
        """An index that is made as this one would be, and that nobody got round to finishing."""
        held = self.current()
        found = (each for each in self._all() if each != held and followed(each, made_as) is not None)
        return next(found, None)

    def new(self) -> Path:
        """An empty folder for another index."""
        own = self.path / f"index-{secrets.token_hex(4)}"
        with told(self.path):
            own.mkdir(parents=True)
        return own

    def _tidy(self) -> None:
        """Remove every index but the current one. Those who still read one keep what they have open."""
        held = self.current()
        for each in self._all():
            if each != held:
                shutil.rmtree(each, ignore_errors=True)

    def _all(self) -> list[Path]:
        with told(self.path):
            return [each for each in self.path.iterdir() if each.is_dir()] if self.path.is_dir() else []

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Whether this process may write, for the length of the block: False where another one does."""
        with told(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)


def followed(own: Path, made_as: str) -> dict[int, int] | None:
    """For each shard that was read the change it was followed up to; None where the index is of no use."""
    try:
        found = orjson.loads((own / _FOLLOWED).read_bytes())
        if found["made_as"] != made_as or (own / _BROKEN).exists():
            return None
        return {int(shard): int(seq) for shard, seq in found["seqs"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def note_followed(own: Path, made_as: str, seqs: Mapping[int, int]) -> None:
    """Note it, after what was followed is in the index: told too little, a change is made twice, which is once."""
    with told(own):
        _replace(own / _FOLLOWED, orjson.dumps({"made_as": made_as, "seqs": {str(k): v for k, v in seqs.items()}}))


def note_broken(own: Path) -> None:
    """Tell whoever writes that this index cannot be read."""
    with suppress(OSError):
        (own / _BROKEN).touch()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Trouble with the files as one line: Unavailable (``disk_full``, ``index_unusable``), or Broken."""
    try:
        yield
    except EngineError:
        raise
    except BaseException as error:  # what tantivy panics with is no Exception
        named = _named(error, path)
        if named is None:
            raise
        raise named from error


def _named(error: BaseException, path: Path) -> EngineError | None:
    text = str(error)
    said = re.search(r"os error (\d+)", text)
    number = error.errno if isinstance(error, OSError) else int(said[1]) if said else None
    if number in (errno.ENOSPC, errno.EDQUOT) or "StorageFull" in text:
        return Unavailable(f"the search index in {path} cannot be written: the disk is full", code="disk_full")
    if "LockBusy" in text:
        return Unavailable(f"another process writes the search index in {path}", code="index_unusable")
    if number is not None and number != errno.ENOENT:
        return Unavailable(f"the search index in {path} cannot be used: {os.strerror(number)}", code="index_unusable")
    if "writer was killed" in text:  # by a thread of tantivy's, which does not say why
        full = shutil.disk_usage(path).free < _FREE_BYTES_MIN if path.exists() else False
        why, code = ("the disk is full", "disk_full") if full else ("tantivy gave up", "index_unusable")
        return Unavailable(f"the search index in {path} cannot be written: {why}", code=code)
    if isinstance(error, ValueError | OSError) or type(error).__name__ == _PANIC:
        return Broken(f"the search index in {path} cannot be read; it is built anew by the next who writes")
    return None


def sound(own: Path) -> bool:
    """Whether what is committed is as it was written: each of tantivy's files ends with a checksum. Reads all of them,
    a million profiles in a tenth of a second."""
    before = changed_mark(own)
    try:
        segments = orjson.loads((own / "meta.json").read_bytes())["segments"]
        names = [(segment["segment_id"].replace("-", ""), segment["deletes"]) for segment in segments]
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError, AttributeError):
        return changed_mark(own) != before
    # What a process that died was about to write is not among them.
    files = [f"{name}.{kind}" for name, _ in names for kind in _KINDS]
    files += [f"{name}.{deletes['opstamp']}.del" for name, deletes in names if deletes]
    # Where somebody commits meanwhile, files go.
    return all(_sound(own / file) for file in files) or changed_mark(own) != before


def _sound(file: Path) -> bool:
    try:
        content = file.read_bytes()
        length, magic = struct.unpack("<II", content[-8:])
        told_sum = orjson.loads(content[-8 - length : -8])["crc"]
        return bool(magic == _MAGIC and zlib.crc32(memoryview(content)[: -8 - length]) == told_sum)
    except (FileNotFoundError, ValueError, KeyError, TypeError, struct.error):
        return False


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns


def changed_mark(own: Path) -> tuple[int, int] | None:
    """Changes with every commit; None where the index is gone."""
    return _mark(own / "meta.json")


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that others find the old one or the new one, also after the power went."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
