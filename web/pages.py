"""The candidate's pages, behind a reply link: the InMail, the answer to it, the conversation after.

GET and HEAD change nothing, whoever fetches how often; POST needs a nonce of the page. A token that opens nothing is
answered alike, whatever is wrong with it: 404, the same bytes, the same headers.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from engine import answers, conversations
from engine.answers import KINDS
from engine.errors import EngineError, Refused
from engine.links import BadLink, link_url
from web import page_choices, page_words
from web.page_desk import DeskOf, Opened, Visit, desk_of_services, reads, writes
from web.page_forms import Form
from web.page_shape import page, see

OLD_PAGE: Final = "This page was open for a long time. Nothing was sent: please look it over and press once more."
BAD_FORM: Final = "What your browser sent could not be read. Nothing was changed: please try once more."
NO_ANSWER: Final = "Nothing was sent yet: please choose one of the three answers."
NOT_SAID: Final = {
    "bad_date": "Please give the day from which you may be asked again: from tomorrow on, within two years.",
    "bad_reason": BAD_FORM,
    "too_long": f"Your text is too long: {answers.TEXT_CHARS_MAX:,} characters are the most.",
    "answered": "You had answered before, as you see below. To answer otherwise, take that back first.",
    "no_text": "Please write something first.",
    "too_many": "This conversation is full: please go on elsewhere.",
    "undo_over": "It is too late to take this back: your answer stands.",
    "in_conversation": "Something was written since: your answer stands.",
    "written_again": "The sender has written to you again since: your answer stands.",
    "closed": "This InMail is closed by now: your answer stands.",
}
"""What a candidate is told where the engine says no, by its code."""


def router(desk_of: DeskOf = desk_of_services) -> APIRouter:
    """The routes of the pages, all under /r. ``desk_of`` gives what they work with, at each request."""
    made = APIRouter(include_in_schema=False, redirect_slashes=False)
    made.add_api_route("/r/erased", _erased, methods=["GET", "HEAD"])
    for path, shown, done in (
        ("", show, give_answer),
        ("/undo", None, take_back),
        ("/message", None, write_message),
        *page_choices.ROUTES,
    ):
        up = "../" if path else ""
        if shown is not None:
            made.add_api_route("/r/{token}" + path, reads(desk_of, shown, up), methods=["GET", "HEAD"])
        made.add_api_route("/r/{token}" + path, writes(desk_of, done, up), methods=["POST"])
    return made


def show(visit: Visit, opened: Opened) -> Response:
    """The InMail and the ways to answer it; once it is answered, the conversation."""
    if opened.link.purpose == "answer" and opened.conversation.answer is not None:
        return see(visit.up + visit.token_for("conversation", opened))
    return _page(visit, opened)


def give_answer(visit: Visit, opened: Opened, form: Form | None) -> Response:
    """Answer, then show the conversation. Given twice it is given once; another one after it is refused."""
    if opened.link.purpose != "answer":
        raise BadLink
    if form is None:
        return _page(visit, opened, note=BAD_FORM, status=422)
    kind = next((each for each in KINDS if each == form.word("answer")), None)
    if kind is None or not visit.is_from_page(form):
        return _page(visit, opened, form, note=NO_ANSWER if kind is None else OLD_PAGE, status=422)
    # The buttons share one form: a field counts only with the button it belongs to.
    reason = form.word("reason") if kind == "decline" else ""
    until = form.word("until") if kind == "not_now" else ""
    try:
        answers.answer(
            visit.store, opened.inmail, address=opened.address, kind=kind, reason=reason, until=until, text=form.text()
        )
    except EngineError as error:
        return _told(visit, opened, error, form)
    return see(visit.up + visit.token_for("conversation", opened))


def take_back(visit: Visit, opened: Opened, form: Form | None) -> Response:
    """Take the answer back, then show the InMail again. Twice is once."""
    if opened.link.purpose != "answer":
        raise BadLink
    if form is None or not visit.is_from_page(form):
        return _page(visit, opened, note=BAD_FORM if form is None else OLD_PAGE, status=422)
    try:
        if opened.conversation.answer is not None:
            answers.undo(visit.store, opened.inmail, address=opened.address)
    except EngineError as error:
        return _told(visit, opened, error)
    return see(visit.up + visit.token)


def write_message(visit: Visit, opened: Opened, form: Form | None) -> Response:
    """Write one more message. One text of one page is written once, however often it is sent."""
    if opened.link.purpose != "conversation":
        raise BadLink
    if form is None or not visit.is_from_page(form):
        return _page(visit, opened, form, note=BAD_FORM if form is None else OLD_PAGE, status=422)
    once = hashlib.sha256(f"{form.word('nonce')}\n{form.text()}".encode()).hexdigest()[:32]
    try:
        conversations.say(visit.store, opened.inmail, text=form.text(), key=f"page:{once}", address=opened.address)
    except EngineError as error:
        return _told(visit, opened, error, form)
    return see(visit.up + visit.token)


async def _erased(request: Request) -> Response:
    return page("erased.html")


def _told(visit: Visit, opened: Opened, error: EngineError, form: Form | None = None) -> Response:
    """The page as it stands now, and above it why nothing was done; other errors go on."""
    if error.code not in NOT_SAID:
        raise error
    now = Opened(opened.link, conversations.read(visit.store, opened.inmail, address=opened.address))
    status = 409 if isinstance(error, Refused) else 422
    return _page(visit, now, form, note=NOT_SAID[error.code], wrong=error.code, status=status)


def _page(
    visit: Visit, opened: Opened, form: Form | None = None, *, note: str = "", wrong: str = "", status: int = 200
) -> Response:
    """The InMail while it is unanswered, else its conversation. What a form said stands in it still."""
    it = opened.conversation
    shown: dict[str, Any] = {
        "it": it,
        "up": visit.up,
        "note": note,
        "wrong": wrong,
        "text": form.text() if form else "",
        "text_chars_max": answers.TEXT_CHARS_MAX,
        "expires_at_ms": opened.link.expires_at_ms,
    }
    if it.answer is None:
        first, last = page_words.days_to_choose(visit.now_ms)
        chosen = {name: form.word(name) if form else "" for name in ("answer", "reason", "until")}
        return page(
            "inmail.html",
            status=status,
            token=visit.token,
            nonce=visit.nonce(),
            first_day=first,
            last_day=last,
            chosen=chosen,
            **shown,
        )
    token, back = visit.token_for("conversation", opened), visit.token_for("answer", opened)
    return page(
        "conversation.html",
        status=status,
        token=token,
        nonce=visit.nonce(token),
        back=back,
        back_nonce=visit.nonce(back),
        address=link_url(visit.desk.base_url, token),
        **shown,
    )
