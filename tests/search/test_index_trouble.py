"""The index where its files go, are spoiled or cannot be written: told in a line, and built anew where it must be."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.candidates import candidates
from engine.directory.profile import Profile
from engine.directory.store import put_many, remove_many
from engine.errors import Unavailable
from engine.search import folder, writing
from engine.search.follower import catch_up
from engine.search.index import Index
from engine.search.query import parse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


def ids(index: Index, text: str = "") -> set[str]:
    found = index.search(parse(text, now_ms=0), most=10_000)
    assert len(found.ids) == found.total
    return set(found.ids)


def some(count: int = 60) -> list[Profile]:
    return [replace(each, consent=True) for each in candidates(count)]


def test_an_index_whose_folder_goes_while_it_is_written_is_told_and_built_anew(store, path, monkeypatch):
    put_many(store, some())
    catch_up(store, path)
    put_many(store, [Profile(id="new")])
    commit = writing.Writer.commit

    def going(self: writing.Writer, seqs: dict[int, int]) -> None:
        path.rename(path.with_name("away"))
        commit(self, seqs)

    with monkeypatch.context() as patched:
        patched.setattr(writing.Writer, "commit", going)
        with pytest.raises(folder.Broken):
            catch_up(store, path)
    assert catch_up(store, path) == 61


@pytest.mark.parametrize("harm", ["followed", "meta.json", "*.fast", "*.idx", "*.term", "current", "all", "older"])
def test_an_index_that_is_gone_or_spoiled_is_built_anew(store, path, harm):
    put_many(store, some())
    catch_up(store, path)
    own = folder.IndexFolder(path).current()
    if harm == "all":
        subprocess.run(["rm", "-r", str(path)], check=True)
    elif harm == "current":
        (path / "current").write_bytes(b"\xff../..")
    elif harm == "older":
        folder.note_followed(own, "0/tantivy of old", Index.open(path).followed())
    else:
        for file in own.glob(harm):
            spoiled = bytearray(file.read_bytes())
            spoiled[len(spoiled) // 3] ^= 0xFF
            file.write_bytes(spoiled if harm != "followed" else b"garbage")

    # Where only the word of which one is current is gone, the index itself is as good as before.
    assert catch_up(store, path) == (0 if harm == "current" else 60)
    assert len(ids(Index.open(path), "not title:nobody")) == 60
    assert len([each for each in path.iterdir() if each.is_dir()]) == 1


def test_a_reader_goes_over_to_the_index_that_was_built_anew(store, path):
    profiles = some()
    put_many(store, profiles)
    catch_up(store, path)
    reader = Index.open(path)
    own = folder.IndexFolder(path).current()
    folder.note_broken(own)
    remove_many(store, [profiles[0].id])
    catch_up(store, path)
    assert not own.exists()
    assert len(ids(reader)) == len(reader) == 59


def test_what_a_reader_cannot_read_is_built_anew_and_a_query_alone_has_nothing_built(store, path, monkeypatch):
    put_many(store, some())
    catch_up(store, path)
    index = Index.open(path)
    own = folder.IndexFolder(path).current()

    def failing(*_: object) -> object:
        raise ValueError("no such thing")

    monkeypatch.setattr("engine.search.index._ranked", failing)
    with pytest.raises(Unavailable) as caught:
        index.search(parse("maria", now_ms=0))
    assert caught.value.code == "unanswerable"
    assert catch_up(store, path) == 0

    spoiled = next(own.glob("*.idx"))
    spoiled.write_bytes(b"garbage" + spoiled.read_bytes())
    with pytest.raises(folder.Broken):
        index.search(parse("maria", now_ms=0))
    assert catch_up(store, path) == 60


def test_one_process_writes_and_the_others_read_on(store, path):
    put_many(store, some())
    with folder.IndexFolder(path).writing() as mine:
        assert mine
        assert catch_up(store, path) == 0
    assert catch_up(store, path) == 60


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("An IO error occurred: 'No space left on device (os error 28)'", "disk_full"),
        ("Failed to open file for write: 'IoError { io_error: Custom { kind: StorageFull, …'", "disk_full"),
        ("IO error: 'Permission denied (os error 13)'", "index_unusable"),
    ],
)
def test_a_full_disk_is_told_in_one_line_and_followed_later(store, path, monkeypatch, said, code):
    put_many(store, some())
    catch_up(store, path)
    put_many(store, [Profile(id="new")])

    class Full:
        def __getattr__(self, name: str) -> object:
            raise ValueError(said)

    with monkeypatch.context() as full:
        full.setattr("engine.search.writing.Writer._add", lambda *_: Full().commit())
        with pytest.raises(Unavailable) as caught:
            catch_up(store, path)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert len(ids(Index.open(path))) == 60  # searched on as it was
    assert catch_up(store, path) == 1
