"""After the answer: given once, taken back in time, and the conversation that goes on."""

import httpx
import pytest

from engine import conversations, refunds
from engine.answers import UNDO_MS
from engine.links import open_either, sign
from tests.factories import letters, wallet
from tests.web.pages.conftest import Elements, dump, lasting

TO = "p0@example.org"


def test_the_same_answer_sent_twice_is_one_answer(store, visitor, sent, link):
    path = link(sent)
    fields = {**visitor.get(path).form(path[3:]).fields, "answer": "accept", "text": "Yes"}
    assert visitor.post(path, fields).status == 303
    before = lasting(store)
    store.at_ms += 1000
    assert visitor.post(path, fields).status == 303
    assert lasting(store) == before


def test_another_answer_after_the_first_is_told_and_changes_nothing(store, visitor, sent, link):
    path = link(sent)
    fields = visitor.get(path).form(path[3:]).fields
    visitor.post(path, {**fields, "answer": "accept"})
    before = dump(store)
    page = visitor.post(path, {**fields, "answer": "decline"})
    assert page.status == 409
    assert page.says("You had answered before")
    assert page.says("Interested")
    assert dump(store) == before


def test_an_answer_can_be_taken_back_and_given_otherwise(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    store.at_ms += UNDO_MS - 1000

    talk = visitor.get(path)
    assert talk.says("Take my answer back")
    undo = talk.form("/undo")
    back = visitor.post(f"/r/{undo.action}", undo.fields)
    assert back.status == 303
    assert visitor.get(back.location).says("Your answer")
    assert letters(store, "acme.1") == "SSS"
    assert wallet(store)["spent"] == 0
    # The answer to the first time was lost: asked once more it is told the same.
    assert visitor.post(f"/r/{undo.action}", undo.fields).location == back.location

    assert visitor.send(back.location, back.location[3:], answer="decline").status == 303
    assert letters(store, "acme.1") == "DSS"


def test_taking_back_needs_the_page(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    before = dump(store)
    for fields in ({}, {"nonce": "x"}):
        assert visitor.post(f"{path}/undo", fields).status == 422
    assert dump(store) == before


def test_once_the_sender_wrote_the_answer_stands_and_it_is_said_why(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    undo = visitor.get(path).form("/undo")
    conversations.say(store, sent, text="Great", account="acme")
    before = dump(store)
    page = visitor.post(f"/r/{undo.action}", undo.fields)
    assert page.status == 409
    assert page.says("Something was written since: your answer stands.")
    assert dump(store) == before


def test_ten_minutes_after_the_answer_its_link_is_used_and_the_conversation_goes_on(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    talk = link(sent)
    store.at_ms += UNDO_MS

    assert visitor.get(path).status == 404
    assert visitor.post(path, {"answer": "accept"}).status == 404
    page = visitor.get(talk)
    assert page.status == 200
    assert not page.says("Take my answer back")


def test_a_message_is_written_once_however_often_its_form_is_sent(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    talk = link(sent)
    form = visitor.get(talk).form("/message")
    for _ in range(2):
        assert visitor.post(f"{talk}/message", {**form.fields, "text": "On Monday?"}).status == 303
    conversations.say(store, sent, text="At ten & <sharp>", account="acme")

    page = visitor.get(talk)
    assert [message.text for message in conversations.read(store, sent, address=TO).messages] == [
        "On Monday?",
        "At ten & <sharp>",
    ]
    assert page.says("At ten & <sharp>")
    assert "<sharp>" not in page.html


@pytest.mark.parametrize(
    ("text", "told"), [("", "Please write something"), (" \r\n ", "Please write"), ("x" * 2001, "too long")]
)
def test_an_empty_or_a_long_message_is_told_and_changes_nothing(store, visitor, sent, link, text, told):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    talk, before = link(sent), dump(store)
    page = visitor.send(talk, "/message", text=text)
    assert page.status == 422
    assert page.says(told)
    assert dump(store) == before


def test_the_same_text_from_a_fresh_page_is_written_again(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    talk = link(sent)
    for _ in range(2):
        assert visitor.send(talk, "/message", text="Still there?").status == 303
    written = conversations.read(store, sent, address=TO).messages
    assert [message.text for message in written] == ["Still there?", "Still there?"]


def test_the_link_of_a_conversation_neither_answers_nor_takes_back(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="accept")
    talk, before = link(sent), dump(store)
    nonce = visitor.get(talk).form("/message").fields["nonce"]
    assert visitor.post(f"{talk}/undo", {"nonce": nonce}).status == 404
    assert visitor.post(talk, {"nonce": nonce, "answer": "decline"}).status == 404
    assert visitor.post(talk, {"nonce": nonce, "answer": "accept"}).status == 404
    assert dump(store) == before


def test_the_link_for_answering_writes_no_message(store, visitor, sent, link):
    path = link(sent)
    fields = visitor.get(path).form(path[3:]).fields
    assert visitor.post(f"{path}/message", {**fields, "text": "Before"}).status == 404
    visitor.post(path, {**fields, "answer": "accept"})
    before = dump(store)
    assert visitor.post(f"{path}/message", {**fields, "text": "After"}).status == 404
    assert dump(store) == before


def test_an_answer_after_the_refund_is_taken_as_late(store, visitor, sent, link):
    path = link(sent)
    store.at_ms += 7 * 86_400_000
    refunds.refund(store, "acme.1", 0)
    assert letters(store, "acme.1") == "RRR"
    assert visitor.send(path, path[3:], answer="accept").status == 303
    assert letters(store, "acme.1") == "LRR"


def test_no_link_or_form_of_a_page_ends_later_than_the_link_it_was_opened_by(store, visitor, sent, keys):
    ends = store.at_ms + 3_600_000
    path = f"/r/{sign(keys, 'answer', sent, ends)}"
    seen = set()

    def look_around(start):
        waiting = [start]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            page = visitor.ask("GET", at)
            places = [str(httpx.URL(at).join(place).path) for place in Elements(page.html).places]
            waiting += [place for place in (*places, page.location) if place.startswith("/r/")]

    look_around(path)
    for answer in ("accept", "decline"):
        seen.discard(path)
        talk = visitor.send(path, path[3:], answer=answer).location
        look_around(path)
        seen.discard(talk)
        look_around(talk)
        form = visitor.get(talk).form("/undo")
        undone = visitor.post(f"/r/{form.action}", form.fields)
        assert undone.status == 303
        seen.discard(undone.location)
        look_around(undone.location)
        path = undone.location
    tokens = {each.split("/")[2] for each in seen}
    assert len(tokens) == 2, "the one for answering and the one of the conversation"
    assert {open_either(keys, token, store.at_ms).expires_at_ms for token in tokens} == {ends}
    store.at_ms = ends
    assert {visitor.ask("GET", each).status for each in seen if each.count("/") == 2} == {404}
