"""One conversation, as read: an InMail, its answer, and what both sides wrote after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from engine.answers import Answer
from engine.letters import LETTERS
from engine.reading import Written

Side = Literal["sender", "candidate"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message after the answer, from either side."""

    at_ms: int
    side: Side
    text: str

    def as_dict(self) -> dict[str, Any]:
        return {"at_ms": self.at_ms, "from": self.side, "text": self.text}


@dataclass(frozen=True, slots=True)
class Conversation:
    """An InMail with all that was said about it. Times in ms, 0 where there is none.

    ``undo_until_ms`` is set while its answer may be taken back. ``unread``: how much of the candidate's its sender has
    not seen; 0 for the candidate.
    """

    written: Written
    letter: str
    sent_at_ms: int
    refund_due_ms: int
    answer: Answer | None
    undo_until_ms: int
    messages: tuple[Message, ...]
    unread: int

    @property
    def inmail(self) -> str:
        return f"{self.campaign}.{self.written.index}"

    @property
    def campaign(self) -> str:
        return self.written.campaign.id

    @property
    def account(self) -> str:
        return self.written.sender.id

    @property
    def sender_name(self) -> str:
        return self.written.sender.name

    @property
    def sender_email(self) -> str:
        return self.written.sender.email

    @property
    def recipient(self) -> str:
        return self.written.address

    @property
    def recipient_fields(self) -> dict[str, str]:
        return self.written.fields

    @property
    def subject(self) -> str:
        return self.written.subject

    @property
    def body(self) -> str:
        return self.written.body

    @property
    def state(self) -> str:
        """To its recipient what is claimed is sent: it lies in the mailbox."""
        return LETTERS["S" if self.letter == "C" else self.letter].word

    def as_dict(self, side: Side) -> dict[str, Any]:
        """As one side sees it: only the sender sees what the list said of the recipient, and what is unread."""
        common = {
            "inmail": self.inmail,
            "campaign": self.campaign,
            "from": {"name": self.sender_name, "email": self.sender_email},
            "subject": self.subject,
            "body": self.body,
            "state": self.state,
            "sent_at_ms": self.sent_at_ms or None,
            "refund_due_ms": self.refund_due_ms or None,
            "answer": self.answer.as_dict() if self.answer else None,
            "messages": [message.as_dict() for message in self.messages],
        }
        if side == "candidate":
            return common | {"undo_until_ms": self.undo_until_ms or None}
        return common | {"recipient": self.recipient_fields, "unread": self.unread}
