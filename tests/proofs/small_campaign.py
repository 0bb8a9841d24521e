"""A whole small campaign by hand: every process a step at a time, in one thread, always in the same order."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import Retries, TimeLimit

from config.timings import alarm_grace_ms
from engine import agenda, answers, campaigns, conversations, credits, mailbox_entries, opening, submitting
from engine.audit import audit
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.store import RedisTrouble, Store
from tests.conftest import DAY_MS, NOON_MS
from tests.factories import LEASE_MS, a_plan, addresses, reply
from tests.proofs.faulty import Died, FaultyRedis, Trips
from workers.actors import Actors
from workers.broker import DurableRedisBroker
from workers.broker.consumer import DurableConsumer
from workers.scheduler import Scheduler

PEOPLE = 7
CREDITS = 5
_BROKER = "inmail:{dramatiq}"


class Process:
    """A process with a client, a store, a broker and, where asked, consumers of its own."""

    def __init__(self, trips: Trips, path: str, at_ms: int, name: str) -> None:
        self.client = FaultyRedis(trips, path)
        self.store = Store(self.client, at_ms=at_ms)
        retries = Retries(max_retries=8, min_backoff=1_000, max_backoff=60_000)
        self.broker = DurableRedisBroker(client=self.client, namespace=_BROKER, middleware=[TimeLimit(), retries])
        self.actors = Actors(self.broker, self.store, lease_ms=LEASE_MS)
        self.scheduler = Scheduler(self.store, self.actors, lease_ms=LEASE_MS, in_flight=4, who=name, paced=False)
        self.consumers = {queue: DurableConsumer(self.broker, queue, 8, 1) for queue in ("send", "refund")}


class World:
    """The recruiter, the scheduler, the worker and the candidates of one account, on one Redis and one clock."""

    def __init__(self, url: str, trips: Trips) -> None:
        self.path = url.removeprefix("unix://").partition("?")[0]
        self.trips = trips
        self.admin = redis.Redis(unix_socket_path=self.path)
        self.admin.flushdb()
        self.at_ms = NOON_MS
        self.store = Store(self.admin, at_ms=self.at_ms)
        self.processes: dict[str, Process] = {}
        trips.forget, trips.flush_scripts = self.forget, self.admin.script_flush
        self.told: list[str] = []

    def forget(self) -> None:
        """Delete everything derived: the scheduler's keys and the whole broker."""
        keys = [*self.admin.scan_iter(match="inmail:{sched}:*"), *self.admin.scan_iter(match=f"{_BROKER}*")]
        if keys:
            self.admin.delete(*keys)

    def clock(self, ms: int) -> None:
        self.at_ms += ms
        self.store.at_ms = self.at_ms
        for process in self.processes.values():
            process.store.at_ms = self.at_ms

    def do(self, who: str, action: Callable[[Process], Any]) -> Any:
        """Have a process do something; where it dies or meets trouble, a new one or the same does it again."""
        for _ in range(4):
            if who not in self.processes:
                self.processes[who] = Process(self.trips, self.path, self.at_ms, who)
            try:
                return action(self.processes[who])
            except Died:
                del self.processes[who]
            except (RedisTrouble, BrokerConnectionError):
                continue
        raise AssertionError(f"{who} never got through")

    # -- what each does

    def submit(self, to: list[str], key: str) -> str:
        text = "first_name,email\n" + "".join(f"N,{address}\n" for address in to)

        def go(process: Process) -> str:
            with open_list("-", stdin=io.BytesIO(text.encode())) as listed:
                message = parse_message("Hello {{ first_name }}", "A role.", columns=listed.columns)
                order = submitting.Order("small", 2, refund_after_ms=7 * DAY_MS, key=key)
                return submitting.submit(process.store, "acme", listed, message, order).campaign

        return str(self.do("recruiter", go))

    def schedule(self) -> int:
        def go(process: Process) -> int:
            scheduler = process.scheduler
            scheduler.leadership._asked = float("-inf")
            scheduler.releaser._thorough.clear()
            scheduler._asked_paused = float("-inf")
            assert scheduler.leadership.hold()
            agenda.rebuild(process.store)
            while not agenda.tidy_some(process.store):
                pass
            return scheduler.sweep() + scheduler.turn()

        return int(self.do("scheduler", go))

    def work(self) -> None:
        self.do("worker", _work)

    def until_quiet(self) -> None:
        """Let scheduler and worker go on, leases run out and lost alarms be noticed, until nothing is left to do."""
        quiet = 0
        for _ in range(40):
            busy = False
            for _ in range(20):
                found = self.schedule()
                self.work()
                if not found:
                    break
                busy = True
            self.clock(LEASE_MS + alarm_grace_ms(LEASE_MS) + 1)
            self.do("scheduler", lambda process: process.store.client.delete(process.store.keys.runnable))
            quiet = 0 if busy else quiet + 1
            if quiet == 2:  # twice, as what is derived may just have been deleted
                return
        raise AssertionError("it never comes to rest")

    def answer(self, campaign: str, letter: str, *, accept: bool) -> None:
        """The first recipient standing at that letter answers; what the engine says is kept."""
        column = self.store.client.get(self.store.keys.letters(campaign)).decode()
        index = column.index(letter)
        address = campaigns.read_pack(self.store, campaign, index // 2)[1][index % 2]
        inmail = f"{campaign}.{index}"
        after = self.do("candidate", lambda p: reply(p.store, inmail, address=address, accept=accept))
        self.told.append(f"{inmail}{after}")

    def change_mind(self, campaign: str) -> None:
        """The first recipient answers, and takes it back."""
        address, inmail = addresses(1)[0], f"{campaign}.0"
        self.do("candidate", lambda p: reply(p.store, inmail, address=address, accept=False))
        assert self.do("candidate", lambda p: answers.undo(p.store, inmail, address=address)) == "sent"

    def talk(self, campaign: str) -> None:
        """Both sides of the first InMail write, each under a key of theirs."""
        address, inmail = addresses(1)[0], f"{campaign}.0"
        said = {"text": "When?", "key": "m"}
        self.do("recruiter", lambda p: conversations.say(p.store, inmail, account="acme", **said))
        self.do("candidate", lambda p: conversations.say(p.store, inmail, address=address, **said))

    def alarms(self) -> None:
        """Every delayed message is due now, also those that are not: whoever runs one must look for himself."""
        for key in self.admin.scan_iter(match=f"{_BROKER}:*.DQ"):
            for member in self.admin.zrange(key, 0, -1):
                self.admin.zadd(key, {member: 1})
        self.work()


def _work(process: Process) -> None:
    """What Dramatiq's worker does with a message, without its threads."""
    for consumer in process.consumers.values():
        while consumer._fetch(8):
            while consumer._fetched:
                message = consumer._fetched.popleft()
                try:
                    process.broker.emit_before("process_message", message)
                    result = process.broker.actors[message.actor_name](*message.args)
                    process.broker.emit_after("process_message", message, result=result)
                except Exception as error:
                    process.broker.emit_after("process_message", message, exception=error)
                for _ in range(3):
                    try:
                        (consumer.nack if message.failed else consumer.ack)(message)
                        break
                    except BrokerConnectionError:
                        continue


def run(url: str, trips: Trips) -> dict[str, Any]:
    """Live through it all; returns what a person would look at afterwards. The log is audited at every rest."""
    world = World(url, trips)
    mail = addresses(PEOPLE)
    world.do("recruiter", lambda p: opening.open_account(
        p.store, "acme", email="acme@example.org", name="Acme", plan=a_plan()))  # fmt: skip
    world.do("recruiter", lambda p: credits.grant(p.store, "acme", CREDITS, reason="start", key="g"))
    first = world.submit(mail, "one")
    world.until_quiet()
    world.change_mind(first)
    for accept in (True, False):
        world.answer(first, "S", accept=accept)
    world.talk(first)
    world.do("recruiter", lambda p: campaigns.steer(p.store, first, "pause"))
    world.do("recruiter", lambda p: campaigns.steer(p.store, first, "resume"))
    second = world.submit(["late@example.org", *mail[:2]], "two")
    world.do("recruiter", lambda p: campaigns.steer(p.store, second, "pause"))
    world.do("recruiter", lambda p: campaigns.steer(p.store, second, "cancel"))
    world.until_quiet()
    world.clock(3 * DAY_MS)
    world.alarms()
    world.until_quiet()
    assert audit(world.store, "acme").drift == []
    world.clock(4 * DAY_MS)
    world.alarms()
    world.until_quiet()
    world.answer(first, "R", accept=True)
    world.clock(8 * DAY_MS)
    world.until_quiet()
    return _outcome(world, first, second)


def _outcome(world: World, *ids: str) -> dict[str, Any]:
    store = world.store
    assert audit(store, "acme").drift == []
    for told in world.told:  # what a candidate was told stands
        campaign, _, rest = told.rpartition(".")
        assert store.client.getrange(store.keys.letters(campaign), int(rest[:-1]), int(rest[:-1])).decode() == rest[-1]
    for campaign in ids:
        assert store.client.zcard(store.keys.leases(campaign)) == 0
        assert store.client.zcard(store.keys.campaign_due(campaign)) == 0
    mailboxes = {address: size for address in addresses(20) if (size := mailbox_entries.size(store, address))}
    return {
        "letters": {c: Counter(store.client.get(store.keys.letters(c)).decode()) for c in ids},
        "states": {c: campaigns.get_campaign(store, c).state for c in ids},
        "wallet": credits.wallet(store, "acme").as_dict(),
        "open": store.client.hlen(store.keys.open("acme")),
        "mailboxes": mailboxes,
        "said": [(m.side, m.text) for m in conversations.read_sent(store, f"{ids[0]}.0", account="acme").messages],
        "uploads": store.client.zcard(store.keys.drafts("acme")),
    }
