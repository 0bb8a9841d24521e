"""What both sides write after an answer, and the folders a sender finds it in."""

import pytest

from engine import answers, conversations, folders, refunds
from engine.errors import Invalid, NotFound, Refused
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, claim, put_in_mailboxes, reply, send_all, wallet

MAIL = addresses(9)


@pytest.fixture
def campaign(store):
    an_account(store, credits_=6)
    made = a_campaign(store, to=6, pack_size=4)
    send_all(store, made)
    return made


def sender(store, inmail, text, **more):
    return conversations.say(store, inmail, text=text, account="acme", **more)


def candidate(store, inmail, text, i=0, **more):
    return conversations.say(store, inmail, text=text, address=MAIL[i], **more)


def said(store, inmail):
    return [(m.side, m.text) for m in conversations.read_sent(store, inmail, account="acme").messages]


def test_after_the_answer_both_sides_write_for_nothing(store, campaign):
    inmail = f"{campaign}.0"
    reply(store, inmail, address=MAIL[0], accept=True, text="Tell me more")
    before = wallet(store)
    store.at_ms += 1
    sender(store, inmail, "A bank in Basel.\n\nInterested?")
    store.at_ms += 1
    candidate(store, inmail, "  Yes  ")

    assert said(store, inmail) == [("sender", "A bank in Basel.\n\nInterested?"), ("candidate", "Yes")]
    assert wallet(store) == before
    theirs = conversations.read(store, inmail, address=MAIL[0])
    assert (theirs.recipient, theirs.subject, theirs.answer.text) == (MAIL[0], "Hello N0", "Tell me more")
    assert theirs.undo_until_ms == 0  # somebody wrote since
    assert theirs.as_dict("candidate")["messages"][1] == {"at_ms": store.at_ms, "from": "candidate", "text": "Yes"}
    assert "recipient" not in theirs.as_dict("candidate")


@pytest.mark.parametrize("side", ["sender", "candidate"])
def test_before_the_first_answer_nobody_writes(store, campaign, side):
    with pytest.raises(Refused) as refused:
        {"sender": sender, "candidate": candidate}[side](store, f"{campaign}.0", "Hello?")
    assert refused.value.code == "not_answered"
    assert said(store, f"{campaign}.0") == []


def test_a_message_under_a_key_is_written_once_and_the_key_says_nothing_else(store, campaign):
    inmail = f"{campaign}.0"
    reply(store, inmail, address=MAIL[0], accept=True)
    first = sender(store, inmail, "When?", key="k1")
    store.at_ms += 60_000
    assert sender(store, inmail, "When?", key="k1") == first
    with pytest.raises(Refused) as refused:
        sender(store, inmail, "Where?", key="k1")
    assert refused.value.code == "key_reused"
    candidate(store, inmail, "When?", key="k1")  # the candidate's keys are their own
    assert said(store, inmail) == [("sender", "When?"), ("candidate", "When?")]


@pytest.mark.parametrize("text", ["", " \n ", "x" * 2001])
def test_an_empty_or_a_long_message_is_refused(store, campaign, text):
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    with pytest.raises(Invalid):
        sender(store, f"{campaign}.0", text)


def test_a_conversation_has_an_end(store, campaign, monkeypatch):
    monkeypatch.setattr(conversations, "MESSAGES_MAX", 2)
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    sender(store, f"{campaign}.0", "1")
    candidate(store, f"{campaign}.0", "2")
    with pytest.raises(Refused) as refused:
        candidate(store, f"{campaign}.0", "3")
    assert refused.value.code == "too_many"


def test_of_somebody_elses_conversation_nothing_is_told_and_nothing_written(store, campaign):
    an_account(store, "rival")
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    for call in (
        lambda: conversations.read(store, f"{campaign}.0", address=MAIL[1]),
        lambda: conversations.read_sent(store, f"{campaign}.0", account="rival"),
        lambda: conversations.seen(store, f"{campaign}.0", account="rival"),
        lambda: conversations.say(store, f"{campaign}.0", text="x", account="rival"),
        lambda: conversations.say(store, f"{campaign}.0", text="x", address=MAIL[1]),
        lambda: conversations.read(store, f"{campaign}.99", address=MAIL[1]),
        lambda: conversations.read_sent(store, "nonsense", account="acme"),
    ):
        with pytest.raises(NotFound) as refused:
            call()
        assert refused.value.code == "no_inmail"
    assert said(store, f"{campaign}.0") == []


def test_what_was_not_delivered_is_in_nobodys_mailbox_though_its_row_is_there(store):
    an_account(store, credits_=1)
    campaign = a_campaign(store, to=2)
    held = claim(store, campaign)
    for i in range(2):
        with pytest.raises(NotFound):
            conversations.read(store, f"{campaign}.{i}", address=MAIL[i])
    put_in_mailboxes(store, held)
    assert conversations.read(store, f"{campaign}.0", address=MAIL[0]).state == "sent"


def ids(page):
    return [each.inmail.rpartition(".")[2] for each in page[0]]


def test_each_inmail_lies_in_the_folder_of_what_became_of_it(store, campaign):
    store.at_ms += 1
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    store.at_ms += 1
    reply(store, f"{campaign}.1", address=MAIL[1], accept=True)
    answers.answer(store, f"{campaign}.2", address=MAIL[2], kind="not_now", until="2027-03-01")
    assert ids(folders.folder(store, "acme", "awaiting")) == ["3", "4", "5"]
    store.at_ms += 7 * DAY_MS
    refunds.refund(store, campaign, 0)
    refunds.refund(store, campaign, 1)
    reply(store, f"{campaign}.5", address=MAIL[5], accept=True)
    store.at_ms += 1
    sender(store, f"{campaign}.0", "Hello again")

    expected = {"awaiting": [], "accepted": ["0", "1"], "declined": ["2"], "late": ["5"], "closed": ["3", "4"]}
    assert {name: ids(folders.folder(store, "acme", name)) for name in folders.FOLDERS} == expected


def test_what_a_candidate_says_is_unread_until_its_sender_has_seen_it(store, campaign):
    reply(store, f"{campaign}.0", address=MAIL[0], accept=True)
    reply(store, f"{campaign}.1", address=MAIL[1], accept=False)
    sender(store, f"{campaign}.0", "When?")
    candidate(store, f"{campaign}.0", "Now")
    assert folders.unread(store, "acme") == {"total": 2, "accepted": 1, "declined": 1, "late": 0}
    assert conversations.read_sent(store, f"{campaign}.0", account="acme").unread == 2
    assert conversations.read(store, f"{campaign}.0", address=MAIL[0]).unread == 0

    conversations.seen(store, f"{campaign}.0", account="acme")
    assert folders.unread(store, "acme") == {"total": 1, "accepted": 0, "declined": 1, "late": 0}
    answers.undo(store, f"{campaign}.1", address=MAIL[1])
    assert folders.unread(store, "acme")["total"] == 0


@pytest.mark.parametrize("step", [1, 2, 5, 50])
def test_pages_of_a_folder_follow_each_other_whatever_of_it_has_the_same_time(store, step):
    an_account(store, credits_=20)
    made = [a_campaign(store, to=addresses(4, start=10 * i)) for i in range(3)]
    for i, campaign in enumerate(made):
        send_all(store, campaign)
        for index in range(3):
            reply(store, f"{campaign}.{index}", address=f"p{10 * i + index}@example.org", accept=True)
    for name in ("accepted", "awaiting"):
        whole, seen, after = folders.folder(store, "acme", name, most=500)[0], [], None
        while True:
            page, after = folders.folder(store, "acme", name, most=step, after=after)
            seen += page
            if after is None:
                break
        assert seen == whole
        assert len(whole) == {"accepted": 9, "awaiting": 3}[name]
        of_one = folders.folder(store, "acme", name, campaign=made[1])[0]
        assert of_one == [each for each in whole if each.campaign == made[1]]


def test_a_folder_a_cursor_or_a_campaign_there_is_none_of_is_named(store, campaign):
    an_account(store, "rival")
    for error, code, arguments in (
        (Invalid, "bad_folder", {"name": "spam"}),
        (Invalid, "bad_cursor", {"name": "accepted", "after": "x"}),
        (Invalid, "bad_cursor", {"name": "awaiting", "after": "7"}),
        (NotFound, "no_campaign", {"name": "accepted", "campaign": "acme.99"}),
    ):
        with pytest.raises(error) as refused:
            folders.folder(store, "acme", **arguments)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        folders.folder(store, "rival", "accepted", campaign=campaign)
