"""A subscription as people read it: how it stands, what a change comes to, what a call came to."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.output import listing, pairs, plural, say, table
from engine.credits import Wallet
from engine.entitlements import Entitlement
from engine.invoices import Invoice, Line
from engine.money import money
from engine.offer import Offer
from engine.periods import check_timezone
from engine.preview import Preview
from engine.standing import told
from engine.store import Store
from engine.subscription import ACTIVE, ENDED, INCOMPLETE
from engine.subscriptions import Outcome

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY = {"monthly": "by the month", "annual": "by the year"}


def local(at_ms: int | None, timezone: str) -> str:
    """A time by the clocks of a time zone, to the minute; '–' for none."""
    if not at_ms:
        return "–"
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(check_timezone(timezone)).strftime("%Y-%m-%d %H:%M")


def show_standing(found: dict[str, Any], sold: Container[str]) -> None:
    """The subscription's document, as ``engine.standing`` gives it; ``sold``: the plans there are."""
    zone, currency = found["timezone"], found["currency"]

    def at(ms: int | None) -> str:
        return local(ms, zone)

    charge, grant, pending = found["next_charge"], found["next_grant"], found["pending"]
    of = f" of {found['months_of_period']} in this period" if found["months_of_period"] > 1 else ""
    in_period = found["month"] % found["months_of_period"] + 1
    here = "" if found["plan"] in sold else ", not sold any more"
    rows = {
        "subscription": f"{found['account']}, number {found['number']}, since {at(found['began_at_ms'])}",
        "state": found["state"] + (f": {found['ended_reason']}" if found["ended_reason"] else ""),
        "plan": f"{found['plan']}{here} ({found['plan_name']}, version {found['version']}), paid {_BY[found['cycle']]}",
    }
    if found["state"] not in (ENDED, INCOMPLETE):
        rows |= {
            "month": f"{found['month'] + 1}"
            + (f", {in_period}{of}" if of else "")
            + f", until {at(found['month_end_ms'])}",
            "billing period": f"{at(found['period_start_ms'])} to {at(found['period_end_ms'])}",
            "next charge": f"{money(charge['due_minor'], charge['currency'])} on {at(charge['at_ms'])}"
            if charge
            else "–",
            "next grant": f"{plural(grant['credits'], 'credit', 'credits')} on {at(grant['at_ms'])}" if grant else "–",
        }
    if pending:
        to = f"{pending['plan']}, version {pending['version']}, paid {_BY[pending['cycle']]}"
        gone = "" if pending["plan"] in sold else "; that plan is not sold any more"
        rows["changes to"] = f"{to}, on {at(pending['at_ms'])}{gone}"
    for name, key in (("ends", "ends_at_ms"), ("grace until", "grace_until_ms"), ("lapsed", "lapsed_at_ms")):
        if found[key]:
            rows[name] = at(found[key])
    if found["gives_up_at_ms"]:
        rows["ends unpaid"] = at(found["gives_up_at_ms"])
    rows["balance"] = money(found["balance_minor"], currency)
    rows["unpaid"] = (
        "\n".join(
            f"{one['number']}: {money(one['due_minor'], one['currency'])}, "
            + ("the payment failed" if one["failed"] else f"due {at(one['due_at_ms'])}")
            for one in found["unpaid"]
        )
        or "–"
    )
    rows["times in"] = zone
    pairs(rows)


def entitlements_table(allowed: Sequence[Entitlement], timezone: str) -> None:
    """What the plan allows: used, limit, when more of it is there by itself; of sending, when it stops by itself."""
    may = any(one.name == "sending" and one.limit for one in allowed)
    table(
        ("entitlement", "used", "limit", "lifts"),
        [(one.name.replace("_", " "), *_numbers(one, may), _lifts(one, timezone)) for one in allowed],
        right=("used", "limit"),
    )


def _numbers(one: Entitlement, may: bool) -> tuple[str, str]:
    if one.name == "sending":
        return "–", "yes" if may else "no"
    if not may and one.name in ("simultaneous_contacts", "recipients_per_campaign"):
        return f"{one.used:,}", "–"
    return f"{one.used:,}", "no limit" if one.limit is None else f"{one.limit:,}"


def _lifts(one: Entitlement, timezone: str) -> str:
    until = "until " if one.name == "sending" and one.lifts_at_ms else ""
    return until + local(one.lifts_at_ms, timezone)


def show_preview(found: Preview, timezone: str) -> None:
    """What a change would come to."""
    if found.kind == "nothing":
        pending = f", from {local(found.takes_effect_at_ms, timezone)} {timezone} on"
        later = pending if found.next_charge_at_ms == found.takes_effect_at_ms else ""
        say(f"nothing to change: it is {found.plan}, paid {_BY[found.cycle]}, already{later}")
        return
    if found.takes_back_cancellation:
        say("the cancellation would be taken back")
    at_once = found.kind == "at_once"
    at = "at once" if at_once else f"at the end of the billing period, {local(found.takes_effect_at_ms, timezone)}"
    granted, most = plural(found.credits_granted, "credit", "credits"), found.balance_cap
    expiring = f", of which {found.credits_expiring:,} expire over the cap" if found.credits_expiring else ""
    limit = f"{found.simultaneous_contacts:,}" if found.simultaneous_contacts else "no limit"
    charge = (
        f"{money(found.next_charge_minor, found.currency)} on {local(found.next_charge_at_ms, timezone)}"
        if found.next_charge_minor is not None
        else "–"
    )
    if found.lines:
        lines_table(found.lines, found.currency, timezone)
        say("")
    pairs(
        {
            "plan": f"{found.plan}, version {found.version}, paid {_BY[found.cycle]}",
            "takes effect": at,
            "charged now": _sums(found),
            "granted now": granted + expiring,
            "credits a month": f"{found.credits_a_month:,}, " + (f"up to a balance of {most:,}" if most else "no cap"),
            "contacts": f"{found.contacts_open:,} open of {limit}",
            "next charge": charge,
            "times in": timezone,
        }
    )
    if found.contacts_over:
        over = plural(found.contacts_over, "open contact is", "open contacts are")
        say(f"{over} over the new limit: none is taken back, sending waits until they are fewer")


def _sums(found: Preview) -> str:
    if not found.lines:
        return "nothing"
    parts = [f"{money(found.due_minor, found.currency)} to pay"]
    if found.tax_minor:
        parts.append(f"{money(found.tax_minor, found.currency)} of the total is tax")
    if found.balance_used_minor:
        parts.append(f"{money(found.balance_used_minor, found.currency)} from the balance")
    if found.total_minor < 0:
        parts.append(f"{money(-found.total_minor, found.currency)} goes to the balance")
    return ", ".join(parts)


def lines_table(lines: Sequence[Line], currency: str, timezone: str) -> None:
    """The lines of an invoice."""
    if not lines:
        return
    rows = [
        (
            *(local(at_ms, timezone)[:10] for at_ms in (it.start_ms, it.end_ms)),
            money(it.amount_minor, currency),
            it.what,
        )
        for it in lines
    ]
    listing(("from", "to", "amount"), rows, right=("amount",), below=True)


def tell_outcome(outcome: Outcome, purse: Wallet) -> None:
    """What a call came to."""
    sub, invoice = outcome.subscription, outcome.invoice
    zone, plan = sub.timezone, f"{sub.plan.slug}, paid {_BY[sub.cycle]}"
    if not outcome.changed:
        ends = f", and ends {local(sub.ends_at_ms, zone)} {zone}" if sub.ends_at_ms else ""
        is_so = f"has ended: {sub.ended_reason}" if sub.state == ENDED else f"is {sub.state}, {plan}{ends}"
        say(f"nothing to change: the subscription of {sub.account} {is_so}")
    elif sub.state == ENDED:
        say(f"the subscription of {sub.account} has ended: {sub.ended_reason}")
    elif sub.state == INCOMPLETE:
        say(f"{plan}, is ordered for {sub.account}; it begins when the first invoice is paid")
    elif sub.ends_at_ms:
        say(f"the subscription of {sub.account} ends {local(sub.ends_at_ms, zone)} {zone}; everything stays until then")
    else:
        say(f"account {sub.account} is on {plan}; the period ends {local(sub.period_end_ms, zone)} {zone}")
    if outcome.taken_back:
        say("the cancellation is taken back")
    if sub.next_plan:
        to, at = (
            f"{sub.next_plan.slug}, version {sub.next_plan.version}, paid {_BY[sub.next_cycle]}",
            local(sub.period_end_ms, zone),
        )
        say(f"it changes to {to}, on {at} {zone}")
    if invoice is not None:
        say(invoice_line(invoice, zone))
    if sub.state == ACTIVE and outcome.changed:
        say(f"{plural(purse.available, 'credit', 'credits')} available")


def invoice_line(invoice: Invoice, timezone: str) -> str:
    """An invoice that was issued: what is to pay, and when."""
    due = f"{money(invoice.due_minor, invoice.currency)} due {local(invoice.due_at_ms, timezone)}"
    return f"invoice {invoice.number}: {due if invoice.state == 'open' else 'nothing to pay'}"


def outcome_document(store: Store, offer: Offer, outcome: Outcome) -> dict[str, Any]:
    """The same for programs."""
    return {
        "changed": outcome.changed,
        "subscription": told(store, offer, outcome.subscription),
        "invoice": outcome.invoice,
    }
