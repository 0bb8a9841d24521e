"""What the API takes and gives, as the OpenAPI document tells it. Unknown fields of a request are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Ms = Annotated[int, Field(description="epoch milliseconds, UTC", examples=[1800000000000])]
Text = Annotated[str, Field(max_length=10_000)]


class Asked(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Given(BaseModel):
    """An answer's document."""

    model_config = ConfigDict(extra="forbid")


class WalletGiven(Given):
    available: int
    held: int
    spent: int
    granted: int
    expired: int


class OutlookGiven(Given):
    available: int
    rate_credits_a_day: float = Field(description="what was spent or is held still, a day, over `days_observed`; 0 up")
    empties_at_ms: Ms | None = Field(description="null: not within 366 days, at that rate")
    next_grant_at_ms: Ms | None = Field(description="null: none comes, as things stand")
    next_grant_credits: int
    expiring_credits: int = Field(description="what of them would go over the cap if they came today")
    days_observed: int = Field(description="at the most 28")


class AccountGiven(Given):
    account: str = Field(examples=["acme"])
    name: str
    email: str
    plan: str
    cycle: str
    can_send: bool
    credits_a_month: int
    profiles_per_search: int
    simultaneous_contacts: int = Field(description="0 = no limit")
    refund_when: str
    refund_after_ms: int
    recipients_per_campaign: int = Field(description="0 = no limit")
    opened_at_ms: Ms
    weight: int
    sends_until_ms: int = Field(description="when sending stops by itself; 0: not as far as is known")
    month: str = Field(description="the subscription's month, as in `at` of the log: 's1.3'; empty without one")
    open_contacts: int
    wallet: WalletGiven


class PlanGiven(Given):
    plan: str = Field(examples=["business"])
    version: int = Field(description="what was bought under a version keeps its terms")
    name: str
    fee_monthly: int = Field(description="minor units")
    fee_annual: int = Field(description="minor units")
    currency: str
    credits_a_month: int
    profiles_per_search: int = Field(description="0 = no limit")
    simultaneous_contacts: int = Field(description="0 = no limit")
    recipients_per_campaign: int = Field(description="0 = no limit")
    balance_cap_months: int = Field(description="0 = no limit")
    balance_cap: int = Field(description="the most credits a month's grant fills the balance up to; 0 = no limit")
    credits_after_end: Literal["expire", "keep"] = Field(description="what becomes of them when it ends")
    annual_saving_percent: int | None = Field(description="what a year at once saves beside twelve months")
    can_send: bool
    refund_when: str
    refund_after_ms: int


class Plans(Given):
    items: list[PlanGiven]
    next: None = None


class LogEntryGiven(Given):
    seq: int
    kind: str
    campaign: str | None
    at: str = Field(description="index or range of recipients, a month, a seat, or empty")
    n: int
    moves: str = Field(description="the letters that moved, such as 'QC500 QP3'")
    wallet: WalletGiven
    at_ms: Ms
    note: str


class Log(Given):
    items: list[LogEntryGiven]
    next: int | None = Field(description="`after` of the next page; null: this was the last")


class CampaignGiven(Given):
    campaign: str = Field(examples=["acme.7"])
    account: str
    name: str
    state: str = Field(examples=["running"])
    waiting_for: str | None
    seat: str | None = Field(description="whose it is, null: the account's own")
    recipients: int
    counts: dict[str, int] = Field(description="recipients by state")
    channel: str
    subject: str
    pack_size: int
    refund_when: str
    refund_after_ms: int
    submitted_at_ms: Ms
    start_at_ms: Ms | None
    next_refund_due_ms: Ms | None


class CampaignListed(Given):
    campaign: str = Field(examples=["acme.7"])
    name: str
    state: str
    waiting_for: str | None
    seat: str | None = Field(description="whose it is, null: the account's own")
    recipients: int
    subject: str
    submitted_at_ms: Ms
    start_at_ms: Ms | None


class Campaigns(Given):
    items: list[CampaignListed]
    next: str | None


class Steered(Given):
    campaign: str
    state: str


class RecipientGiven(Given):
    inmail: str = Field(examples=["acme.7.0"])
    state: str
    fields: dict[str, str]
    sent_at_ms: Ms | None
    answer: dict[str, Any] | None
    failure: str | None


class Recipients(Given):
    items: list[RecipientGiven]
    next: str | None


class RejectGiven(Given):
    line: int
    reason: str
    detail: str


class SearchTaken(Given):
    query: str
    total: int = Field(description="how many matched")
    shown: int = Field(description="how many of them the plan shows")
    left_out: dict[str, int] = Field(description="of these, by reason, who would not be written to")


class Submitted(Given):
    campaign: str
    state: str
    accepted: int
    rejected: int
    rejected_by_reason: dict[str, int]
    rejects: list[RejectGiven] = Field(description="the first 100")
    notes: list[str]
    search: SearchTaken | None = Field(description="how the recipients were found, where a search found them")


class ForecastMessage(Given):
    to: str
    subject: str
    body: str


class Forecast(Given):
    dry_run: Literal[True]
    account: str
    accepted: int
    rejected: int
    rejected_by_reason: dict[str, int]
    rejected_first: list[str]
    suppressed: int
    pair_locked: int
    credits_needed: int
    credits_available: int
    credits_held: int
    simultaneous_contacts: int | None
    queued_before: int = Field(description="recipients of campaigns before it, which share what is free")
    sent_at_once: int
    waiting_for: str | None = Field(description="what the rest would wait for")
    waves_if_nobody_answers: int | None = Field(
        description="null: there is no credit to begin with, or too few, or the seat's cap holds some back"
    )
    start_at_ms: Ms | None
    refund_when: str
    refund_after_ms: int
    messages: list[ForecastMessage]


class UploadProblem(Given):
    code: str
    detail: str


class UploadGiven(Given):
    upload: str
    state: Literal["reading", "submitted", "checked", "failed", "interrupted"]
    rows: int
    accepted: int
    rejected: int
    rejected_by_reason: dict[str, int]
    rejects: list[RejectGiven] = Field(description="the first 100")
    bytes_read: int
    bytes_total: int
    began_at_ms: Ms
    ended_at_ms: Ms | None
    campaign: str | None
    forecast: Forecast | None
    problem: UploadProblem | None
    notes: list[str]
    mend: str | None


class Health(Given):
    status: Literal["ok"]


class Readiness(Given):
    status: Literal["ready"]
    checks: dict[str, str]


class ProblemKind(Given):
    code: str
    status: int
    title: str
    mend: str


class ProblemGiven(BaseModel):
    """An RFC 9457 problem document. Some codes add facts of their own, such as ``allowed`` or ``limit``."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(examples=["/problems/no_campaign"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["no_campaign"])
    mend: str
    request_id: str
