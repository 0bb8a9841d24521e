"""The account's mailbox, and the conversations of what it sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from engine import answers, conversations, folders, mailbox
from engine.accounts import get_account
from engine.errors import NotFound
from engine.identity import account_of, parse_inmail
from engine.links import link_in
from web.calls import Call, CalledRoute, Caller
from web.cursors import opened, sealed
from web.documents_mailbox import (
    AnswerAsked,
    AnsweredGiven,
    ConversationGiven,
    Conversations,
    Inbox,
    MessageAsked,
    MessageGiven,
    SeenGiven,
    UndoneGiven,
    Unread,
)
from web.idempotency import once
from web.openapi import described, posted
from web.page_desk import desk_for
from web.replies import given, page
from web.routes_campaigns import Cursor, Limit, own

router = APIRouter(prefix="/v1", tags=["mailbox"], route_class=CalledRoute)

InMail = Annotated[str, Path(max_length=100, description="the InMail's id", examples=["acme.7.0"])]
Folder = Annotated[
    str,
    Query(
        description="awaiting and closed come in list order, the others latest first",
        json_schema_extra={"enum": list(folders.FOLDERS)},
    ),
]


@router.get("/inbox", **described("mailbox:read", "no_account", "bad_cursor", model=Inbox))
def inbox(call: Caller, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What the account's own address received, newest first."""
    found, following = mailbox.inbox(call.store, _address(call), most=limit, after=opened(cursor))
    desk, now_ms = desk_for(call.services), call.store.now_ms()
    links = [
        link_in(desk.keys, each.inmail, each.state, now_ms=now_ms, base_url=desk.base_url, lifetime_ms=desk.lifetime_ms)
        for each in found
    ]
    return page([each.as_dict() | {"link": link} for each, link in zip(found, links, strict=True)], sealed(following))


@router.get(
    "/conversations",
    **described("mailbox:read", "no_account", "no_campaign", "bad_cursor", "bad_folder", model=Conversations),
)
def list_conversations(
    call: Caller,
    folder: Folder,
    campaign: Annotated[str | None, Query(max_length=100, description="of this campaign only")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """What the account sent, by folder: awaiting, accepted, declined, late or closed."""
    of = None if campaign is None else own(call, campaign)
    found, following = folders.folder(call.store, call.account, folder, campaign=of, most=limit, after=opened(cursor))
    return page([each.as_dict("sender") for each in found], sealed(following))


@router.get("/conversations/unread", **described("mailbox:read", "no_account", model=Unread))
def unread(call: Caller) -> Response:
    """In how many conversations there is something the account has not seen."""
    return given(folders.unread(call.store, call.account))


@router.get("/inmails/{inmail}", **described("mailbox:read", "no_account", "no_inmail", model=ConversationGiven))
def show(call: Caller, inmail: InMail) -> Response:
    """One InMail and all that was said about it, for its sender or for its recipient."""
    if _is_sender(call, inmail):
        return given(conversations.read_sent(call.store, inmail, account=call.account).as_dict("sender"))
    return given(conversations.read(call.store, inmail, address=_address(call)).as_dict("candidate"))


@router.post(
    "/inmails/{inmail}/answer",
    **posted(
        "mailbox:write",
        *("no_account", "no_inmail", "answered", "bad_answer", "bad_reason", "bad_date", "too_long"),
        model=AnsweredGiven,
        body=True,
    ),
)
@once
def answer(*, call: Caller, inmail: InMail, asked: AnswerAsked) -> Response:
    """Answer an InMail the account received. The first answer decides the credit; the same again changes nothing."""
    done = answers.answer(
        call.store,
        inmail,
        address=_address(call),
        kind=asked.answer,
        reason=asked.reason,
        until=asked.until,
        text=asked.text,
    )
    return given({"inmail": inmail, "state": done.state, "undo_until_ms": done.undo_until_ms})


@router.post(
    "/inmails/{inmail}/undo",
    **posted(
        "mailbox:write",
        *("no_account", "no_inmail", "not_answered", "undo_over", "in_conversation", "written_again", "closed"),
        model=UndoneGiven,
    ),
)
@once
def undo(*, call: Caller, inmail: InMail) -> Response:
    """Take an answer back within ten minutes, as long as nothing was written since."""
    return given({"inmail": inmail, "state": answers.undo(call.store, inmail, address=_address(call))})


@router.post(
    "/inmails/{inmail}/messages",
    **posted(
        "mailbox:write",
        *("no_account", "no_inmail", "not_answered", "too_many", "too_long", "no_text", "erased"),
        model=MessageGiven,
        body=True,
    ),
    status_code=201,
)
@once
def say(*, call: Caller, inmail: InMail, asked: MessageAsked) -> Response:
    """Go on writing once the candidate has answered: as the InMail's sender, else as its recipient. It is free."""
    side: dict[str, str] = {"account": call.account} if _is_sender(call, inmail) else {"address": _address(call)}
    said = conversations.say(call.store, inmail, text=asked.text, key=call.engine_key or "", **side)
    return given(said.as_dict(), 201)


@router.post("/inmails/{inmail}/seen", **posted("mailbox:write", "no_inmail", model=SeenGiven))
@once
def seen(*, call: Caller, inmail: InMail) -> Response:
    """Note that the account has seen all of a conversation it began."""
    conversations.seen(call.store, inmail, account=call.account)
    return given({"inmail": inmail, "unread": 0})


def _is_sender(call: Call, inmail: str) -> bool:
    try:
        return account_of(parse_inmail(inmail).campaign) == call.account
    except NotFound:
        return False


def _address(call: Call) -> str:
    return get_account(call.store, call.account).email
