"""What the mailbox and the suppressions take and give; see web/documents.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from web.documents import Asked, Given, Ms

Text = Annotated[str, Field(max_length=10_000)]


class AnswerAsked(Asked):
    answer: Literal["accept", "decline", "not_now"]
    reason: Literal["", "pay", "location", "role", "timing", "company", "other"] = Field(
        "", description="with a decline only"
    )
    until: str = Field("", max_length=10, description="with not_now only: YYYY-MM-DD", examples=["2027-03-01"])
    text: Text = Field("", description="at most 2,000 characters", examples=["Happy to talk."])

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"answer": "accept", "text": "Happy to talk."}]}
    )


class MessageAsked(Asked):
    text: Text = Field(min_length=1, description="at most 2,000 characters", examples=["Tuesday at ten?"])


class SuppressionAsked(Asked):
    address: str = Field(
        min_length=3, max_length=320, examples=["ana@example.org"], json_schema_extra={"format": "email"}
    )


class Person(Given):
    name: str
    email: str


class InMailGiven(Given):
    """An InMail in a mailbox."""

    model_config = ConfigDict(extra="allow")

    inmail: str = Field(examples=["acme.7.0"])
    sender: Person = Field(alias="from")
    campaign: str
    subject: str
    body: str
    sent_at_ms: Ms
    state: str
    link: str | None = Field(description="its reply link: to answer it, once answered to its conversation")


class Inbox(Given):
    items: list[InMailGiven]
    next: str | None


class AnswerGiven(Given):
    answer: Literal["accept", "decline", "not_now"]
    reason: str | None
    until: str | None
    text: str
    at_ms: Ms


class MessageGiven(Given):
    at_ms: Ms
    side: Literal["sender", "candidate"] = Field(alias="from")
    text: str


class ConversationGiven(Given):
    """An InMail with all that was said about it; ``recipient`` and ``unread`` for its sender only."""

    model_config = ConfigDict(extra="allow")

    inmail: str = Field(examples=["acme.7.0"])
    campaign: str
    sender: Person = Field(alias="from")
    subject: str
    body: str
    state: str
    sent_at_ms: Ms | None
    refund_due_ms: Ms | None
    answer: AnswerGiven | None
    messages: list[MessageGiven]
    undo_until_ms: Ms | None = None
    recipient: dict[str, str] | None = None
    unread: int | None = None


class Conversations(Given):
    items: list[ConversationGiven]
    next: str | None


class Unread(Given):
    total: int
    accepted: int
    declined: int
    late: int


class AnsweredGiven(Given):
    inmail: str
    state: Literal["answered", "declined", "late"]
    undo_until_ms: Ms


class UndoneGiven(Given):
    inmail: str
    state: str


class SeenGiven(Given):
    inmail: str
    unread: Literal[0]


class Suppressions(Given):
    items: list[str]
    next: str | None


class SuppressionGiven(Given):
    address: str
    suppressed: bool
    changed: bool = Field(description="false: it stood so already")
