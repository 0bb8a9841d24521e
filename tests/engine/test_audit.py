"""The auditor: silent when all is well, and it names what is not. Each row breaks one thing it must see."""

import pytest

from engine import refunds
from engine.audit import audit
from engine.errors import NotFound
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, send_all


def a_lived_account(store):
    """Two campaigns, sent, refunded in part, one waiting."""
    an_account(store, credits_=6)
    first = a_campaign(store, to=4, pack_size=2)
    send_all(store, first)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, first, 0)
    second = a_campaign(store, to=addresses(8, start=20), pack_size=3)
    send_all(store, second)
    return first, second


def test_a_lived_account_is_clean(store):
    a_lived_account(store)
    report = audit(store, "acme")

    assert report.drift == []
    assert (report.campaigns, report.inmails) == (2, 8)


BREAKS = {
    "a credit added by hand": (lambda s, c: s.client.hincrby(s.keys.wallet("acme"), "available", 1), "wallet is"),
    "a credit moved by hand": (
        lambda s, c: (
            s.client.hincrby(s.keys.wallet("acme"), "held", -1),
            s.client.hincrby(s.keys.wallet("acme"), "spent", 1),
        ),
        "wallet is",
    ),
    "a letter changed": (lambda s, c: s.client.setrange(s.keys.letters(c[0]), 0, "S"), "the log says"),
    "a letter lost": (lambda s, c: s.client.set(s.keys.letters(c[0]), "RRS"), "3 letters for 4 recipients"),
    "a log entry deleted": (lambda s, c: s.client.xdel(s.keys.log("acme"), "3-0"), "sequence jumps to 4"),
    "the log's tail cut": (
        lambda s, c: s.client.xdel(s.keys.log("acme"), f"{int(s.client.hget(s.keys.wallet('acme'), 'seq'))}-0"),
        "the log ends at",
    ),
    "an open contact lost": (
        lambda s, c: s.client.hdel(s.keys.open("acme"), "p20@example.org"),
        "open contacts differ",
    ),
    "an open contact too many": (
        lambda s, c: s.client.hset(s.keys.open("acme"), "x@example.org", "1.0"),
        "open contacts differ",
    ),
    "a due time lost": (lambda s, c: s.client.zrem(s.keys.campaign_due(c[1]), "0"), "falls due later"),
    "a delivery time lost": (lambda s, c: s.client.setrange(s.keys.sent(c[1]), 0, b"\0" * 6), "sent at no time"),
    "a counter off": (lambda s, c: s.client.hincrby(s.keys.campaign(c[1]), "queued", 1), "counter queued"),
    "rows lost": (lambda s, c: s.client.hdel(s.keys.rows(c[1]), "1"), "0 rows for 3 letters"),
    "an InMail lost from a mailbox": (
        lambda s, c: s.client.delete(s.keys.mailbox("p20@example.org")),
        "in no mailbox",
    ),
}


@pytest.mark.drifts
@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_named(store, name):
    made = a_lived_account(store)
    break_it, told = BREAKS[name]
    break_it(store, made)

    assert any(told in line for line in audit(store, "acme").drift)


@pytest.mark.drifts
def test_an_entry_whose_wallet_does_not_follow_is_named_by_its_number(store):
    a_lived_account(store)
    key = store.keys.log("acme")
    entries = store.client.xrange(key)
    store.client.delete(key)
    for entry_id, fields in entries:
        if entry_id == b"4-0":
            fields[b"wallet"] = b"9,9,9,9,9"
        store.client.xadd(key, fields, id=entry_id)

    assert "log entry 4" in audit(store, "acme").drift[0]


def test_an_unknown_account_is_not_found(store):
    with pytest.raises(NotFound):
        audit(store, "nobody")
