"""What recruiters, operators and the clock do, to the engine and to the model; and the comparison of the two."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine import agenda, campaigns, contacts, credits, opening, subscriptions, suppressions
from engine.audit import audit
from engine.errors import Refused
from engine.identity import digest
from engine.offer import Offer
from engine.plans import Plan
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import LEASE_MS, a_campaign, a_plan, addresses
from tests.proofs.model import Account, Campaign
from tests.proofs.recording import Recording

POOL = addresses(5)
WEEK_MS = 7 * DAY_MS
ANY = st.integers(0, 30)
LOST = st.sampled_from((False, False, False, True))
"""Whether the replies of a step's script calls are lost, so that each is made twice in a row."""
some = precondition(lambda self: self.campaigns)
LISTS = st.lists(st.sampled_from(POOL), min_size=1, max_size=5, unique=True)
plans = {
    "contacts": st.integers(0, 4),
    "month": st.integers(0, 4),
    "pays_back": st.sampled_from(("unanswered", "answered")),
}


class Office(RuleBasedStateMachine):
    client: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.client.flushdb()
        self.store = Recording(self.client, NOON_MS)
        self.accounts: list[Account] = []
        self.campaigns: list[Campaign] = []
        self.plans: dict[str, Plan] = {}
        self.orders: dict[tuple[str, str], tuple[list[str], int, str]] = {}

    def account(self, which: int) -> Account:
        return self.accounts[which % len(self.accounts)]

    def campaign(self, which: int) -> Campaign:
        return self.campaigns[which % len(self.campaigns)]

    @precondition(lambda self: len(self.accounts) == 1)
    @rule(**plans, lost=LOST)
    def open_another(self, contacts: int, month: int, pays_back: str, lost: bool) -> None:
        self.store.lossy = lost
        self._open("bolt", contacts, month, pays_back)

    def _open(self, name: str, contacts: int, month: int, pays_back: str) -> None:
        plan = a_plan(simultaneous_contacts=contacts, credits_a_month=month, refund_when=pays_back)
        assert opening.open_account(self.store, name, email=f"{name}@example.org", name="N", plan=plan)
        who = Account(name, contacts, pays_back, available=month, granted=month, month_credits=month)
        who.began_ms = self.store.at_ms
        self.accounts.append(who)
        self.plans[name] = plan

    @rule(which=ANY, lost=LOST)
    def end_subscription(self, which: int, lost: bool) -> None:
        self.store.lossy = lost
        who = self.account(which)
        if who.may_send:
            subscriptions.transition(self.store, Offer(), who.id, lambda amendment: amendment.end("stopped"))
            who.end(self.store.at_ms)

    @rule(which=ANY, lost=LOST)
    def subscribe(self, which: int, lost: bool) -> None:
        self.store.lossy = lost
        who = self.account(which)
        done = subscriptions.subscribe(self.store, Offer(), who.id, self.plans[who.id])
        assert done.subscription.state == "active"
        if who.may_send:
            who.months_pass(self.store.at_ms)
        else:
            who.begin(self.store.at_ms)

    @rule(which=ANY, n=st.integers(1, 4), key=st.sampled_from((None, "k1", "k2")), lost=LOST)
    def grant(self, which: int, n: int, key: str | None, lost: bool) -> None:
        self.store.lossy = lost
        who, accepted = self.account(which), True
        if key is None:
            who.grant(n)
        else:
            accepted = who.grant_keyed(key, n, "more")
        if accepted:
            credits.grant(self.store, who.id, n, reason="more", key=key)
        else:
            with pytest.raises(Refused, match="another grant"):
                credits.grant(self.store, who.id, n, reason="more", key=key)

    @precondition(lambda self: len(self.campaigns) < 5)
    @rule(
        which=ANY,
        to=LISTS,
        size=st.integers(1, 4),
        days=st.sampled_from((0, 0, 0, 1)),
        key=st.sampled_from((None, None, "s1")),
        lost=LOST,
    )
    def submit(self, which: int, to: list[str], size: int, days: int, key: str | None, lost: bool) -> None:
        self._submit(self.account(which), to, size, days, key, lost)

    @precondition(lambda self: self.orders)
    @rule(which=ANY, lost=LOST)
    def submit_again(self, which: int, lost: bool) -> None:
        name, key = list(self.orders)[which % len(self.orders)]
        to, days, _ = self.orders[name, key]
        self._submit(next(a for a in self.accounts if a.id == name), to, 2, days, key, lost)

    def _submit(self, who: Account, to: list[str], size: int, days: int, key: str | None, lost: bool) -> None:
        self.store.lossy = lost
        start = self.store.at_ms + days * DAY_MS if days else 0
        order = {"key": key, "refund_when": who.pays_back, "start_at_ms": start, "start_asked": str(days)}
        before = self.orders.get((who.id, key or ""))
        if not who.may_send:
            with pytest.raises(Refused, match="ended"):
                a_campaign(self.store, who.id, to=to, pack_size=size, **order)
            return
        if before is not None and before[:2] != (to, days):
            with pytest.raises(Refused, match="another order"):
                a_campaign(self.store, who.id, to=to, pack_size=size, **order)
            return
        campaign = a_campaign(self.store, who.id, to=to, pack_size=size, **order)
        if before is not None:
            assert before[2] == campaign
            return
        made = Campaign(campaign, who, to, size, WEEK_MS, start)
        made.start_out(self.store.at_ms)
        self.campaigns.append(made)
        if key is not None:
            self.orders[who.id, key] = (to, days, campaign)

    @rule(which=ANY, address=st.sampled_from(POOL))
    def suppress(self, which: int, address: str) -> None:
        who = self.account(which)
        assert suppressions.suppress(self.store, who.id, address) == (address not in who.suppressed)
        who.suppressed.add(address)

    @some
    @rule(which=ANY, verb=st.sampled_from(("pause", "resume", "resume", "cancel")), lost=LOST)
    def steer(self, which: int, verb: str, lost: bool) -> None:
        self.store.lossy = lost
        it = self.campaign(which)
        expected = it.steer(verb, self.store.at_ms)
        if expected == "wrong_state":
            with pytest.raises(Refused, match="any more"):
                campaigns.steer(self.store, it.id, verb)
            return
        assert campaigns.steer(self.store, it.id, verb) == expected
        if verb == "cancel":
            it.cancel_rest()

    @some
    @rule(which=ANY)
    def cancel_cut_short(self, which: int) -> None:
        """Cancel as a process does that dies before it has marked the rest."""
        it = self.campaign(which)
        self.store.lossy = False
        expected = it.steer("cancel", self.store.at_ms)
        operation = f"call:cut-short-{len(self.store.calls)}"
        found = self.store.run("steer", self.store.keys.of_campaign(it.id), "cancel", operation)
        assert found[-1] == it.state
        assert found[0] == ("wrong_state" if expected == "wrong_state" else "ok")

    @some
    @rule(which=ANY, lost=LOST)
    def cancel_rest(self, which: int, lost: bool) -> None:
        self.store.lossy = lost
        it = self.campaign(which)
        campaigns.cancel_rest(self.store, it.id)
        it.cancel_rest()

    @rule(ms=st.sampled_from((1_000, LEASE_MS - 1, LEASE_MS, DAY_MS, 3 * DAY_MS, WEEK_MS - 1, WEEK_MS)))
    def clock(self, ms: int) -> None:
        self.store.at_ms += ms

    @rule(packs=st.integers(1, 3))
    def tidy(self, packs: int) -> None:
        self.store.lossy = False
        for who in self.accounts:
            contacts.tidy(self.store, who.id, packs=packs)

    @rule()
    def lose_the_agenda(self) -> None:
        keys = self.store.keys
        self.client.delete(keys.runnable, keys.due, keys.wake, keys.leader, keys.presence)
        agenda.rebuild(self.store)
        runnable = {m.decode() for m in self.client.zrange(keys.runnable, 0, -1)}
        assert runnable == {c.account.id for c in self.campaigns if {"Q", "C"} & set(c.letters)}
        due = {m.decode(): at for m, at in self.client.zrange(keys.due, 0, -1, withscores=True)}
        for it in self.campaigns:
            open_since = [it.sent[i] for i, letter in enumerate(it.letters) if letter == "S"]
            if open_since:
                assert due[it.id] <= min(open_since) + WEEK_MS

    @invariant()
    def the_engine_is_where_the_model_is(self) -> None:
        keys, pipe = self.store.keys, self.client.pipeline(transaction=False)
        for who in self.accounts:
            pipe.hmget(keys.wallet(who.id), credits.WALLET_FIELDS)
            pipe.hgetall(keys.open(who.id))
            pipe.lrange(keys.stale(who.id), 0, -1)
        for it in self.campaigns:
            pipe.get(keys.letters(it.id))
            pipe.hmget(keys.campaign(it.id), "state", "waiting_for")
            pipe.zrange(keys.leases(it.id), 0, -1, withscores=True)
        found = iter(pipe.execute())
        for who in self.accounts:
            wallet = (who.available, who.held, who.spent, who.granted, who.expired)
            assert tuple(map(int, next(found))) == wallet
            standing, stale = next(found), {entry.partition(b" ")[0] for entry in next(found)}
            standing = {person: ref.decode() for person, ref in standing.items() if ref not in stale}
            assert standing == {digest(a): ref for a, ref in who.open.items()}
        for it in self.campaigns:
            assert next(found).decode() == "".join(it.letters)
            assert [value.decode() for value in next(found)] == [it.state, it.waiting_for]
            leases = {int(pack): int(until) for pack, until in next(found)}
            assert leases == {pack: lease.until for pack, lease in it.leases.items()}

    def teardown(self) -> None:
        for who in self.accounts:
            assert audit(self.store, who.id).drift == []
        super().teardown()
