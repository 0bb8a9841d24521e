"""Opening an account: it begins on a plan, with a subscription where the plan is more than what everybody has."""

from __future__ import annotations

import secrets
from dataclasses import replace

from engine import subscriptions
from engine.amendment import NOW, Amendment
from engine.course import next_event
from engine.errors import Invalid, NotFound, Refused
from engine.identity import new_account_id, parse_address
from engine.invoices import Invoice
from engine.offer import BASIC, Offer, check_version, is_free
from engine.plans import Plan
from engine.store import Store

NAME_CHARS_MAX = 120


def open_account(
    store: Store,
    account: str,
    *,
    email: str,
    name: str,
    plan: Plan,
    annual: bool = False,
    offer: Offer | None = None,
) -> bool:
    """Open an account on a plan, with its first month's credits; False when the same was opened before.

    ``offer`` bears the terms of payment; without one nothing is taxed and an operator says what was paid.
    Errors: Invalid for a bad id, address or name; Refused when the id belongs to another account, or the version of the
    plan stands for other terms.
    """
    new_account_id(account)
    email, name = parse_address(email), " ".join(name.split())
    if not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise Invalid(f"a name has 1 to {NAME_CHARS_MAX} printable characters", code="bad_name")
    offer, cycle = offer or Offer(), "annual" if annual else "monthly"
    if not is_free(plan):  # what everybody has is not sold
        check_version(store, plan)
    amendment = _first(store, account, (name, email), plan, cycle, offer)
    # Registered first: a crash in between leaves a name without an account, never an account nobody finds.
    store.client.sadd(store.keys.accounts, account)
    fingerprint = "\n".join((email, name, plan.slug, cycle))
    reply = store.run(
        "open_account",
        store.keys.of_subscription(account),
        fingerprint,
        f"call:{secrets.token_hex(8)}",
        *amendment.parts({"id": account, "email": email, "name": name, "cycle": cycle, "weight": plan.weight}),
    )
    if reply[0] == "conflict":
        raise Refused(
            f"account {account!r} is already open with another e-mail, name or plan; "
            f"see it with: inmail account show {account}",
            code="account_exists",
        )
    if reply[0] == "ok" and amendment.sub:
        subscriptions.note_next(store, amendment.sub)
    return bool(reply[0] == "ok")


def _first(store: Store, account: str, buyer: tuple[str, str], plan: Plan, cycle: str, offer: Offer) -> Amendment:
    """What an account begins with; the step of the log that says it was opened comes first."""
    now_ms = store.now_ms(store.keys.account(account))
    amendment = Amendment(account, buyer, plan.weight, offer, now_ms, None, lambda _: 0, _no_invoice)
    amendment.steps.append(("open", "", 0, 0, NOW, ""))
    if is_free(plan):
        amendment.offer = replace(offer, plans={**offer.plans, BASIC: plan})  # it has this plan's limits
    else:
        subscriptions.begin(amendment, plan, cycle, opening=True)
        amendment.steps[0] = ("open", amendment.it.label, 0, 0, NOW, "")
        event = next_event(amendment.it, offer)
        amendment.set(next_at_ms=event[0] if event else 0, revision=1)
    return amendment


def _no_invoice(number: str) -> Invoice:
    raise NotFound(f"no invoice {number!r}", code="no_invoice")
