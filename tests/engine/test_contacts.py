"""Contacts of closed packs: they lock nobody, and are forgotten a little at a time."""

from engine import agenda, contacts, preflight, refunds
from engine.audit import audit
from engine.identity import digest, digests, each_digest
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, claim, letters, put_in_mailboxes, reply, send, send_all

MAIL = addresses(6)


def a_closed_campaign(store):
    an_account(store, credits_=6)
    campaign = a_campaign(store, to=MAIL, pack_size=2)
    send_all(store, campaign)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    assert letters(store, campaign) == "RRRRRR"
    return campaign


def standing(store):
    return store.client.hlen(store.keys.open("acme"))


def test_a_closed_pack_locks_nobody_though_its_contacts_stand_there_still(store):
    a_closed_campaign(store)
    assert standing(store) == 6
    people = each_digest(digests(MAIL))
    assert contacts.open_contacts(store, "acme", people) == [None] * 6
    skipped = preflight.Skipped()
    skipped.look(store, "acme", MAIL)
    assert skipped.total == 0

    again = a_campaign(store, to=MAIL[:3])
    send(store, again)
    assert letters(store, again) == "SSS"
    assert contacts.open_contacts(store, "acme", people) == ["2.0"] * 3 + [None] * 3


def test_tidying_forgets_contacts_of_closed_packs_and_none_taken_over_since(store):
    a_closed_campaign(store)
    send(store, a_campaign(store, to=MAIL[:1]))
    left = [contacts.tidy(store, "acme", packs=2), contacts.tidy(store, "acme", packs=2)]

    assert left == [1, 0]
    assert store.client.hgetall(store.keys.open("acme")) == {digest(MAIL[0]): b"2.0"}
    assert contacts.tidy(store, "acme") == 0


def test_a_pack_with_queued_recipients_frees_its_contacts_at_once(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=MAIL[:2])
    send(store, campaign)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    assert (letters(store, campaign), standing(store), store.client.llen(store.keys.stale("acme"))) == ("RQ", 0, 0)

    send_all(store, campaign)
    assert letters(store, campaign) == "RS"
    assert contacts.open_contacts(store, "acme", [digest(MAIL[0]), digest(MAIL[1])]) == [None, "1.0"]


def test_an_answered_pack_leaves_nothing_to_forget_when_its_day_comes(store):
    an_account(store, credits_=2)
    campaign = a_campaign(store, to=MAIL[:2])
    held = claim(store, campaign)
    put_in_mailboxes(store, held)
    for i in range(2):
        reply(store, f"{campaign}.{i}", address=MAIL[i], accept=True)
    send(store, campaign)
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)

    assert (standing(store), store.client.llen(store.keys.stale("acme"))) == (0, 0)
    assert store.client.exists(store.keys.digests(campaign)) == 0


def test_the_scheduler_finds_what_is_to_be_tidied_also_when_that_was_forgotten(store):
    a_closed_campaign(store)
    assert agenda.tidy_some(store)
    agenda.rebuild(store)
    rounds = 0
    while not agenda.tidy_some(store):
        rounds += 1

    assert (rounds, standing(store)) == (1, 0)
    assert audit(store, "acme").drift == []
