"""``inmail link`` and the link that ``inmail inbox`` shows with each InMail."""

import json

import pytest

from config.settings import get_settings
from engine import answers
from engine.link_keys import SETTLE_MS, stored_keys
from engine.store import Store, open_client
from tests.factories import a_campaign, an_account, send_all

SECRET = "an-example-of-a-secret-of-40-characters!"
TO = "p0@example.org"


@pytest.fixture
def store(cli, redis_url):
    """What the commands look at, with three InMails of acme delivered and one queued."""
    client = open_client(redis_url)
    made = Store(client)
    an_account(made, credits_=3)
    send_all(made, a_campaign(made, to=4))
    yield made
    client.close()


def as_json(found):
    code, out, _ = found
    assert code == 0
    return json.loads(out)


def test_link_prints_the_link_and_nothing_else(cli, store, monkeypatch):
    code, out, err = cli("link", "acme.1.0")
    assert (code, err) == (0, [])
    assert out.startswith("http://127.0.0.1:8000/r/1.")
    assert out.count("\n") == 1
    found = as_json(cli("link", "acme.1.0", "--json"))
    assert (found["inmail"], found["purpose"]) == ("acme.1.0", "answer")
    assert 30 * 86_400_000 <= found["expires_at_ms"] - store.now_ms() + 5000 <= 30 * 86_400_000 + 3_610_000
    assert as_json(cli("link", "show", "acme.1.0", "--json"))["link"] == found["link"]


def test_once_it_is_answered_the_link_is_for_the_conversation(cli, store):
    early = as_json(cli("link", "acme.1.0", "--json"))["link"]
    answers.answer(store, "acme.1.0", address=TO, kind="accept")
    assert as_json(cli("link", "acme.1.0", "--json"))["purpose"] == "conversation"
    found = as_json(cli("link", "check", early, "--json"))
    assert (found["purpose"], found["fits"], found["key"]) == ("answer", False, "1")
    assert "a link for its conversation now" in cli("link", "check", early)[1]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("acme.1.3",), 3, "is queued: nobody received it"),
        (("acme.1.4",), 3, "no InMail"),
        (("acme",), 3, "no InMail"),
        (("check", "x"), 3, "this link cannot be used"),
        (("check", "http://127.0.0.1:8000/r/1.zzzz.acme.1.0.AAAAAAAAAAAAAAAAAAAAAA"), 3, "this link cannot be used"),
        (("rotate", "--drop-older-than", "60"), 2, "no span of time"),
        (("rotate", "--drop-older-than", "-P1D"), 2, "no span of time"),
        (("rotate", "--drop-older-than", "P" + "9" * 30 + "D"), 2, "no span of time"),
        ((), 2, ""),
    ],
)
def test_what_has_no_link_and_what_is_none_is_told_in_one_line(cli, store, words, code, told):
    found, _, err = cli("link", *words)
    assert found == code
    if told:
        assert len(err) == 1
        assert told in err[0]


def test_rotate_makes_a_key_and_drops_old_ones_when_asked(cli, store):
    cli("link", "acme.1.0")
    key = stored_keys(store)[0]
    store.client.hset(store.keys.link_keys, key.id, f"{key.created_ms - SETTLE_MS} {key.secret}")
    assert as_json(cli("link", "rotate", "--json")) == {"key": "2", "dropped": [], "keys": ["1", "2"]}
    assert as_json(cli("link", "rotate", "--json")) == {"key": "2", "dropped": [], "keys": ["1", "2"]}
    old = as_json(cli("link", "acme.1.0", "--json"))["link"]
    code, out, _ = cli("link", "rotate", "--drop-older-than", "PT30S")
    assert code == 0
    assert "key 2 signs from now on" in out
    assert "dropped: 1" in out
    assert cli("link", "check", old)[0] == 3


def test_keys_of_the_settings_sign_and_are_not_rotated(cli, store, monkeypatch):
    monkeypatch.setenv("INMAIL_LINK_KEYS", f"k9:{SECRET}")
    monkeypatch.setenv("INMAIL_PUBLIC_URL", "https://mail.example.org/in/")
    get_settings.cache_clear()
    assert cli("link", "acme.1.0")[1].startswith("https://mail.example.org/in/r/k9.")
    assert stored_keys(store) == []
    code, _, err = cli("link", "rotate")
    assert code == 3
    assert "INMAIL_LINK_KEYS" in err[0]
    assert SECRET not in err[0]


def test_inbox_shows_each_inmails_link(cli, store):
    item = as_json(cli("inbox", TO, "--json"))["items"][0]
    assert item["link"] == as_json(cli("link", item["inmail"], "--json"))["link"]
    assert f"answer: {item['link']}\n" in cli("inbox", TO)[1]
    answers.answer(store, "acme.1.0", address=TO, kind="decline")
    assert "\nconversation: http://127.0.0.1:8000/r/" in cli("inbox", TO)[1]
