"""The mailbox over HTTP: what was received and answered, what was sent and its folders, messages both ways."""

import pytest

from engine.answers import UNDO_MS
from tests.conftest import DAY_MS
from tests.factories import a_campaign, addresses, an_account, send_all
from tests.web.conftest import problem
from web.documents_mailbox import AnsweredGiven, ConversationGiven, Conversations, Inbox, MessageGiven, Unread

pytestmark = pytest.mark.redis


@pytest.fixture
def globex(acme, api):
    """Another account's caller; both have sent the other an InMail, acme.1.0 and globex.1.0."""
    an_account(api.store, "globex", credits_=100)
    for account, other in (("acme", "globex"), ("globex", "acme")):
        send_all(api.store, a_campaign(api.store, account, to=[f"{other}@example.org", f"x@{account}.example.org"]))
    return api.caller("globex")


def told(caller, inmail):
    return ConversationGiven.model_validate(caller.get(f"/v1/inmails/{inmail}").json())


def test_what_was_received_is_in_the_inbox_newest_first_in_pages(acme, globex, api):
    for i in range(3):
        an_account(api.store, f"other{i}", credits_=1)
        api.store.at_ms += 1
        send_all(api.store, a_campaign(api.store, f"other{i}", to=["acme@example.org"]))
    first = Inbox.model_validate(acme.get("/v1/inbox?limit=3").json())
    rest = Inbox.model_validate(acme.get("/v1/inbox", params={"cursor": first.next}).json())
    ids = [it.inmail for it in [*first.items, *rest.items]]
    assert ids == ["other2.1.0", "other1.1.0", "other0.1.0", "globex.1.0"]
    assert rest.next is None
    assert first.items[0].sender.email == "other2@example.org"


def test_an_answer_decides_the_credit_and_the_conversation_begins(acme, globex, api):
    answer = acme.post("/v1/inmails/globex.1.0/answer", json={"answer": "accept", "text": "Yes."})
    it = AnsweredGiven.model_validate(answer.json())
    assert (it.state, it.undo_until_ms) == ("answered", api.store.at_ms + UNDO_MS)
    assert globex.get("/v1/credits").json()["spent"] == 1
    assert Unread.model_validate(globex.get("/v1/conversations/unread").json()).accepted == 1
    said = globex.post("/v1/inmails/globex.1.0/messages", json={"text": "Tuesday?"})
    assert (said.status_code, MessageGiven.model_validate(said.json()).side) == (201, "sender")
    said = acme.post("/v1/inmails/globex.1.0/messages", json={"text": "Tuesday."})
    assert MessageGiven.model_validate(said.json()).side == "candidate"
    theirs, ours = told(globex, "globex.1.0"), told(acme, "globex.1.0")
    assert [message.text for message in theirs.messages] == ["Tuesday?", "Tuesday."]
    assert theirs.messages == ours.messages
    assert (theirs.answer.answer, theirs.answer.text) == ("accept", "Yes.")
    assert theirs.unread == 2
    assert ours.recipient is None, "what the sender's list says of somebody is the sender's"
    assert globex.post("/v1/inmails/globex.1.0/seen").json() == {"inmail": "globex.1.0", "unread": 0}
    assert Unread.model_validate(globex.get("/v1/conversations/unread").json()).total == 0


def test_the_same_answer_again_is_told_the_same_and_another_is_refused(acme, globex):
    path, said = "/v1/inmails/globex.1.0/answer", {"answer": "decline", "reason": "pay"}
    assert acme.post(path, json=said).json() == acme.post(path, json=said).json()
    problem(acme.post(path, json={"answer": "accept"}), 409, "answered")


def test_not_now_has_a_date_and_decline_a_reason(acme, globex, api):
    path = "/v1/inmails/globex.1.0/answer"
    for wrong, code in (
        ({"answer": "not_now"}, "bad_date"),
        ({"answer": "not_now", "until": "tomorrow"}, "bad_date"),
        ({"answer": "not_now", "until": "1999-01-01"}, "bad_date"),
        ({"answer": "accept", "reason": "pay"}, "bad_reason"),
        ({"answer": "accept", "text": "x" * 2_001}, "too_long"),
    ):
        problem(acme.post(path, json=wrong), 422, code)
    answer = acme.post(path, json={"answer": "not_now", "until": "2027-02-01"})
    assert answer.json()["state"] == "declined"
    assert told(globex, "globex.1.0").answer.until == "2027-02-01"


def test_an_answer_is_undone_within_ten_minutes_and_not_after(acme, globex, api):
    path = "/v1/inmails/globex.1.0"
    acme.post(f"{path}/answer", json={"answer": "decline"})
    assert acme.post(f"{path}/undo").json() == {"inmail": "globex.1.0", "state": "sent"}
    assert globex.get("/v1/credits").json()["spent"] == 0
    acme.post(f"{path}/answer", json={"answer": "accept"})
    api.store.at_ms += UNDO_MS + 1
    problem(acme.post(f"{path}/undo"), 409, "undo_over")


def test_nobody_writes_before_the_answer(acme, globex):
    for caller in (acme, globex):
        answer = caller.post("/v1/inmails/globex.1.0/messages", json={"text": "Hello?"})
        problem(answer, 409, "not_answered")
    problem(acme.post("/v1/inmails/globex.1.0/messages", json={"text": " \n "}), 422, "no_text")
    problem(acme.post("/v1/inmails/globex.1.0/messages", json={"text": ""}), 422, "bad_request_fields")


def test_what_was_sent_is_in_folders_filtered_by_campaign_in_pages(acme, api):
    campaign = a_campaign(api.store, to=addresses(6))
    send_all(api.store, campaign)
    first = Conversations.model_validate(acme.get("/v1/conversations?folder=awaiting&limit=4").json())
    rest = Conversations.model_validate(
        acme.get("/v1/conversations", params={"folder": "awaiting", "cursor": first.next}).json()
    )
    assert len({it.inmail for it in [*first.items, *rest.items]}) == 6
    assert rest.next is None
    assert first.items[0].refund_due_ms == api.store.at_ms + 7 * DAY_MS
    other = a_campaign(api.store, to=addresses(1, 50))
    send_all(api.store, other)
    params = {"folder": "awaiting", "campaign": other}
    assert [it["campaign"] for it in acme.get("/v1/conversations", params=params).json()["items"]] == [other]
    problem(acme.get("/v1/conversations?folder=spam"), 422, "bad_folder")
    problem(acme.get("/v1/conversations"), 422, "bad_request_fields")


def test_a_basic_account_answers_what_it_received_and_begins_nothing(globex, api):
    from engine.plans import Plan

    an_account(api.store, "basic1", plan=Plan("basic", "Basic", can_send=False))
    send_all(api.store, a_campaign(api.store, "globex", to=["basic1@example.org"]))
    caller = api.caller("basic1")
    assert [it["inmail"] for it in caller.get("/v1/inbox").json()["items"]] == ["globex.2.0"]
    assert caller.post("/v1/inmails/globex.2.0/answer", json={"answer": "accept"}).status_code == 200
    assert caller.post("/v1/inmails/globex.2.0/messages", json={"text": "Hello."}).status_code == 201
