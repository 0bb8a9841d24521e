"""A candidate's own say: never again from this sender or from anyone, found by nobody, my data, erase it.

What goes beyond the one InMail a link opens, who else wrote and all the data, needs the address typed that the InMail
was sent to: it stands neither in the link nor on the page, so that a link passed on does not give it away.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import Final

import orjson
from starlette.responses import Response

from engine import choices
from engine.choices import Sender
from engine.directory import wishes
from engine.errors import Invalid
from engine.identity import parse_address
from engine.store import Store
from web import page_words
from web.page_desk import Done, Opened, Shown, Visit
from web.page_forms import Form
from web.page_shape import HEADERS, page, see

OLD_PAGE: Final = "This page was open for a long time. Nothing was changed: please press once more."
NO_CHOICE: Final = "Nothing was changed: please choose what you want."
NOT_THEIRS: Final = "That is not the address this InMail was sent to. Nothing was done: please type it again."

_OF_ONE_SENDER: Final[dict[str, Callable[[Store, str, str], object]]] = {
    "stop-sender": choices.stop_sender,
    "allow-sender": choices.allow_sender,
}
_OF_ALL: Final[dict[str, Callable[[Store, str], object]]] = {
    "stop-all": choices.stop_all,
    "allow-all": choices.allow_all,
    "hide": wishes.hide,
    "show": wishes.show,
}


def show(visit: Visit, opened: Opened) -> Response:
    """What may be chosen, and what was."""
    return _page(visit, opened)


def change(visit: Visit, opened: Opened, form: Form | None) -> Response:
    """Do what one button says, then show what is chosen now. Twice is once."""
    if form is None or not visit.is_from_page(form):
        return _page(visit, opened, note=OLD_PAGE, status=422)
    action, account = form.word("action"), form.word("account") or opened.conversation.account
    opens_all = action == "senders" or account != opened.conversation.account
    if opens_all and not _is_theirs(form, opened):
        return _page(visit, opened, note=NOT_THEIRS, wrong="senders", status=422)
    if account not in {opened.conversation.account, *(each.account for each in _senders(visit, opened, opens_all))}:
        return _page(visit, opened, note=NO_CHOICE, status=422)
    if of_one := _OF_ONE_SENDER.get(action):
        of_one(visit.store, opened.address, account)
    elif of_all := _OF_ALL.get(action):
        of_all(visit.store, opened.address)
    elif action != "senders":
        return _page(visit, opened, note=NO_CHOICE, status=422)
    return _page(visit, opened, everyone=True) if opens_all else see("choices")


def data(visit: Visit, opened: Opened, form: Form | None) -> Response:
    """All that is kept of an address, as a file."""
    if form is None or not visit.is_from_page(form):
        return _page(visit, opened, note=OLD_PAGE, status=422)
    if not _is_theirs(form, opened):
        return _page(visit, opened, note=NOT_THEIRS, wrong="senders", status=422)
    kept = orjson.dumps(choices.export(visit.store, opened.address), option=orjson.OPT_INDENT_2)
    named = {"Content-Disposition": 'attachment; filename="my-inmail-data.json"'}
    return Response(kept, media_type="application/json", headers={**HEADERS, **named})


def erase(visit: Visit, opened: Opened, form: Form | None) -> Response:
    """Erase all that is kept of an address. The link is gone with it, so that a repeat finds nothing to do."""
    if form is None or not visit.is_from_page(form):
        return _page(visit, opened, note=OLD_PAGE, status=422)
    if not _is_theirs(form, opened):
        return _page(visit, opened, note=NOT_THEIRS, wrong="erase", status=422)
    choices.erase(visit.store, opened.address)
    return see("../erased")


ROUTES: Final[tuple[tuple[str, Shown | None, Done], ...]] = (
    ("/choices", show, change),
    ("/data", None, data),
    ("/erase", None, erase),
)


def _is_theirs(form: Form, opened: Opened) -> bool:
    try:
        typed = parse_address(form.word("address"))
    except Invalid:
        return False
    return compare_digest(typed.encode(), opened.address.encode())


def _senders(visit: Visit, opened: Opened, wanted: bool) -> list[Sender]:
    return choices.senders(visit.store, opened.address) if wanted else []


def _page(
    visit: Visit, opened: Opened, *, note: str = "", wrong: str = "", everyone: bool = False, status: int = 200
) -> Response:
    it = opened.conversation
    return page(
        "choices.html",
        status=status,
        it=it,
        up=visit.up,
        token=visit.token,
        nonce=visit.nonce(),
        note=note,
        wrong=wrong,
        hidden=wishes.wished(visit.store, opened.address) == "hidden",
        stops_all=choices.stopped_all(visit.store, opened.address),
        stops_sender=choices.stopped_sender(visit.store, opened.address, it.account),
        everyone=everyone,
        senders=_senders(visit, opened, everyone),
        address=opened.address if everyone else "",
        known=page_words.known(it.recipient_fields) if everyone else {},
    )
