"""The rules of docs/states.md and docs/flow.md in plain Python, without Redis: what the engine must come to.

Every method is one event and returns what a caller must be told. Which packs a release chooses is the engine's own
affair; the model only checks that the choice was allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.proofs.year_terms import month_start_ms

LIVE = ("scheduled", "running", "waiting")


@dataclass
class Lease:
    """A pack in flight: until when, and whose (None = released, not claimed yet)."""

    until: int
    token: str | None = None


@dataclass
class Account:
    id: str
    contacts: int
    pays_back: str
    available: int = 0
    held: int = 0
    spent: int = 0
    granted: int = 0
    expired: int = 0
    month_credits: int = 0
    may_send: bool = True
    began_ms: int = 0
    month: int = 0
    keys: dict[str, tuple[int, str]] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)
    open: dict[str, str] = field(default_factory=dict)

    def grant(self, n: int) -> None:
        self.granted += n
        self.available += n

    def grant_keyed(self, key: str, n: int, reason: str) -> bool:
        """Twice is once; False where the key stands for another grant."""
        if key not in self.keys:
            self.keys[key] = (n, reason)
            self.grant(n)
        return self.keys[key] == (n, reason)

    def room(self) -> tuple[int, str]:
        """How many InMails may be sent now, and what bounds that."""
        if not self.may_send:
            return 0, "subscription"
        contacts = max(self.contacts - self.held, 0)
        if self.contacts and contacts < self.available:
            return contacts, "contacts"
        return self.available, "credits"

    def months_pass(self, now: int) -> None:
        """Whoever asks for anything about a subscription finds the months begun that have come."""
        while self.may_send and month_start_ms(self.began_ms, "UTC", self.month + 1) <= now:
            self.month += 1
            self.grant(self.month_credits)

    def end(self, now: int) -> None:
        """The subscription ends now, and with it what is available."""
        self.months_pass(now)
        self.may_send = False
        self.available, self.expired = 0, self.expired + self.available

    def begin(self, now: int) -> None:
        """A subscription begins now, with a month's credits."""
        self.may_send, self.began_ms, self.month = True, now, 0
        self.grant(self.month_credits)

    def release_contact(self, address: str, to: str) -> None:
        """A held credit goes where the rule says, and the contact is free."""
        del self.open[address]
        self.held -= 1
        setattr(self, to, getattr(self, to) + 1)


@dataclass
class Campaign:
    id: str
    account: Account
    to: list[str]
    size: int
    window: int
    start: int
    state: str = ""
    waiting_for: str = ""
    letters: list[str] = field(default_factory=list)
    sent: dict[int, int] = field(default_factory=dict)
    mailed: set[int] = field(default_factory=set)
    replies: dict[int, tuple[str, str]] = field(default_factory=dict)
    answered_at: dict[int, int] = field(default_factory=dict)
    leases: dict[int, Lease] = field(default_factory=dict)
    turn: str = ""

    def __post_init__(self) -> None:
        self.letters = ["Q"] * len(self.to)

    @property
    def packs(self) -> int:
        return -(-len(self.to) // self.size)

    def part(self, pack: int) -> range:
        return range(pack * self.size, min((pack + 1) * self.size, len(self.to)))

    def slice(self, pack: int) -> str:
        return "".join(self.letters[i] for i in self.part(pack))

    def become(self, state: str, waiting_for: str = "") -> None:
        self.state, self.waiting_for = state, waiting_for

    def start_out(self, now: int) -> None:
        """The state of one that is submitted or resumed."""
        room, bound = self.account.room()
        if self.start > now:
            self.become("scheduled")
        elif room == 0 and "Q" in self.letters:
            self.become("waiting", bound)
        else:
            self.become("running")

    def finish(self) -> None:
        """Nothing left to deliver: sent. Nothing left to answer as well: closed. A cancelled one keeps its name."""
        if self.state != "cancelled" and not {"Q", "C"} & set(self.letters):
            self.become("sent" if "S" in self.letters else "closed")

    def release(self, now: int, spoken_for: int) -> None:
        """The state a release leaves behind: a start, or a wait for room."""
        if self.state == "scheduled" and self.start > now:
            return
        room, bound = self.account.room()
        if self.state == "scheduled" or (self.state == "waiting" and room > spoken_for):
            self.become("running")
        if room == 0 and "Q" in self.letters and self.state in ("running", "waiting"):
            self.become("waiting", bound)

    def chosen(self, packs: tuple[int, ...], now: int, lease_ms: int, in_flight: int, spoken_for: int) -> None:
        """Check the packs a release chose, and lease them."""
        if self.state == "scheduled":
            assert packs == ()
            return
        gone = {pack for pack, lease in self.leases.items() if lease.until <= now}
        orphans = {pack for pack in gone if "C" in self.slice(pack)}
        assert orphans <= set(packs), "a pack whose worker is gone is released again, whatever the state"
        for pack in gone:
            del self.leases[pack]
        assert len(set(packs)) == len(packs)
        assert not set(packs) & set(self.leases), "no pack is in two hands"
        fresh = set(packs) - orphans
        self.leases |= {pack: Lease(now + lease_ms) for pack in packs}
        free = self.account.room()[0] - spoken_for
        if fresh:
            assert self.state == "running"
            assert len(self.leases) <= max(2, -(-in_flight // self.size))
            assert (len(self.leases) - 1) * self.size < free, "never more packs than there are credits for"
        if self.state == "running" and free > 0 and "Q" in self.letters:
            assert self.leases, "a campaign that may send has a pack in flight"

    def claim(self, pack: int, token: str, now: int, lease_ms: int) -> str | None:
        """The pack's letters after; None while another worker holds it."""
        held = self.leases.get(pack)
        if held and held.token not in (None, token) and held.until > now:
            return None
        bound, who = self.account.room()[1], self.account
        for i in self.part(pack):
            address = self.to[i]
            if self.letters[i] != "Q" or self.state != "running":
                continue
            if address in who.suppressed:
                self.letters[i] = "O"
            elif address in who.open:
                self.letters[i] = "P"
            elif who.room()[0] > 0:
                self.letters[i] = "C"
                who.open[address] = f"{self.id.rpartition('.')[2]}.{pack}"
                who.available, who.held = who.available - 1, who.held + 1
        after = self.slice(pack)
        if self.state == "running" and "Q" in after and who.room()[0] == 0:
            self.become("waiting", bound)
        if "C" in after:
            self.leases[pack] = Lease(now + lease_ms, token)
        else:
            self.leases.pop(pack, None)
        self.finish()
        return after

    def settle(self, pack: int, token: str, outcomes: str, now: int) -> bool:
        """What became of the claimed; False where another worker holds them by now."""
        held = self.leases.get(pack)
        if held is None or held.token != token:
            return "C" not in self.slice(pack)
        for i, outcome in zip(self.part(pack), outcomes, strict=True):
            if self.letters[i] == "C" and outcome == "S":
                self.letters[i], self.sent[i] = "S", now
            elif self.letters[i] == "C" and outcome == "F":
                self.letters[i] = "F"
                self.account.release_contact(self.to[i], "available")
        if "C" not in self.slice(pack):
            del self.leases[pack]
        self.finish()
        return True

    def refund(self, pack: int, now: int) -> int:
        """How many were unanswered when due."""
        due = [i for i in self.part(pack) if self.letters[i] == "S" and self.sent[i] + self.window <= now]
        for i in due:
            self.letters[i] = "R"
            self.account.release_contact(self.to[i], "available" if self.account.pays_back == "unanswered" else "spent")
        self.finish()
        return len(due)

    def reply(self, index: int, address: str, answer: str, text: str, now: int) -> str:
        """The letter after, 'answered' where another answer stands, 'missing' where there is no such InMail."""
        if index not in self.mailed or self.to[index] != address:
            return "missing"
        if index in self.replies:
            return self.letters[index] if self.replies[index] == (answer, text) else "answered"
        before = self.letters[index]
        if before == "F":
            return "missing"
        self.replies[index] = (answer, text)
        self.answered_at[index] = now
        if before == "R":
            self.letters[index] = "L"
            return "L"
        self.letters[index] = answer
        self.account.release_contact(address, "spent" if self.account.pays_back == "unanswered" else "available")
        self.sent.setdefault(index, now)
        self.finish()
        return answer

    def may_undo(self, index: int, now: int) -> set[str]:
        """What taking an answer back may come to. Of a pack all of which is closed the engine may know too little."""
        letter, who = self.letters[index], self.account
        if index not in self.replies:
            return {{"S": "sent", "R": "refunded"}.get(letter, "missing")}
        if self.answered_at[index] + 600_000 < now:
            return {"undo_over"}
        if letter == "L":
            return {"refunded"}
        if (who.spent if who.pays_back == "unanswered" else who.available) < 1:
            return {"closed"}
        maybe = set() if {"C", "S", "Q"} & set(self.slice(index // self.size)) else {"closed"}
        return maybe | {"written_again" if self.to[index] in who.open else "sent"}

    def undo(self, index: int) -> None:
        """An answer that may be taken back is, where there is one."""
        if index not in self.replies:
            return
        del self.replies[index], self.answered_at[index]
        if self.letters[index] == "L":
            self.letters[index] = "R"
            return
        self.letters[index] = "S"
        who, pack = self.account, index // self.size
        who.open[self.to[index]] = f"{self.id.rpartition('.')[2]}.{pack}"
        spent = "spent" if who.pays_back == "unanswered" else "available"
        who.held, _ = who.held + 1, setattr(who, spent, getattr(who, spent) - 1)
        if self.state == "closed":
            self.become("sent")

    def steer(self, verb: str, now: int) -> str:
        """The state after, or 'wrong_state'."""
        stands = {"pause": ("paused",), "resume": LIVE, "cancel": ("cancelled",)}[verb]
        if self.state in stands:
            return self.state
        if self.state not in {"pause": LIVE, "resume": ("paused",), "cancel": (*LIVE, "paused")}[verb]:
            return "wrong_state"
        if verb == "resume":
            self.start_out(now)
        else:
            self.become({"pause": "paused", "cancel": "cancelled"}[verb])
        return self.state

    def cancel_pack(self, pack: int) -> None:
        if self.state == "cancelled":
            for i in self.part(pack):
                self.letters[i] = "K" if self.letters[i] == "Q" else self.letters[i]

    def cancel_rest(self) -> None:
        for pack in range(self.packs):
            self.cancel_pack(pack)
