"""A candidate's choices on the pages: stop and allow, who wrote, the data as a file, erasing it."""

import json

import pytest

from engine import choices, conversations
from engine.directory import wishes
from engine.directory.profile import Profile
from engine.directory.store import hidden_of, put_many
from engine.errors import NotFound
from tests.factories import a_campaign, an_account, send_all
from tests.web.pages.conftest import dump, lasting
from tests.web.pages.factories import a_rich_campaign

TO = "p0@example.org"


@pytest.fixture
def written(store, sent):
    """Two accounts wrote to the same address."""
    an_account(store, "other", credits_=1)
    send_all(store, a_campaign(store, "other", to=[TO]))
    return sent


def act(visitor, path, action, **said):
    form = visitor.get(f"{path}/choices").form("choices")
    return visitor.post(f"{path}/choices", {**form.fields, "action": action, **said})


def test_no_more_from_this_sender_and_again(store, visitor, sent, link):
    path = link(sent)
    for _ in range(2):
        assert act(visitor, path, "stop-sender").location == f"{path}/choices"
        assert choices.stopped_sender(store, TO, "acme")
    assert visitor.get(f"{path}/choices").says("May not write to you any more.")
    assert act(visitor, path, "allow-sender").status == 303
    assert not choices.stopped_sender(store, TO, "acme")


def test_no_more_from_anyone_and_again(store, visitor, sent, link):
    path = link(sent)
    for _ in range(2):
        assert act(visitor, path, "stop-all").status == 303
        assert choices.stopped_all(store, TO)
    assert visitor.get(f"{path}/choices").says("Nobody may write to you any more.")
    assert act(visitor, path, "allow-all").status == 303
    assert not choices.stopped_all(store, TO)


def test_a_profile_is_hidden_and_shown_again(store, visitor, sent, link):
    put_many(store, [Profile(id="p0", name="Pia", address=TO), Profile(id="p1", name="Pál", address="p1@example.org")])
    path = link(sent)
    assert visitor.get(f"{path}/choices").says("People who search here may find you")
    for _ in range(2):
        assert act(visitor, path, "hide").location == f"{path}/choices"
        assert wishes.wished(store, TO) == "hidden"
        assert hidden_of(store, ["p0", "p1"]) == {"p0"}
    assert visitor.get(f"{path}/choices").says("Hidden: nobody who searches here finds you.")
    for _ in range(2):
        assert act(visitor, path, "show").status == 303
        assert (wishes.wished(store, TO), hidden_of(store, ["p0", "p1"])) == ("", set())
    assert visitor.get(f"{path}/choices").says("People who search here may find you")


def test_a_profile_is_hidden_by_who_stands_on_the_page_alone(store, visitor, sent, link):
    put_many(store, [Profile(id="p0", name="Pia", address=TO)])
    path, before = link(sent), dump(store)
    form = visitor.get(f"{path}/choices").form("choices")
    for fields in ({"action": "hide"}, {"action": "hide", "nonce": "x"}, {**form.fields, "action": "hidden"}):
        assert visitor.post(f"{path}/choices", fields).status == 422
    assert visitor.ask("GET", f"{path}/choices?action=hide").status == 200
    assert dump(store) == before


def test_who_has_no_profile_yet_is_hidden_all_the_same(store, visitor, sent, link):
    act(visitor, link(sent), "hide")
    put_many(store, [Profile(id="late", name="Pia", address=TO)])
    assert hidden_of(store, ["late"]) == {"late"}


def test_who_wrote_is_shown_to_who_knows_the_address_alone(store, visitor, written, link):
    path, before = link(written), dump(store)
    for typed in ("", "p1@example.org", "no address", "p0@example.org, x@example.org", "é" * 300):
        page = act(visitor, path, "senders", address=typed)
        assert page.status == 422
        assert page.says("That is not the address this InMail was sent to.")
        assert "other@example.org" not in page.html
    page = act(visitor, path, "senders", address=" P0@EXAMPLE.org ")
    assert page.status == 200
    assert page.says("other@example.org · 1 InMail")
    assert page.says("acme@example.org · 1 InMail")
    assert dump(store) == before


def test_another_sender_is_stopped_with_the_address_alone(store, visitor, written, link):
    path = link(written)
    assert act(visitor, path, "stop-sender", account="other").status == 422
    assert not choices.stopped_sender(store, TO, "other")
    page = act(visitor, path, "stop-sender", account="other", address=TO)
    assert page.status == 200
    assert choices.stopped_sender(store, TO, "other")
    assert not choices.stopped_sender(store, TO, "acme")
    assert page.says("May not write to you any more.")


def test_an_account_that_never_wrote_cannot_be_named(store, visitor, written, link):
    an_account(store, "third")
    path, before = link(written), dump(store)
    for account in ("third", "nobody", "acme.1", "{x}", "*"):
        assert act(visitor, path, "stop-sender", account=account, address=TO).status == 422
    assert dump(store) == before


@pytest.mark.parametrize("fields", [{"action": ""}, {"action": "erase"}, {"action": "stop-all", "nonce": ""}])
def test_a_choice_there_is_not_and_one_without_the_page_change_nothing(store, visitor, sent, link, fields):
    path, before = link(sent), dump(store)
    page = act(visitor, path, **{"action": "stop-all", **fields})
    assert page.status == 422
    assert page.says("Nothing was changed")
    assert dump(store) == before


def test_the_data_comes_as_a_file_to_who_knows_the_address(store, visitor, link):
    an_account(store, credits_=1)
    inmail = a_rich_campaign(store)
    path, before = link(inmail), dump(store)
    form = visitor.get(f"{path}/choices").form("choices")

    refused = visitor.post(f"{path}/data", {**form.fields, "address": "x@example.org"})
    assert refused.status == 422
    for nonce in ({}, {"nonce": "x"}):
        without = visitor.post(f"{path}/data", {"address": "kavita@example.org", **nonce})
        assert (without.status, "content-disposition" in without.headers) == (422, False)
        assert "Northwind" not in without.html
    found = visitor.post(f"{path}/data", {**form.fields, "address": "kavita@example.org"})
    assert found.headers["content-disposition"].startswith("attachment")
    kept = json.loads(found.html)
    assert kept["address"] == "kavita@example.org"
    assert [each["inmail"] for each in kept["inmails"]] == [inmail]
    assert kept["inmails"][0]["fields"]["company"] == "Northwind"
    assert dump(store) == before
    assert visitor.ask("GET", f"{path}/data").status == 405


def test_erasing_needs_the_address_typed_and_ends_the_link(store, visitor, written, link):
    path = link(written)
    form = visitor.get(f"{path}/choices").form("erase")
    before = dump(store)
    for typed in ("", "erase", "p1@example.org"):
        assert visitor.post(f"{path}/erase", {**form.fields, "address": typed}).status == 422
    assert visitor.post(f"{path}/erase", {"address": TO}).status == 422
    assert dump(store) == before

    page = visitor.post(f"{path}/erase", {**form.fields, "address": TO})
    assert page.location == "/r/erased"
    assert visitor.get("/r/erased").says("Your data is erased")
    with pytest.raises(NotFound):
        conversations.read(store, written, address=TO)
    gone = visitor.get(path)
    assert (gone.status, gone.html) == (404, visitor.get("/r/x").html)
    # The answer was lost: asked once more nothing is there any more to erase.
    after = lasting(store)
    assert visitor.post(f"{path}/erase", {**form.fields, "address": TO}).status == 404
    assert lasting(store) == after
    assert TO.encode() not in b"".join(repr(value).encode() for value in dump(store).values())


def test_choices_go_on_from_the_conversation_after_the_answer(store, visitor, sent, link):
    path = link(sent)
    visitor.send(path, path[3:], answer="decline")
    talk = link(sent)
    assert act(visitor, talk, "stop-sender").status == 303
    assert choices.stopped_sender(store, TO, "acme")
