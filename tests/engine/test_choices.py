"""A candidate's own say: who may write, who did, what is known, and forgetting it."""

import pytest

from engine import answers, campaigns, choices, conversations, mailbox, refunds, suppressions
from engine.audit import audit
from engine.errors import NotFound, Refused
from engine.identity import digest
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, claim, letters, put_in_mailboxes, reply, send_all, wallet

MAIL = addresses(9)
ANA = MAIL[0]


def test_who_lets_nobody_write_is_not_written_to_and_costs_nothing(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=3)
    assert choices.stop_all(store, ANA) is True
    assert choices.stop_all(store, ANA) is False
    send_all_as_the_channel_does(store, campaign)

    assert letters(store, campaign) == "OSS"
    assert wallet(store) == {"available": 1, "held": 2, "spent": 0, "granted": 3, "expired": 0}
    assert mailbox.inbox(store, ANA) == ([], None)

    assert choices.allow_all(store, ANA) is True
    again = a_campaign(store, to=1)
    send_all_as_the_channel_does(store, again, "t2")
    assert letters(store, again) == "S"


def send_all_as_the_channel_does(store, campaign, token="t1"):
    from engine import sending
    from workers.channels import channel

    held = claim(store, campaign, 0, token)
    done = channel("mailbox").send(store, [held])[0]
    assert sending.settle(store, held, done.delivered, done.failed, done.opted_out) is not None


def test_what_lies_in_the_mailbox_already_is_sent_though_nobody_may_write_by_now(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=1)
    put_in_mailboxes(store, claim(store, campaign))
    choices.stop_all(store, ANA)
    send_all_as_the_channel_does(store, campaign)
    assert letters(store, campaign) == "S"


def test_a_sender_stopped_by_name_is_refused_in_the_claim(store):
    an_account(store, credits_=3)
    an_account(store, "rival", credits_=3)
    choices.stop_sender(store, ANA, "acme")
    mine, theirs = a_campaign(store, to=1), a_campaign(store, "rival", to=1)
    for campaign in (mine, theirs):
        send_all(store, campaign)
    assert (letters(store, mine), letters(store, theirs)) == ("O", "S")
    assert choices.allow_sender(store, ANA, "acme") is True


def test_what_the_candidate_said_only_they_take_back_and_what_the_account_said_only_it(store):
    an_account(store, credits_=3)
    assert choices.stop_sender(store, ANA, "acme") is True
    with pytest.raises(Refused) as refused:
        suppressions.unsuppress(store, "acme", ANA)
    assert refused.value.code == "stopped_by_candidate"
    assert choices.stopped_sender(store, ANA, "acme") is True

    assert suppressions.suppress(store, "acme", ANA) is True  # both say so now
    assert suppressions.suppressions(store, "acme") == [ANA]
    assert choices.allow_sender(store, ANA, "acme") is True
    assert choices.allow_sender(store, ANA, "acme") is False
    campaign = a_campaign(store, to=1)
    send_all(store, campaign)
    assert letters(store, campaign) == "O"
    assert suppressions.unsuppress(store, "acme", ANA) is True
    assert suppressions.unsuppress(store, "acme", ANA) is False
    assert suppressions.suppressions(store, "acme") == []


def test_one_sees_who_wrote_how_often_and_whether_they_still_may(store):
    an_account(store, credits_=9)
    an_account(store, "rival", credits_=9)
    send_all(store, a_campaign(store, to=2))
    reply(store, "acme.1.0", address=ANA, accept=False)
    store.at_ms += 1000
    send_all(store, a_campaign(store, "rival", to=1))
    store.at_ms += 1000
    send_all(store, a_campaign(store, to=1))
    choices.stop_sender(store, ANA, "rival")

    assert [each.as_dict() for each in choices.senders(store, ANA)] == [
        {"name": "Acme", "email": "acme@example.org", "inmails": 2, "last_at_ms": store.at_ms, "stopped": False},
        {"name": "Acme", "email": "rival@example.org", "inmails": 1, "last_at_ms": store.at_ms - 1000, "stopped": True},
    ]
    assert choices.senders(store, "nobody@example.org") == []


def test_an_export_holds_all_that_is_known(store):
    an_account(store, credits_=3)
    campaign = a_campaign(store, to=2)
    send_all(store, campaign)
    reply(store, f"{campaign}.0", address=ANA, accept=True, text="Gladly")
    conversations.say(store, f"{campaign}.0", text="Thank you", account="acme")
    found = choices.export(store, ANA)

    assert (found["address"], found["may_be_written_to"]) == (ANA, True)
    (inmail,) = found["inmails"]
    assert inmail["fields"] == {"first_name": "N0", "email": ANA}
    assert (inmail["answer"]["text"], inmail["messages"][0]["text"]) == ("Gladly", "Thank you")
    assert MAIL[1] not in str(found)


def everything(store):
    """All of Redis as bytes, packed rows unpacked."""
    from engine import rows

    parts = []
    for key in store.client.scan_iter():
        kind = store.client.type(key)
        if kind == b"hash":
            parts += [part for pair in store.client.hgetall(key).items() for part in pair]
            if key.endswith(b":rows"):
                parts += [str(rows.unpack(blob)).encode() for blob in store.client.hvals(key)]
        elif kind == b"list":
            parts += store.client.lrange(key, 0, -1)
        elif kind == b"zset":
            parts += store.client.zrange(key, 0, -1)
        elif kind == b"set":
            parts += store.client.smembers(key)
        elif kind == b"stream":
            parts += [value for _, fields in store.client.xrange(key) for value in fields.values()]
        else:
            parts.append(store.client.get(key))
    return b"\n".join(parts)


def test_erasing_leaves_no_word_of_somebody_and_every_credit_where_it_was(store):
    an_account(store, credits_=9)
    first, second = a_campaign(store, to=3), None
    send_all(store, first)
    reply(store, f"{first}.0", address=ANA, accept=True, text="My name is Ana Secret")
    conversations.say(store, f"{first}.0", text="Dear Ana Secret", account="acme")
    second = a_campaign(store, to=2)
    send_all(store, second)
    choices.stop_sender(store, ANA, "acme")
    before = (letters(store, first), letters(store, second), wallet(store))

    assert choices.erase(store, ANA) == 2
    assert (letters(store, first), letters(store, second), wallet(store)) == before
    assert ANA.encode() not in everything(store)
    assert b"Secret" not in everything(store)
    assert b"N0" not in everything(store)
    assert audit(store, "acme").drift == []
    assert choices.erase(store, ANA) == 0
    assert mailbox.inbox(store, ANA) == ([], None)
    with pytest.raises(NotFound):
        conversations.read(store, f"{first}.0", address=ANA)

    # The open InMail of one who is forgotten falls due as any other, and the next is not sent.
    store.at_ms += 8 * DAY_MS
    for campaign in (first, second):
        refunds.refund(store, campaign, 0)
    assert wallet(store)["held"] == 0
    assert audit(store, "acme").drift == []
    third = a_campaign(store, to=1)
    send_all(store, third)
    assert letters(store, third) == "O"


def test_after_erasing_nothing_is_said_to_its_inmails_from_either_side(store):
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=3)
    send_all(store, campaign)
    for i in range(2):
        reply(store, f"{campaign}.{i}", address=MAIL[i], accept=True)
    conversations.say(store, f"{campaign}.0", text="Hello", account="acme")
    for i in (0, 1, 2):
        choices.erase(store, MAIL[i])
    before = (letters(store, campaign), wallet(store))
    for call in (
        lambda: answers.answer(store, f"{campaign}.2", address=MAIL[2], kind="accept", text="my number"),
        lambda: conversations.say(store, f"{campaign}.0", text="my number", address=MAIL[0]),
        lambda: answers.undo(store, f"{campaign}.0", address=MAIL[0]),
        lambda: answers.undo(store, f"{campaign}.1", address=MAIL[1]),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(Refused) as refused:
        conversations.say(store, f"{campaign}.0", text="Are you there?", account="acme")
    assert refused.value.code == "erased"
    assert (letters(store, campaign), wallet(store)) == before


def test_a_long_mailbox_is_erased_to_its_end_and_nobody_fills_it_again(store):
    an_account(store, credits_=200)
    for _ in range(80):  # more than its own field holds
        campaign = a_campaign(store, to=[ANA])
        send_all(store, campaign)
        reply(store, f"{campaign}.0", address=ANA, accept=False)
    older = store.keys.older_mail(digest(ANA))
    assert store.client.exists(older) == 1
    assert choices.erase(store, ANA) == 80
    assert store.client.exists(older) == 0
    last = a_campaign(store, to=[ANA])
    send_all_as_the_channel_does(store, last)
    assert letters(store, last) == "O"
    assert mailbox.inbox(store, ANA) == ([], None)


def test_two_of_one_pack_may_be_erased_and_their_neighbours_stay(store):
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=4)
    send_all(store, campaign)
    for address in MAIL[:2]:
        assert choices.erase(store, address) == 1
    found = [each.fields["email"] for each in campaigns.recipients(store, campaign)]
    assert found == ["erased", "erased", MAIL[2], MAIL[3]]
    assert answers.answer(store, f"{campaign}.2", address=MAIL[2], kind="accept").letter == "A"
    assert audit(store, "acme").drift == []


def test_erasing_that_meets_another_change_of_the_pack_reads_it_again(store, monkeypatch):
    an_account(store, credits_=9)
    campaign = a_campaign(store, to=3)
    send_all(store, campaign)
    run, met = type(store).run, []

    def meets(self, name, *arguments):
        if name == "erase" and not met:
            met.append(1)
            choices.erase(store, MAIL[1])
        return run(self, name, *arguments)

    monkeypatch.setattr(type(store), "run", meets)
    assert choices.erase(store, ANA) == 1
    assert [each.fields["email"] for each in campaigns.recipients(store, campaign)] == ["erased", "erased", MAIL[2]]
