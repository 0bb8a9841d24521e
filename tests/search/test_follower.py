"""The index becomes and stays like the directory, whatever dies, vanishes or fills up in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.candidates import candidates
from engine.directory import wishes
from engine.directory.changes import changes_since
from engine.directory.profile import Profile
from engine.directory.store import put_many, remove_many
from engine.errors import Unavailable
from engine.search import folder, follower
from engine.search.follower import Follower, catch_up
from engine.search.index import Index
from engine.search.query import parse
from engine.store import Store, open_client
from tests.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


def ids(index: Index, text: str = "") -> set[str]:
    found = index.search(parse(text, now_ms=0), most=10_000)
    assert len(found.ids) == found.total
    return set(found.ids)


def some(count: int = 60) -> list[Profile]:
    return [replace(each, consent=True) for each in candidates(count)]


def test_an_index_is_built_of_everybody_who_may_be_found(store, path):
    profiles = some()
    put_many(store, [*profiles[:50], *(replace(each, consent=False) for each in profiles[50:])])
    wishes.hide(store, profiles[0].address)

    assert catch_up(store, path) == 49
    assert ids(Index.open(path)) == {each.id for each in profiles[1:50]}


def test_changes_are_followed_and_nothing_is_done_where_nothing_changed(store, path):
    profiles = some()
    put_many(store, profiles)
    catch_up(store, path)
    index = Index.open(path)
    assert catch_up(store, path) == 0

    put_many(store, [replace(profiles[0], title="Beekeeper"), Profile(id="new", title="Beekeeper")])
    remove_many(store, [profiles[1].id])
    wishes.hide(store, profiles[2].address)
    wishes.erase(store, profiles[3].address)
    assert catch_up(store, path) == 5
    assert ids(index, "title:beekeeper") == {profiles[0].id, "new"}
    assert ids(index) == {each.id for each in profiles} - {each.id for each in profiles[1:4]} | {"new"}

    wishes.show(store, profiles[2].address)
    catch_up(store, path)
    assert profiles[2].id in ids(index)


def test_where_the_log_does_not_reach_back_the_shard_is_read_anew(store, path):
    profiles = some(200)
    put_many(store, profiles)
    catch_up(store, path)
    put_many(store, [replace(profiles[0], title="Beekeeper")])
    remove_many(store, [each.id for each in profiles[1:100]])
    for shard in range(64):
        store.client.xtrim(store.keys.changes(shard), maxlen=0)
        seq = store.client.hget(store.keys.directory(shard), "seq") or 0
        store.client.hset(store.keys.directory(shard), "let_go", seq)
    assert changes_since(store, Index.open(path).followed()).gaps

    catch_up(store, path)
    index = Index.open(path)
    assert ids(index) == {profiles[0].id, *(each.id for each in profiles[100:])}
    assert ids(index, "title:beekeeper") == {profiles[0].id}


def test_a_process_that_dies_between_writing_and_noting_does_no_harm(store, path, monkeypatch):
    profiles = some()
    put_many(store, profiles)
    catch_up(store, path)
    put_many(store, [replace(profiles[0], title="Beekeeper")])
    remove_many(store, [profiles[1].id])
    with monkeypatch.context() as dying:
        dying.setattr("engine.search.writing.note_followed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            catch_up(store, path)

    assert catch_up(store, path) == 2  # once more, which changes nothing
    index = Index.open(path)
    assert ids(index) == {each.id for each in profiles} - {profiles[1].id}
    assert ids(index, "title:beekeeper") == {profiles[0].id}


def test_a_build_that_was_cut_short_is_gone_on_with(store, path, monkeypatch):
    put_many(store, some(300))
    monkeypatch.setattr(follower, "COMMITS_EVERY", 50)
    read: list[int] = []
    all_profiles = follower.all_profiles

    def dying(store: Store, shard: int, *, visible: bool) -> object:
        read.append(shard)
        if len(read) == 40:
            raise KeyboardInterrupt
        return all_profiles(store, shard, visible=visible)

    monkeypatch.setattr(follower, "all_profiles", dying)
    with pytest.raises(KeyboardInterrupt):
        catch_up(store, path)
    with pytest.raises(Unavailable, match="no search index"):
        Index.open(path)
    begun = [each for each in path.iterdir() if each.is_dir()]

    assert 0 < catch_up(store, path) < 200
    assert folder.IndexFolder(path).current() == begun[0]
    assert len(ids(Index.open(path))) == 300


def test_a_build_that_is_told_to_stop_is_not_searched_and_gone_on_with(store, path):
    put_many(store, some())
    stop = threading.Event()
    stop.set()
    with follower._following(store, folder.IndexFolder(path)) as following:
        assert following.catch_up(stop) == 0
    with pytest.raises(Unavailable) as caught:
        Index.open(path)
    assert caught.value.code == "no_index"
    assert catch_up(store, path) == 60


CHILD = """
import sys
from engine.search.follower import catch_up
from engine.search import writing
from engine.store import Store, open_client
commit = writing.Writer.commit
def stuck(self, seqs):
    if sys.argv[3] == "committed":
        commit(self, seqs)
    print("there", flush=True)
    sys.stdin.read()
writing.Writer.commit = stuck
catch_up(Store(open_client(sys.argv[1])), sys.argv[2])
"""


@pytest.mark.redis
@pytest.mark.parametrize("when", ["before", "committed"])
def test_a_process_killed_while_it_writes_leaves_no_lock_and_the_next_one_goes_on(redis_url, path, when):
    store = Store(flushed(redis_url))
    profiles = some()
    put_many(store, profiles)
    catch_up(store, path)
    remove_many(store, [profiles[0].id])
    put_many(store, [Profile(id="new")])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, redis_url, str(path), when],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert child.stdout.readline() == b"there\n"
    assert catch_up(store, path) == 0  # it holds the lock
    child.send_signal(signal.SIGKILL)
    child.communicate()

    assert catch_up(store, path) == (2 if when == "before" else 0)
    assert ids(Index.open(path)) == {each.id for each in profiles[1:]} | {"new"}
    store.client.close()


@pytest.mark.redis
def test_followers_of_two_processes_take_turns_and_a_change_is_found_soon(redis_url, path):
    store = Store(flushed(redis_url))
    put_many(store, some())
    stops = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=Follower(store, path).run, args=(stop,)) for stop in stops]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: folder.IndexFolder(path).current() is not None)
        index = Index.open(path)
        put_many(store, [Profile(id="one")])
        wait_until(lambda: "one" in ids(index))
        stops[0].set()
        threads[0].join()
        put_many(store, [Profile(id="two")])
        wait_until(lambda: "two" in ids(index))
        path.rename(path.with_name("away"))
        wait_until(lambda: folder.IndexFolder(path).current() is not None)
        assert len(ids(index)) == 62
    finally:
        for stop in stops:
            stop.set()
        for thread in threads:
            thread.join()
    store.client.close()


def flushed(url: str) -> object:
    client = open_client(url)
    client.flushdb()
    return client
