"""The key's account: its plan, its credits, its log; and the plans there are."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from engine import credits
from engine.accounts import get_account
from engine.outlook import outlook
from web.calls import CalledRoute, Caller
from web.documents import AccountGiven, Log, OutlookGiven, Plans, WalletGiven
from web.openapi import described
from web.replies import given, page

router = APIRouter(prefix="/v1", tags=["account"], route_class=CalledRoute)


@router.get("/account", **described("account:read", "no_account", model=AccountGiven))
def account(call: Caller) -> Response:
    """The account the key belongs to: its plan's limits, its wallet, how many contacts are open."""
    it, wallet = get_account(call.store, call.account), credits.wallet(call.store, call.account)
    fields = {name: getattr(it, name) for name in it.__slots__ if name != "id"}
    return given({"account": it.id, **fields, "open_contacts": wallet.held, "wallet": wallet.as_dict()})


@router.get("/plans", **described("account:read", model=Plans))
def plans(call: Caller) -> Response:
    """The plans of this network."""
    return page([plan.as_dict() for plan in call.services.plans.values()], None)


@router.get("/credits", **described("credits:read", "no_account", model=WalletGiven))
def wallet(call: Caller) -> Response:
    """The wallet. Always: granted = available + held + spent + expired."""
    return given(credits.wallet(call.store, call.account).as_dict())


@router.get("/credits/outlook", **described("credits:read", "no_account", model=OutlookGiven))
def ahead(call: Caller) -> Response:
    """When the credits run out at the rate of the last four weeks, and what the next month brings."""
    return given(outlook(call.store, call.account).as_dict())


@router.get("/credits/log", **described("credits:read", "no_account", model=Log))
def log(
    call: Caller,
    after: Annotated[int, Query(ge=0, le=2**53, description="from the entry after this number on")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The account's log in order: every transition, and the wallet after it."""
    found = list(islice(credits.log(call.store, call.account, after_seq=after, most=limit + 1), limit + 1))
    items = [entry_given(entry) for entry in found[:limit]]
    return page(items, found[limit - 1].seq if len(found) > limit else None)


def entry_given(entry: credits.LogEntry) -> dict[str, Any]:
    """An entry of the log, without its chain number: that is the auditor's."""
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "campaign": entry.campaign or None,
        "at": entry.at,
        "n": entry.n,
        "moves": entry.moves,
        "wallet": entry.wallet.as_dict(),
        "at_ms": entry.at_ms,
        "note": entry.note,
    }
