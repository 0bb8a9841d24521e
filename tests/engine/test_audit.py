"""The auditor: silent when all is well, and it names what is not. Each row breaks one thing it must see."""

import pytest

from engine import refunds
from engine.audit import audit, audited_accounts
from engine.errors import NotFound
from engine.identity import digest
from tests.conftest import DAY_MS
from tests.factories import a_campaign, add_entry, addresses, an_account, claim, lose_mailbox, reply, send_all


def a_lived_account(store):
    """Two campaigns, sent, refunded in part, one waiting."""
    an_account(store, credits_=6)
    first = a_campaign(store, to=4, pack_size=2)
    send_all(store, first)
    reply(store, f"{first}.2", address="p2@example.org", accept=True)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, first, 0, others=0)
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
        lambda s, c: s.client.hdel(s.keys.open("acme"), digest("p20@example.org")),
        "open contacts differ",
    ),
    "an open contact too many": (
        lambda s, c: s.client.hset(s.keys.open("acme"), digest("x@example.org"), "1.0"),
        "open contacts differ",
    ),
    "a due time lost": (lambda s, c: s.client.zrem(s.keys.campaign_due(c[1]), "0"), "falls due later"),
    "a delivery time lost": (lambda s, c: s.client.setrange(s.keys.sent(c[1]), 0, b"\0" * 6), "sent at no time"),
    "a counter off": (lambda s, c: s.client.hincrby(s.keys.campaign(c[1]), "queued", 1), "counter queued"),
    "rows lost": (lambda s, c: s.client.hdel(s.keys.rows(c[1]), "1"), "0 rows for 3 letters"),
    "two people's letters swapped": (
        lambda s, c: (
            s.client.setrange(s.keys.letters(c[0]), 0, "A"),
            s.client.setrange(s.keys.letters(c[0]), 2, "R"),
        ),
        "letters and logged answers differ",
    ),
    "the replies lost": (lambda s, c: s.client.delete(s.keys.replies(c[0])), "replies are missing"),
    "a state that does not exist": (lambda s, c: s.client.hset(s.keys.campaign(c[1]), "state", "banana"), "banana"),
    "closed too early": (lambda s, c: s.client.hset(s.keys.campaign(c[1]), "state", "closed"), "are not sent"),
    "forgotten by the scheduler": (lambda s, c: s.client.zrem(s.keys.sending("acme"), c[1]), "set of sending"),
    "forgotten by the sweep": (lambda s, c: s.client.zrem(s.keys.active("acme"), c[1]), "set of active"),
    "a pack nobody would release": (lambda s, c: s.client.delete(s.keys.again(c[1])), "nobody would find again"),
    "a delivery in the future": (
        lambda s, c: s.client.setrange(s.keys.sent(c[1]), 0, (s.at_ms + DAY_MS).to_bytes(6, "big")),
        "sent in the future",
    ),
    "an InMail delivered before it was sent": (
        lambda s, c: add_entry(s, "p27@example.org", c[1], 2),
        "not sent are in a mailbox",
    ),
    "an InMail delivered twice": (
        lambda s, c: add_entry(s, "p20@example.org", c[1], 0),
        "are in a mailbox twice",
    ),
    "the digests of an open pack lost": (
        lambda s, c: s.client.hdel(s.keys.digests(c[1]), "0"),
        "digests of pack 0",
    ),
    "the digests of another pack": (
        lambda s, c: s.client.hset(s.keys.digests(c[1]), "0", b"x" * 36),
        "digests of pack 0",
    ),
    "the account's record lost": (lambda s, c: s.client.delete(s.keys.account("acme")), "own record is missing"),
    "the account unregistered": (lambda s, c: s.client.srem(s.keys.accounts, "acme"), "register of accounts"),
    "a campaign's record lost": (lambda s, c: s.client.delete(s.keys.campaign(c[0])), "cannot be read"),
    "rows that are junk": (lambda s, c: s.client.hset(s.keys.rows(c[0]), "0", "junk"), "cannot be read"),
    "a letter that is no letter": (lambda s, c: s.client.setrange(s.keys.letters(c[0]), 0, b"\xff"), "cannot be read"),
    "a wallet field lost": (lambda s, c: s.client.hdel(s.keys.wallet("acme"), "spent"), "cannot be read"),
    "an entry put in after the end of the log": (
        lambda s, c: s.client.xadd(s.keys.log("acme"), {"kind": "grant"}, id="9999-0"),
        "last entry is 9999-0",
    ),
    "a stored reply turned round": (
        lambda s, c: s.client.hset(s.keys.replies(c[0]), "2", "1800000000000 D \n"),
        "the reply stored for 2",
    ),
    "a stored reply emptied": (lambda s, c: s.client.hset(s.keys.replies(c[0]), "2", ""), "the reply stored for 2"),
    "letters of two packs swapped": (
        lambda s, c: (
            s.client.setrange(s.keys.letters(c[1]), 1, "Q"),
            s.client.setrange(s.keys.letters(c[1]), 6, "S"),
        ),
        "not those the log moved there",
    ),
    "a refund made too early": (
        lambda s, c: s.client.setrange(s.keys.sent(c[0]), 0, (s.at_ms - 1000).to_bytes(6, "big")),
        "made before it was due",
    ),
    "a key that points to another grant": (
        lambda s, c: s.client.hset(s.keys.of_account("acme")[3], "grant:key:x", "2 5 gift"),
        "no such grant of its own",
    ),
    "two keys for one grant": (
        lambda s, c: s.client.hset(
            s.keys.of_account("acme")[3], mapping={"grant:key:x": "2 6 test", "grant:key:y": "2 6 test"}
        ),
        "no such grant of its own",
    ),
    "the chain's end changed": (lambda s, c: s.client.hset(s.keys.wallet("acme"), "chain", 5), "last chain number"),
    "an InMail lost from a mailbox": (
        lambda s, c: lose_mailbox(s, "p20@example.org"),
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
def test_claimed_recipients_nobody_would_find_are_named(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=2)
    claim(store, campaign)
    assert audit(store, "acme").drift == []
    store.client.delete(store.keys.leases(campaign))
    assert audit(store, "acme").drift == [
        f"{campaign}: pack 0 has claimed recipients and no lease: nobody would find them"
    ]


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


@pytest.mark.drifts
@pytest.mark.parametrize(("field", "value"), [(b"note", b"other"), (b"at_ms", b"5"), (b"chain", b"5")])
def test_an_entry_edited_afterwards_is_named_by_its_number(store, field, value):
    a_lived_account(store)
    key = store.keys.log("acme")
    entries = store.client.xrange(key)
    store.client.delete(key)
    for entry_id, fields in entries:
        store.client.xadd(key, {**fields, field: value} if entry_id == b"5-0" else fields, id=entry_id)

    assert any(line.startswith("log entry 5 ") and "chain number" in line for line in audit(store, "acme").drift)


def test_an_unknown_account_is_not_found(store):
    with pytest.raises(NotFound):
        audit(store, "nobody")


@pytest.mark.drifts
def test_an_account_that_fell_out_of_the_register_is_audited_all_the_same(store):
    a_lived_account(store)
    store.client.srem(store.keys.accounts, "acme")
    assert audited_accounts(store) == ["acme"]


def test_a_name_registered_by_an_opening_that_was_interrupted_is_no_drift(store):
    store.client.sadd(store.keys.accounts, "half")
    assert audited_accounts(store) == []
