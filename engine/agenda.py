"""The scheduler's agenda: which accounts to look at and which campaigns have refunds due.

All of it is derived. Lose it, and ``rebuild`` makes it again from the accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from redis.exceptions import OutOfMemoryError

from config.timings import PRESENCE_SHOWN_MS
from engine.accounts import account_ids
from engine.contacts import tidy
from engine.store import Store
from engine.submitting import discard_abandoned

_CAMPAIGNS_A_STEP = 200
_FORGET_MS = 3_600_000


def nap(store: Store, seconds: float) -> None:
    """Sleep until somebody wakes the scheduler, or ``seconds`` have passed."""
    if store.client.blpop([store.keys.wake], timeout=seconds) is not None:
        store.client.delete(store.keys.wake)


@dataclass(frozen=True, slots=True)
class Visit:
    """An account whose time has come: since when it waits, when it is looked at again unless told otherwise, and its
    weight among the others."""

    account: str
    since_ms: int
    next_ms: int
    weight: int


def due_accounts(store: Store, *, most: int, look_again_ms: int) -> list[Visit]:
    """Up to ``most`` accounts to look at now, longest waiting first, each with its next time already set.

    Setting the next time before looking means that a wake in the middle is never lost.
    """
    now = store.now_ms()
    due = store.client.zrangebyscore(store.keys.runnable, "-inf", now, start=0, num=most, withscores=True)
    found = [(member.decode(), int(score)) for member, score in due]
    if not found:
        return []
    pipe = store.client.pipeline(transaction=False)
    pipe.zadd(store.keys.runnable, dict.fromkeys((account for account, _ in found), now + look_again_ms))
    for account, _ in found:
        pipe.hget(store.keys.account(account), "weight")
    try:
        _, *weights = pipe.execute()
    except OutOfMemoryError:
        return []  # nothing could be claimed either
    return [
        Visit(account, since_ms, now + look_again_ms, max(1, int(weight or 1)))
        for (account, since_ms), weight in zip(found, weights, strict=True)
    ]


def look_at(store: Store, at_ms: Mapping[str, int]) -> None:
    """Look at accounts no later than then."""
    if at_ms:
        store.client.zadd(store.keys.runnable, dict(at_ms), lt=True)


def rest(store: Store, account: str, set_ms: int) -> None:
    """Take an account with nothing left to send off the agenda, unless it was woken since ``set_ms`` was set."""
    store.run_bare("rest", [store.keys.runnable], account, set_ms)


def expect_refund(store: Store, campaign: str, due_ms: int) -> None:
    """Note that a refund of this campaign falls due, so that a lost alarm is noticed.

    With memory full it is not noted: a rebuild finds it in the account as soon as there is room.
    """
    with suppress(OutOfMemoryError):
        store.client.zadd(store.keys.due, {campaign: due_ms}, lt=True)


def refunds_expected(store: Store, *, before_ms: int, most: int) -> list[str]:
    """Campaigns with a refund that fell due before then."""
    found = store.client.zrangebyscore(store.keys.due, "-inf", before_ms, start=0, num=most)
    return [member.decode() for member in found]


def expect_next_refund(store: Store, campaign: str, due_ms: int | None) -> None:
    """Note when the campaign's next refund falls due, in place of the last; None = none is left."""
    if due_ms is None:
        store.client.zrem(store.keys.due, campaign)
    else:
        with suppress(OutOfMemoryError):  # what stands there is earlier: it is only looked at again too soon
            store.client.zadd(store.keys.due, {campaign: due_ms})


def sending_campaigns(store: Store, account: str, *, after: int = 0) -> Iterator[str]:
    """The account's campaigns with something left to send, read in steps: by number from the one after ``after`` on,
    then those before."""
    key, start, end = store.keys.sending(account), after, "+inf"
    while True:
        found = store.client.zrangebyscore(key, f"({start}", end, start=0, num=_CAMPAIGNS_A_STEP)
        yield from (member.decode() for member in found)
        if len(found) == _CAMPAIGNS_A_STEP:
            start = int(found[-1].decode().rpartition(".")[2])
        elif end == "+inf" and after > 0:
            start, end = 0, str(after)
        else:
            return


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found: all accounts, those with something to do, and what the agenda had lost and has again."""

    accounts: int = 0
    busy: int = 0
    accounts_put_back: int = 0
    campaigns_put_back: int = 0
    uploads_cleared: list[str] = field(default_factory=list)


def rebuild(store: Store, between: Callable[[], None] = lambda: None) -> Rebuilt:
    """Make the agenda again from every account; ``between`` is called between one batch of accounts and the next.

    Also clears away drafts whose upload was abandoned. Safe at any time and by several processes at once.
    """
    done = Rebuilt()
    for batch in _batches(account_ids(store), 200):
        pipe = store.client.pipeline(transaction=False)
        between()
        done.accounts += len(batch)
        for account in batch:
            pipe.zrange(store.keys.active(account), 0, -1)
            pipe.zcard(store.keys.sending(account))
            pipe.zcard(store.keys.drafts(account))
            pipe.llen(store.keys.stale(account))
            pipe.hget(store.keys.subscription(account), "next_at_ms")
        found = pipe.execute()
        now = store.now_ms()
        expect_renewals(store, dict(zip(batch, found[4::5], strict=True)))
        for account, *counts in zip(batch, found[::5], found[1::5], found[2::5], found[3::5], strict=True):
            members, sending, drafts, stale = counts
            if stale:
                store.client.sadd(store.keys.untidy, account)
            if drafts:
                done.uploads_cleared += discard_abandoned(store, account)
            done.busy += bool(members)
            if sending:
                pipe.zadd(store.keys.runnable, {account: now}, lt=True)
            for member in members:
                pipe.zrange(store.keys.campaign_due(member.decode()), 0, 0, withscores=True)
            put_back, earliest = 0, pipe.execute()
            if sending:
                put_back, *earliest = earliest
            done.accounts_put_back += put_back
            expected = {m: int(e[0][1]) for m, e in zip(members, earliest, strict=True) if e}
            if expected:
                done.campaigns_put_back += store.client.zadd(store.keys.due, expected, lt=True)
    return done


def expect_renewals(store: Store, next_at_ms: Mapping[str, bytes | None]) -> None:
    """Note when something of these accounts' subscriptions happens next, as stored with them; no later than noted."""
    times = {account: int(at_ms) for account, at_ms in next_at_ms.items() if at_ms and int(at_ms)}
    if times:
        with suppress(OutOfMemoryError):
            store.client.zadd(store.keys.renewals, times, lt=True)


def renewals_due(store: Store, *, most: int, look_again_ms: int) -> list[str]:
    """Up to ``most`` accounts of whose subscriptions something is due, longest first.

    Each is looked at again after ``look_again_ms``, unless what is done about it notes another time.
    """
    now = store.now_ms()
    found = [m.decode() for m in store.client.zrangebyscore(store.keys.renewals, "-inf", now, start=0, num=most)]
    if found:
        with suppress(OutOfMemoryError):
            store.client.zadd(store.keys.renewals, dict.fromkeys(found, now + look_again_ms))
    return found


def _batches(items: Iterable[str], size: int) -> Iterable[list[str]]:
    batch: list[str] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def tidy_some(store: Store) -> bool:
    """Forget the contacts of a few closed packs of one account; True when no account has any left."""
    account = store.client.srandmember(store.keys.untidy)
    if account is None:
        return True
    if tidy(store, account.decode()) == 0:
        store.client.srem(store.keys.untidy, account)
    return False


def be_present(store: Store, who: str, threads: int = 0) -> None:
    """Say that a process is alive; ``who`` is ``worker:host:pid`` or ``scheduler:host:pid``.

    ``threads`` is how many messages a worker runs at a time.
    """
    now = store.now_ms()
    store.client.zadd(store.keys.presence, {who: now})
    if threads:
        store.client.hset(store.keys.threads, who, threads)
    store.client.zremrangebyscore(store.keys.presence, "-inf", now - _FORGET_MS)


def leave(store: Store, who: str) -> None:
    """Say that a process has ended in good order."""
    store.client.zrem(store.keys.presence, who)
    store.client.hdel(store.keys.threads, who)


def worker_threads(store: Store) -> int:
    """How many messages all workers that are alive run at a time."""
    found = store.hash(store.keys.threads)
    alive = present(store)
    if gone := [who for who in found if who not in alive]:
        store.client.hdel(store.keys.threads, *gone)
    return sum(int(n) for who, n in found.items() if who in alive)


def present(store: Store, *, within_ms: int = PRESENCE_SHOWN_MS) -> dict[str, int]:
    """Processes that said they are alive within the last ``within_ms``, and how long ago each last did, in ms.

    They say so every five seconds; one that was killed is on the list until the time is over. Writes nothing, so that
    a replica or a full Redis can be asked as well.
    """
    now = store.now_ms()
    found = store.client.zrangebyscore(store.keys.presence, now - within_ms, "+inf", withscores=True)
    return {member.decode(): now - int(at) for member, at in found}
