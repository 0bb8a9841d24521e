"""Where mailboxes are kept: one entry for each InMail, however many there are and however often it is delivered."""

import pytest

from engine.identity import digest
from engine.mailbox_entries import Entry, deliver, entries, holds, size

ANA = "ana@example.org"
MANY = 120
"""More than stand in a mailbox's own field."""


def fill(store, n, address=ANA):
    for i in range(n):
        deliver(store, "acme.1", i, [digest(address)])
        store.at_ms += 1


def refs(found):
    return [entry.pack for entry in found]


def test_an_empty_mailbox_has_no_entries_and_knows_no_cursor(store):
    assert entries(store, ANA, most=5) == []
    assert entries(store, ANA, most=5, after=("acme.1", 0)) is None
    assert (size(store, ANA), holds(store, "acme.1", 0, [digest(ANA)])) == (0, [0])
    assert deliver(store, "acme.1", 0, []) == frozenset()


def test_one_call_delivers_to_many_and_keeps_them_apart(store):
    people = [digest(f"p{i}@example.org") for i in range(100)]

    assert deliver(store, "acme.1", 3, people) == frozenset()
    assert deliver(store, "acme.11", 3, people[:1]) == frozenset()
    assert entries(store, "p0@example.org", most=9) == [
        Entry("acme.11", 3, store.at_ms),
        Entry("acme.1", 3, store.at_ms),
    ]
    assert entries(store, "p99@example.org", most=9) == [Entry("acme.1", 3, store.at_ms)]
    assert holds(store, "acme.1", 3, people) == [1] * 100
    assert holds(store, "acme.11", 3, people) == [1] + [0] * 99
    assert holds(store, "cme.1", 3, people) == [0] * 100


@pytest.mark.parametrize("n", [1, 20, MANY])
def test_delivering_again_changes_nothing_wherever_the_entry_stands_by_now(store, n):
    fill(store, n)
    before = entries(store, ANA, most=MANY)
    for i in range(n):
        assert deliver(store, "acme.1", i, [digest(ANA)]) == frozenset()

    assert entries(store, ANA, most=MANY) == before
    assert size(store, ANA) == n
    assert refs(before) == list(range(n - 1, -1, -1))
    assert all(holds(store, "acme.1", i, [digest(ANA)]) == [1] for i in range(n))


@pytest.mark.parametrize("step", [1, 7, 50])
def test_pages_follow_each_other_over_the_border_to_older_mail(store, step):
    fill(store, MANY)
    seen, after = [], None
    while page := entries(store, ANA, most=step, after=after):
        seen += refs(page)
        after = (page[-1].campaign, page[-1].pack)

    assert seen == list(range(MANY - 1, -1, -1))


def test_a_mailbox_grown_long_stays_short_in_its_own_field(store):
    fill(store, MANY)
    stored = store.client.hget(store.keys.mailboxes(digest(ANA)), digest(ANA))

    assert len(stored) < 1_200
    assert store.client.zcard(store.keys.older_mail(digest(ANA))) > MANY // 2
