"""Reply links: what opens, what does not, that refusing costs the same work, and keys that change."""

import hmac
import random
import string

import pytest

from config.settings import BadSettings, get_settings
from engine import answers, link_keys, links
from engine.errors import NotFound, Refused
from engine.link_keys import LinkKeys, open_link_keys, stored_keys
from engine.links import BadLink, link_for, open_either, open_link, sign
from tests.conftest import NOON_MS
from tests.factories import a_campaign, an_account, send_all

SECRET = "an-example-of-a-secret-of-40-characters!"
HOUR_MS = 3_600_000
LATER_MS = NOON_MS + 30 * 24 * HOUR_MS
BASE62 = string.ascii_letters + string.digits


@pytest.fixture
def keys():
    return open_link_keys(None, f"one:{SECRET}")


@pytest.fixture
def token(keys):
    return sign(keys, "answer", "acme.7.123", LATER_MS)


def opens(keys, token, purpose="answer", at_ms=NOON_MS):
    try:
        return open_link(keys, purpose, token, at_ms)
    except BadLink:
        return None


def test_a_token_opens_its_inmail_until_its_hour_ends(keys, token):
    found = opens(keys, token)
    assert found.inmail == "acme.7.123"
    assert opens(keys, token, at_ms=LATER_MS - 1) is not None
    assert opens(keys, token, at_ms=LATER_MS + HOUR_MS) is None
    assert found.expires_at_ms - LATER_MS < HOUR_MS


def test_a_token_is_short_and_has_no_personal_data(token):
    assert len(token) <= 45
    assert "@" not in token
    assert token.split(".")[2:5] == ["acme", "7", "123"]


def test_a_token_for_one_purpose_opens_no_other(keys):
    for made in ("answer", "conversation", "page"):
        token = sign(keys, made, "acme.7.123", LATER_MS)
        for asked in ("answer", "conversation", "page"):
            assert (opens(keys, token, asked) is not None) == (made == asked)


@pytest.mark.parametrize("purpose", ["answer", "conversation"])
def test_either_kind_of_link_opens_and_says_which_it_is(keys, purpose):
    assert open_either(keys, sign(keys, purpose, "acme.7.123", LATER_MS), NOON_MS).purpose == purpose


def test_a_token_of_any_account_id_opens(keys):
    for account in ("a", "a-b_c", "x" * 40, "0", "a_-_b"):
        token = sign(keys, "answer", f"{account}.999999999.999999999", LATER_MS)
        assert opens(keys, token).inmail == f"{account}.999999999.999999999"
        assert len(token) <= links.TOKEN_CHARS_MAX


def test_every_single_changed_left_out_or_added_character_closes_a_token(keys, token):
    for i in range(len(token) + 1):
        assert opens(keys, token[:i] + token[i + 1 :]) is None or i == len(token)
        for char in BASE62 + "-_. =é\0":
            assert opens(keys, token[:i] + char + token[i:]) is None
            changed = token[:i] + char + token[i + 1 :]
            assert opens(keys, changed) is None or changed == token


@pytest.mark.parametrize(
    "odd",
    [
        "",
        ".",
        "..",
        "x",
        "....",
        ".....",
        "é",
        "\ud800",
        "\0",
        "a" * 10_000,
        "one.",
        "../../etc/passwd",
        "%2e%2e",
        "one.zzzzzz.acme.7.123.",
        "None",
    ],
)
def test_what_is_no_token_is_refused_like_a_forged_one(keys, token, odd):
    told = set()
    for bad in (
        odd,
        odd + token if odd else ".",
        token + odd if odd else "x",
        token[:-1] + ("A" if token[-1] != "A" else "B"),
    ):
        with pytest.raises(BadLink) as refused:
            open_link(keys, "answer", bad, NOON_MS)
        told.add((str(refused.value), refused.value.code))
    assert told == {("this link cannot be used", "bad_link")}


def test_of_100_000_guesses_none_opens(keys, token):
    rng = random.Random(6)
    head = token.rpartition(".")[0]
    alphabet = BASE62 + "-_"
    for n in range(100_000):
        guess = f"{head}.{''.join(rng.choices(alphabet, k=22))}"
        if n % 4 == 1:  # the MAC of a real link on another InMail
            guess = f"one.{token.split('.')[1]}.acme.7.{n}.{token.rpartition('.')[2]}"
        elif n % 4 == 2:  # a longer life
            guess = token.replace(token.split(".")[1], link_keys.base36(500_000 + n))
        elif n % 4 == 3:  # one character off
            at = rng.randrange(len(token))
            guess = token[:at] + rng.choice(alphabet) + token[at + 1 :]
        if guess == token:
            continue
        with pytest.raises(BadLink):
            open_either(keys, guess, NOON_MS)


def test_a_guess_of_2_to_the_128_is_out_of_reach():
    # 20 million guesses hit one of a billion live links with odds below one in 10^22.
    assert 20_000_000 * 1_000_000_000 / 2**128 < 1e-22


def test_whatever_is_wrong_with_a_token_the_same_macs_are_computed_over_it(keys, token, monkeypatch):
    expired = sign(keys, "answer", "acme.7.123", NOON_MS - HOUR_MS)
    unknown = "two" + token[3:]
    bad = [
        expired,
        unknown,
        token[:-1],
        "x",
        "",
        "é" * 40,
        token + "x",
        "a" * 500,
        sign(keys, "page", "acme.7.1", LATER_MS),
    ]
    counted = []

    def counting(key, text, name):
        counted.append((len(key), name))
        return hmac_digest(key, text, name)

    hmac_digest = hmac.digest
    monkeypatch.setattr(hmac, "digest", counting)
    work = []
    for each in bad:
        counted.clear()
        with pytest.raises(BadLink):
            open_either(keys, each, NOON_MS)
        work.append(list(counted))
    assert work == [[(32, "sha256")] * 2] * len(bad)


def test_a_mac_is_compared_in_constant_time_and_whole(keys, token, monkeypatch):
    compared = []

    def comparing(a, b):
        compared.append((len(a), b))
        return a == b

    monkeypatch.setattr(links, "compare_digest", comparing)
    for bad in ("x", token[:-3], token[:-1] + "!", sign(keys, "answer", "acme.7.123", 0)):
        compared.clear()
        assert opens(keys, bad) is None
        assert [length for length, _ in compared] == [22]


def test_a_link_is_for_the_answer_until_there_is_one_then_for_the_conversation(store):
    keys = LinkKeys(*_kept(store))
    an_account(store, credits_=2)
    send_all(store, a_campaign(store))

    def purpose(inmail):
        url = link_for(store, keys, inmail, base_url="https://m.example.org/x", lifetime_ms=HOUR_MS)
        assert url.startswith("https://m.example.org/x/r/1.")
        return open_either(keys, url.rpartition("/")[2], NOON_MS).purpose

    assert purpose("acme.1.0") == "answer"
    answers.answer(store, "acme.1.0", address="p0@example.org", kind="decline")
    assert purpose("acme.1.0") == "conversation"
    assert purpose("acme.1.1") == "answer"
    with pytest.raises(Refused, match=r"acme\.1\.2 is queued: nobody received it"):
        purpose("acme.1.2")


@pytest.mark.parametrize("unknown", ["acme.1.3", "acme.2.0", "nobody.1.0", "x", "", "acme.1.x"])
def test_what_is_not_there_has_no_link(store, unknown):
    an_account(store, credits_=3)
    send_all(store, a_campaign(store))
    with pytest.raises(NotFound):
        link_for(store, LinkKeys(*_kept(store)), unknown, base_url="", lifetime_ms=HOUR_MS)


def test_a_nonce_is_good_for_its_token_for_two_hours(keys, token):
    nonce = links.page_nonce(keys, token, NOON_MS)
    assert links.good_nonce(keys, token, nonce, NOON_MS)
    assert links.good_nonce(keys, token, nonce, NOON_MS + links.NONCE_LIVES_MS)
    assert not links.good_nonce(keys, token, nonce, NOON_MS + links.NONCE_LIVES_MS + 1)
    assert not links.good_nonce(keys, token[:-1], nonce, NOON_MS)
    for i in range(len(nonce)):
        assert not links.good_nonce(keys, token, nonce[:i] + "!" + nonce[i + 1 :], NOON_MS)
    for odd in ("", "x", "...", "é" * 30, "a" * 1000, "\ud800"):
        assert not links.good_nonce(keys, token, odd, NOON_MS)


def _kept(store):
    open_link_keys(store, None)
    return stored_keys(store), "1"


@pytest.mark.parametrize("good", ["https://mail.example.org", "http://127.0.0.1:8000/", "https://example.org/in/mail"])
def test_a_public_address_is_taken_without_its_last_slash(good, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INMAIL_PUBLIC_URL", good)
    get_settings.cache_clear()
    assert get_settings().public_url == good.rstrip("/")
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("INMAIL_PUBLIC_URL", bad)
        for bad in (
            "example.org",
            "ftp://x",
            "https://",
            "https://a b",
            "https://u:p@h",
            "https://h?x",
            "https://h#x",
            "https://h:x",
            "javascript:alert(1)",
            'https://h/"><b>',
        )
    ]
    + [("INMAIL_LINK_LIFETIME", bad) for bad in ("30", "PT59M", "P367D", "-P1D", "x")],
)
def test_a_setting_of_links_that_is_wrong_is_told_by_name(name, bad, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, bad)
    get_settings.cache_clear()
    with pytest.raises(BadSettings, match=name):
        get_settings()
    get_settings.cache_clear()
