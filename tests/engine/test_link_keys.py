"""Keys of reply links: named in the settings or kept in Redis, rotated, dropped, read again."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import BadSettings, get_settings
from engine import link_keys
from engine.errors import Invalid
from engine.link_keys import SETTLE_MS, open_link_keys, rotate, stored_keys
from engine.links import BadLink, open_link, sign
from tests.conftest import NOON_MS

SECRET = "an-example-of-a-secret-of-40-characters!"
LATER_MS = NOON_MS + 30 * 86_400_000


@pytest.fixture
def token():
    return sign(open_link_keys(None, f"one:{SECRET}"), "answer", "acme.7.123", LATER_MS)


def opens(keys, token):
    try:
        return open_link(keys, "answer", token, NOON_MS)
    except BadLink:
        return None


def test_another_installations_token_is_refused(token):
    assert opens(open_link_keys(None, f"one:{SECRET[::-1]}"), token) is None


def test_all_named_keys_verify_and_the_first_signs(token):
    both = open_link_keys(None, f"two:{SECRET[::-1]}, one:{SECRET}")
    assert opens(both, token) is not None
    assert sign(both, "answer", "acme.7.123", LATER_MS).startswith("two.")
    assert opens(open_link_keys(None, f"two:{SECRET[::-1]}"), token) is None


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("", "key 1 must be id:secret"),
        ("one", "key 1 must be id:secret"),
        ("toolong:" + SECRET, "1 to 4 letters or digits"),
        (f"one:{SECRET},", "key 2 must be id:secret"),
        ("one:short", "32 or more"),
        (f"one:{SECRET},one:{SECRET}", "stands there twice"),
        ("one:" + "é" * 40, "plain characters"),
    ],
)
def test_keys_that_are_not_usable_are_named_and_never_quoted(named, told, monkeypatch, tmp_path):
    with pytest.raises(Invalid, match=told) as refused:
        open_link_keys(None, named)
    assert SECRET not in str(refused.value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INMAIL_LINK_KEYS", named)
    get_settings.cache_clear()
    if named:
        with pytest.raises(BadSettings, match=told) as unset:
            get_settings()
        assert str(unset.value).startswith("INMAIL_LINK_KEYS=***: ")
    get_settings.cache_clear()


def test_without_named_keys_one_is_made_once_and_kept(store):
    first, second = open_link_keys(store, None), open_link_keys(store, None)
    assert [key.id for key in stored_keys(store)] == ["1"]
    assert opens(second, sign(first, "answer", "acme.7.123", LATER_MS)) is not None
    assert stored_keys(store)[0].secret not in repr(stored_keys(store))


def test_a_new_key_signs_once_every_process_knows_it_and_the_old_one_verifies_on(store, monkeypatch):
    monkeypatch.setattr(link_keys, "REREAD_S", -1.0)
    keys = open_link_keys(store, None)
    old = sign(keys, "answer", "acme.7.123", LATER_MS)
    store.at_ms += SETTLE_MS
    assert rotate(store) == ("2", [])
    assert keys.signer == "1"
    store.at_ms += SETTLE_MS
    assert keys.signer == "2"
    assert opens(keys, old) is not None
    assert opens(keys, sign(keys, "answer", "acme.7.123", LATER_MS)) is not None


def test_rotating_again_at_once_makes_no_other_key(store):
    open_link_keys(store, None)
    store.at_ms += SETTLE_MS
    assert rotate(store) == rotate(store) == ("2", [])
    assert len(stored_keys(store)) == 2


def test_old_keys_are_dropped_and_their_links_end(store, monkeypatch):
    monkeypatch.setattr(link_keys, "REREAD_S", -1.0)
    keys = open_link_keys(store, None)
    old = sign(keys, "answer", "acme.7.123", LATER_MS)
    store.at_ms += SETTLE_MS
    assert rotate(store, drop_older_than_ms=2 * SETTLE_MS) == ("2", [])
    assert opens(keys, old) is not None
    store.at_ms += SETTLE_MS
    assert rotate(store, drop_older_than_ms=2 * SETTLE_MS) == ("3", ["1"])
    assert opens(keys, old) is None
    assert rotate(store, drop_older_than_ms=0) == ("3", ["2"])
    assert keys.signer == "3"


def test_a_negative_span_drops_nothing(store):
    open_link_keys(store, None)
    with pytest.raises(Invalid, match="span of time"):
        rotate(store, drop_older_than_ms=-1)
    assert len(stored_keys(store)) == 1


def test_keys_read_before_do_while_redis_is_away(store, monkeypatch):
    keys = open_link_keys(store, None)
    token = sign(keys, "answer", "acme.7.123", LATER_MS)
    monkeypatch.setattr(link_keys, "REREAD_S", -1.0)

    def away(*_):
        raise RedisConnectionError("away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "hash", away)
        assert opens(keys, token) is not None
