"""Workers, candidates and repeats of old calls, beside the model: 40 runs every day, 1,000 by `make prove`."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from engine import answers, refunds, releasing, sending
from engine.errors import NotFound, Refused
from engine.store import open_client
from tests.factories import LEASE_MS, put_in_mailboxes, reply
from tests.proofs.model import Campaign
from tests.proofs.office import ANY, LISTS, LOST, POOL, WEEK_MS, Office, plans, some
from tests.proofs.recording import Call

TOKENS = st.sampled_from(("t1", "t2", "t3"))
OUTCOMES = st.text("SSSF-", min_size=5, max_size=5)

# Calls whose repeat changes nothing in the whole database however late it comes, but for the keys that end so.
# draft: the upload is listed again, and cleared away after an hour.
# cancel_pack and release keep `again`, the packs to be looked at again, which says nothing of a cancelled campaign.
# Of the others a repeat is a new event at its own time, and the model says what it does: a claim by that token, a
# settlement by it where it still holds the pack, a closing of what is due by now, a choice of what is free by now.
FROZEN = dict.fromkeys(
    ("open_account", "amend", "grant", "submit", "deliver", "place", "suppress", "steer", "discard"), ()
)
FROZEN["draft"] = (":drafts",)


class Engine(Office):
    def __init__(self) -> None:
        super().__init__()
        self.claims: list[sending.Claim] = []

    @initialize(**plans, to=LISTS, size=st.integers(1, 4), sent=st.booleans())
    def begin(self, contacts: int, month: int, pays_back: str, to: list[str], size: int, sent: bool) -> None:
        self._open("acme", contacts, month, pays_back)
        self._submit(self.accounts[0], to, size, 0, None, False)
        if sent:
            self.work(0, 20)

    def _model(self, campaign: str) -> Campaign:
        return next(it for it in self.campaigns if it.id == campaign)

    @some
    @rule(which=ANY, in_flight=st.integers(1, 6), spoken_for=st.sampled_from((0, 0, 0, 1)), lost=LOST)
    def release(self, which: int, in_flight: int, spoken_for: int, lost: bool) -> None:
        self.store.lossy = lost
        it = self.campaign(which)
        terms = releasing.Terms(LEASE_MS, in_flight, spoken_for=spoken_for)
        found = releasing.release(self.store, it.id, terms)
        self._released(it, found.packs, str(self.store.calls[-1].args[3]), in_flight, spoken_for)
        assert (found.state, found.waiting_for) == (it.state, it.waiting_for)

    def _released(self, it: Campaign, packs: tuple[int, ...], call: str, in_flight: int, spoken_for: int) -> None:
        it.release(self.store.at_ms, spoken_for)
        it.chosen(packs, self.store.at_ms, LEASE_MS, in_flight, spoken_for)
        if packs:
            it.turn = call

    @some
    @rule(which=ANY, pack=ANY, token=TOKENS, lost=LOST)
    def claim(self, which: int, pack: int, token: str, lost: bool) -> None:
        self.store.lossy = lost
        it = self.campaign(which)
        self._claim(it, pack % it.packs, token)

    def _claim(self, it: Campaign, pack: int, token: str) -> None:
        after = it.claim(pack, token, self.store.at_ms, LEASE_MS)
        held = sending.claim(self.store, it.id, pack, token=token, lease_ms=LEASE_MS)
        assert (held and (held.letters, held.state)) == (after and (after, it.state))
        if held:
            self.claims.append(held)

    @precondition(lambda self: self.claims)
    @rule(which=ANY, lost=LOST)
    def deliver(self, which: int, lost: bool) -> None:
        self.store.lossy = lost
        held = self.claims[-1 - which % len(self.claims)]
        put_in_mailboxes(self.store, held)
        self._model(held.campaign).mailed.update(held.first + i for i in held.positions)

    @precondition(lambda self: self.claims)
    @rule(which=ANY, outcomes=OUTCOMES, lost=LOST)
    def settle(self, which: int, outcomes: str, lost: bool) -> None:
        """By whoever once held the pack, of what is in mailboxes."""
        self.store.lossy = lost
        held = self.claims[-1 - which % len(self.claims)]
        it, first = self._model(held.campaign), held.first
        mine = [i for i in held.positions if outcomes[i] == "F" or first + i in it.mailed]
        done = [i for i in mine if outcomes[i] == "S"]
        failed = [sending.Failure(i, "gone") for i in mine if outcomes[i] == "F"]
        said = "".join(outcomes[i] if i in mine else "-" for i in range(len(held.letters)))
        accepted = it.settle(held.pack, held.token, said, self.store.at_ms)
        assert (sending.settle(self.store, held, done, failed) is not None) == accepted

    @some
    @rule(which=ANY, in_flight=st.integers(2, 20))
    def work(self, which: int, in_flight: int) -> None:
        """Release, and a worker for each pack whom nothing goes wrong for."""
        it = self.campaign(which)
        self.release(which, in_flight, 0, False)
        for pack in [pack for pack, lease in it.leases.items() if lease.token is None]:
            self._claim(it, pack, "worker")
            self.deliver(0, False)
            self.settle(0, "SSSSS", False)

    @some
    @rule(
        which=ANY,
        pack=ANY,
        later=st.sampled_from((0, 0, WEEK_MS)),
        others=st.sampled_from((0, refunds.OTHERS_MAX)),
        lost=LOST,
    )
    def refund(self, which: int, pack: int, later: int, others: int, lost: bool) -> None:
        self.store.lossy = lost
        self.store.at_ms += later
        it = self.campaign(which)
        pack %= it.packs
        packs = range(it.packs) if others else [pack]
        expected = sum(it.refund(each, self.store.at_ms) for each in packs)
        assert refunds.refund(self.store, it.id, pack, others=others).closed == expected

    @some
    @rule(
        which=ANY,
        index=ANY,
        accept=st.booleans(),
        text=st.sampled_from(("", "", "hi")),
        wrong=st.sampled_from((False, False, False, True)),
        lost=LOST,
    )
    def reply(self, which: int, index: int, accept: bool, text: str, wrong: bool, lost: bool) -> None:
        self.store.lossy = lost
        mailed = [(it, i) for it in self.campaigns for i in sorted(it.mailed)]
        it = self.campaign(which)
        it, index = mailed[index % len(mailed)] if mailed and which % 4 else (it, index % len(it.to))
        address = POOL[POOL.index(it.to[index]) - 1] if wrong else it.to[index]
        self._reply(it, index, address, accept, text)

    def _reply(self, it: Campaign, index: int, address: str, accept: bool, text: str) -> None:
        expected = it.reply(index, address, "A" if accept else "D", text, self.store.at_ms)
        try:
            found = reply(self.store, f"{it.id}.{index}", address=address, accept=accept, text=text)
        except NotFound:
            found = "missing"
        except Refused as error:
            found = error.code
        assert found == expected

    @precondition(lambda self: any(it.replies for it in self.campaigns))
    @rule(which=ANY, later=st.sampled_from((0, 0, 600_000, 600_001)), wrong=st.booleans(), lost=LOST)
    def undo(self, which: int, later: int, wrong: bool, lost: bool) -> None:
        self.store.lossy = lost
        self.store.at_ms += later
        answered = [(it, index) for it in self.campaigns for index in sorted(it.replies)]
        it, index = answered[-1 - which % len(answered)]
        allowed = {"missing"} if wrong else it.may_undo(index, self.store.at_ms)
        address = POOL[POOL.index(it.to[index]) - 1] if wrong else it.to[index]
        try:
            found = answers.undo(self.store, f"{it.id}.{index}", address=address)
            it.undo(index)
        except NotFound:
            found = "missing"
        except Refused as error:
            found = error.code
        assert found in allowed

    @precondition(lambda self: self.store.calls)
    @rule(which=ANY, name=st.sampled_from(("steer", "claim", "settle", "release", "any", "any")))
    def replay(self, which: int, name: str) -> None:
        """Any earlier call once more, with the very same arguments."""
        calls = [call for call in self.store.calls if name in (call.name, "any")] or self.store.calls
        call = calls[-1 - which % len(calls)]
        if call.name == "reply" and call.said != "ok":
            return  # it was refused; were it sent again later, it would be an answer given later
        forgotten = call.forgotten_from_ms
        if forgotten is not None and self.store.at_ms >= forgotten:
            return
        if call.name == "tidy":
            self.store.replay(call)  # it forgets some more of what counts for nothing
        elif call.name in ("reply", "undo"):
            self._replay_answer(call)
        elif call.name in FROZEN:
            before = self.store.everything(FROZEN[call.name])
            self.store.replay(call)
            assert self.store.everything(FROZEN[call.name]) == before, f"a replayed {call.name} changed something"
        else:
            self._replay_event(call, next(c for c in self.campaigns if call.keys[12] == self.store.keys.campaign(c.id)))

    @some
    @rule(which=ANY, first=st.sampled_from(("pause", "resume")), then=st.sampled_from(("pause", "resume")))
    def steer_against_a_repeat(self, which: int, first: str, then: str) -> None:
        """Somebody asks for something else, then the repeat of the earlier call arrives."""
        self.steer(which, first, False)
        self.steer(which, then, False)
        self.replay(1, "steer")

    @precondition(lambda self: any(held.positions for held in self.claims))
    @rule(which=ANY, token=TOKENS, outcomes=OUTCOMES)
    def take_over(self, which: int, token: str, outcomes: str) -> None:
        """A worker is thought dead, another takes its pack, and then the first settles after all."""
        self.deliver(which, False)
        held = self.claims[-1 - which % len(self.claims)]
        self.store.at_ms += LEASE_MS
        self._claim(self._model(held.campaign), held.pack, token)
        self.settle(self.claims[::-1].index(held), outcomes, False)

    @precondition(lambda self: any(held.positions for held in self.claims))
    @rule(which=ANY, accept=st.booleans(), outcomes=OUTCOMES)
    def answer_before_it_is_settled(self, which: int, accept: bool, outcomes: str) -> None:
        self.deliver(which, False)
        held = self.claims[-1 - which % len(self.claims)]
        if held.positions:
            it, index = self._model(held.campaign), held.first + held.positions[0]
            self._reply(it, index, it.to[index], accept, "")
        self.settle(which, outcomes, False)

    def _replay_answer(self, call: Call) -> None:
        """Where nothing came between it changes nothing; else it is a new answer, or a new taking back of one."""
        it = next(c for c in self.campaigns if call.keys[12] == self.store.keys.campaign(c.id))
        index, before = int(call.args[0]), self.store.everything()
        if call.name == "undo":
            allowed, said = it.may_undo(index, self.store.at_ms), self.store.replay(call)[0]
            if said == "ok":
                assert allowed & {"sent", "refunded"}
                it.undo(index)
            else:
                assert self.store.everything() == before
            return
        stands = index in it.replies
        said = self.store.replay(call)
        if said[0] == "theirs?":  # its pack is closed by now, and the call says nothing of whose it is
            assert self.store.everything() == before
            return
        expected = it.reply(index, it.to[index], str(call.args[2]), str(call.args[3]), self.store.at_ms)
        assert (said[1] if said[0] == "ok" else {"answered": "answered"}.get(said[0], "missing")) == expected
        if stands:
            assert self.store.everything() == before, "a replayed reply changed something"

    def _replay_event(self, call: Call, it: Campaign) -> None:
        said, now, a = self.store.replay(call), self.store.at_ms, call.args
        if call.name == "claim":
            after = it.claim(int(a[2]), str(a[0]), now, LEASE_MS)
            assert said[:3] == ["ok", after, it.state] if after else said == ["busy"]
        elif call.name == "settle":
            assert (said[0] == "ok") == it.settle(int(a[1]), str(a[0]), str(a[3]), now)
        elif call.name == "refund":
            packs = range(it.packs) if int(a[1]) else [int(a[0])]
            assert int(said[1]) == sum(it.refund(pack, now) for pack in packs)
        elif call.name == "cancel_pack":
            it.cancel_pack(int(a[0]))
        else:
            assert call.name == "release"
            if it.turn != a[3]:
                self._released(it, tuple(map(int, said[9:])), str(a[3]), int(a[1]), int(a[2]))


def prove(redis_url: str, runs: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    Engine.client = open_client(redis_url)
    options: dict[str, Any] = {"stateful_step_count": 30, "deadline": None, "print_blob": True}
    try:
        run_state_machine_as_test(Engine, settings=settings(max_examples=runs, suppress_health_check=checks, **options))
    finally:
        Engine.client.close()


@pytest.mark.redis
def test_the_engine_does_what_the_model_says(redis_url):
    prove(redis_url, 40)


@pytest.mark.redis
@pytest.mark.proof
@pytest.mark.timeout(0)
def test_the_engine_does_what_the_model_says_in_many_runs(redis_url):
    prove(redis_url, 20_000 if os.environ.get("INMAIL_SOAK") else 1_000)
