"""What a simulation begins with: a store of its own in memory, and an account in it, new or as a real one stands."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from engine import credits, opening, sending, submitting, subscriptions
from engine.accounts import Account, get_account
from engine.agenda import sending_campaigns
from engine.intake.lists import open_list
from engine.invoices import Invoice, list_invoices
from engine.mailbox_entries import deliver
from engine.message import parse_message
from engine.offer import Offer
from engine.outlook import DAY_MS, OBSERVED_DAYS
from engine.plans import Plan
from engine.releasing import Terms, release
from engine.store import Store
from engine.subscription import ENDED, LIVE, Subscription, read

_LEASE_MS = 60_000
_PACK_SIZE = 500
_STANDING = Plan("standing", "As it stands", credits_after_end="keep")


@dataclass(frozen=True, slots=True)
class Present:
    """A real account as it stands: read once, never written. ``a_day``: InMails it sent a day of late."""

    owner: Account
    wallet: credits.Wallet
    sub: Subscription | None
    invoices: tuple[Invoice, ...]
    now_ms: int
    a_day: Fraction

    @property
    def subscribed(self) -> bool:
        """Whether there is a subscription that goes on by itself."""
        return self.sub is not None and self.sub.state in LIVE


@dataclass(frozen=True, slots=True)
class Sent:
    """An InMail that went out."""

    inmail: str
    address: str
    due_ms: int


def read_present(store: Store, account: str) -> Present:
    """Read what a simulation begins with; raises NotFound."""
    owner, sub, now_ms = get_account(store, account), read(store, account), store.now_ms(store.keys.account(account))
    invoices = tuple(list_invoices(store, account, most=sub.invoices)) if sub else ()
    days = min(OBSERVED_DAYS, max(1, -(-(now_ms - owner.opened_at_ms) // DAY_MS)))
    before = credits.entry_at(store, account, now_ms - days * DAY_MS)
    later = credits.log(store, account, after_seq=before.seq if before else 0)
    sent = sum(entry.n for entry in later if entry.kind == "claim")
    return Present(owner, credits.wallet(store, account), sub, invoices, now_ms, Fraction(sent, days))


def new_store(start_ms: int) -> Store:
    """An empty store that nobody else sees, its clock where the simulation begins."""
    import fakeredis  # late: it takes a while

    return Store(fakeredis.FakeRedis(server=fakeredis.FakeServer(), version=(7, 0)), at_ms=start_ms)


def open_new(store: Store, offer: Offer, account: str, plan: Plan, *, annual: bool) -> None:
    """A new account on a plan."""
    opening.open_account(
        store, account, email=f"{account}@example.org", name="Simulated", plan=plan, annual=annual, offer=offer
    )


def open_as(store: Store, offer: Offer, present: Present) -> list[Sent]:
    """The account as it stands: its balance, as many InMails open as it has, its subscription and its invoices.

    The open InMails are sent anew, all at this moment. Returns them.
    """
    it = present.owner
    when: Literal["unanswered", "answered"] = "answered" if it.refund_when == "answered" else "unanswered"
    plan = replace(_STANDING, refund_when=when, refund_after_ms=it.refund_after_ms)
    opening.open_account(store, it.id, email=it.email, name=it.name, plan=plan, offer=offer)
    if granted := present.wallet.available + present.wallet.held:
        credits.grant(store, it.id, granted, reason="the balance as it stands")
    people = [f"h{n}@example.org" for n in range(present.wallet.held)]
    sent = send(store, it.id, people)
    amendment = subscriptions.open_amendment(store, offer, it.id)
    if present.subscribed and present.sub:
        amendment.sub = replace(present.sub, revision=1, provider=offer.provider, attempt=0, try_at_ms=0)
        for invoice in present.invoices:
            amendment.put_invoice(invoice)
        amendment.note("adopt", "as it stands")
    else:
        amendment.set(state=ENDED, next_at_ms=0)
    assert amendment.commit(store, f"call:{secrets.token_hex(8)}")
    return sent


def send(store: Store, account: str, people: list[str]) -> list[Sent]:
    """Submit campaigns to those addresses, and send what the account may send now of these and those before."""
    owner = get_account(store, account)
    size = owner.recipients_per_campaign or len(people) or 1
    for first in range(0, len(people), size):
        _submit(store, owner, people[first : first + size])
    return [one for campaign in sending_campaigns(store, account) for one in _send(store, campaign)]


def _submit(store: Store, owner: Account, people: list[str]) -> None:
    order = submitting.Order("Simulated", _PACK_SIZE, owner.refund_after_ms, owner.refund_when)
    text = "email\n" + "\n".join(people)
    with open_list("-", stdin=io.BytesIO(text.encode())) as listed:
        message = parse_message("A role for you", "Would you talk to us?", columns=listed.columns)
        submitting.submit(store, owner.id, listed, message, order)


def _send(store: Store, campaign: str) -> list[Sent]:
    sent: list[Sent] = []
    for pack in release(store, campaign, Terms(_LEASE_MS, 1_000_000)).packs:
        held = sending.claim(store, campaign, pack, token=secrets.token_hex(8), lease_ms=_LEASE_MS)
        if held is None or not held.positions:
            continue
        deliver(store, campaign, pack, held.people)
        settled = sending.settle(store, held, held.positions)
        (addresses,) = held.read(store).columns
        due_ms = settled.alarm_ms if settled else 0
        sent += [Sent(f"{campaign}.{held.first + at}", addresses[at], due_ms) for at in held.positions]
    return sent
