"""What the API takes and gives of subscriptions, entitlements and invoices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from web.documents import Asked, Given, Ms

Cycle = Literal["monthly", "annual"]
Minor = Annotated[int, Field(description="minor units of the currency", examples=[2495])]
PlanName = Annotated[str, Field(min_length=1, max_length=60, description="as in GET /v1/plans", examples=["business"])]


class SubscribeAsked(Asked):
    plan: PlanName
    annual: bool = Field(default=False, description="pay by the year; credits still come every month")


class ChangeAsked(Asked):
    plan: PlanName
    annual: bool | None = Field(default=None, description="how to pay from then on; null: as before")


class NextCharge(Given):
    at_ms: Ms
    due_minor: Minor
    currency: str


class NextGrant(Given):
    at_ms: Ms
    credits: int = Field(description="before the cap of the balance")


class Pending(Given):
    plan: str
    version: int
    cycle: Cycle
    at_ms: Ms


class UnpaidGiven(Given):
    number: str = Field(examples=["acme-0001"])
    due_minor: Minor
    currency: str
    due_at_ms: Ms
    failed: bool = Field(description="a payment of it was tried and failed")


class SubscriptionGiven(Given):
    account: str
    state: Literal["incomplete", "active", "past_due", "lapsed", "ended"]
    plan: str
    plan_name: str
    version: int
    cycle: Cycle
    timezone: str
    provider: str
    number: int = Field(description="counts the account's subscriptions, from 1")
    began_at_ms: Ms
    month: int = Field(description="the present month, from 0")
    months_of_period: int
    month_start_ms: Ms
    month_end_ms: Ms
    period_start_ms: Ms
    period_end_ms: Ms
    next_charge: NextCharge | None
    next_grant: NextGrant | None
    pending: Pending | None = Field(description="a change that takes effect at the period's end")
    ends_at_ms: Ms | None = Field(description="it was cancelled, and ends then")
    grace_until_ms: Ms | None = Field(description="in past_due: when it lapses unless it is paid")
    lapsed_at_ms: Ms | None
    gives_up_at_ms: Ms | None = Field(description="in lapsed: when it ends unless it is paid")
    ended_reason: str | None
    balance_minor: int = Field(description="owed to the account; pays towards the next invoices")
    currency: str
    unpaid: list[UnpaidGiven]


class LineGiven(Given):
    what: str
    amount_minor: int = Field(description="below 0: given back")
    start_ms: Ms
    end_ms: Ms


class InvoiceGiven(Given):
    number: str = Field(examples=["acme-0001"])
    account: str
    state: Literal["open", "paid", "uncollectible"]
    issued_at_ms: Ms
    due_at_ms: Ms
    paid_at_ms: int = Field(description="0: it was not paid")
    currency: str
    lines: list[LineGiven]
    subtotal_minor: int
    tax_percent: str = Field(examples=["7.7"])
    tax_minor: int
    total_minor: int = Field(description="below 0: went to the balance")
    balance_used_minor: int
    due_minor: int
    buyer: list[str]
    seller: list[str]
    reference: str
    provider: str


class Invoices(Given):
    items: list[InvoiceGiven]
    next: str | None = Field(description="`after` of the next page; null: this was the last")


class PaymentPage(Given):
    url: str = Field(description="for one person's browser; whoever has it can pay there", examples=["https://…"])
    expires_at_ms: Ms | None


class Done(Given):
    changed: bool = Field(description="false: it stood so already")
    subscription: SubscriptionGiven
    invoice: InvoiceGiven | None = Field(description="the one this call issued")


class PreviewGiven(Given):
    kind: Literal["at_once", "at_period_end", "nothing"]
    takes_effect_at_ms: Ms
    plan: str
    version: int
    cycle: Cycle
    lines: list[LineGiven] = Field(description="of the invoice issued at once")
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    balance_used_minor: int
    due_minor: int
    currency: str
    credits_granted: int = Field(description="at once; with a charging provider a first order's come when it is paid")
    credits_expiring: int = Field(description="what of them goes over the cap of the balance at once")
    credits_a_month: int
    balance_cap: int = Field(description="0 = no limit")
    simultaneous_contacts: int = Field(description="0 = no limit")
    contacts_open: int
    contacts_over: int = Field(description="open ones over that limit: none is taken back, sending waits")
    next_charge_at_ms: Ms | None
    next_charge_minor: int | None
    takes_back_cancellation: bool = Field(description="it was cancelled, and would go on")


class EntitlementGiven(Given):
    name: str = Field(examples=["credits"])
    used: int
    limit: int | None = Field(description="null = no limit")
    lifts_at_ms: Ms | None = Field(
        description="when more of it is there by itself; of sending: when that stops by itself"
    )


class Entitlements(Given):
    items: list[EntitlementGiven]
    next: None = None
