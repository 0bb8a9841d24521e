"""Every trip to Redis of a whole small campaign goes wrong once, in every way; nothing may drift.

Nothing here is random: a failure names the trip and the way, and ``small_campaign.run(url, Trips(at, kind))`` lives
through it again.
"""

import traceback

import pytest

from tests.proofs.faulty import KINDS, Trips
from tests.proofs.small_campaign import run

pytestmark = pytest.mark.redis

EVERYDAY_STRIDE = 23
"""The everyday suite tries every so many-th trip; ``make prove`` tries all."""


@pytest.fixture(scope="module")
def untroubled(redis_url):
    """How many trips a life without trouble makes, and how it ends."""
    run(redis_url, Trips())  # a first life loads the scripts
    trips = Trips()
    return trips, run(redis_url, trips)


def live_through(redis_url, untroubled, kind, trips_to_try):
    """Lives with trouble at each of those trips; returns a line for each that did not end as the untroubled one."""
    wrong = []
    for at in trips_to_try:
        try:
            outcome = run(redis_url, Trips(at, kind))
            if outcome != untroubled[1]:
                wrong.append(f"trip {at} {kind}: {outcome}")
        except Exception:
            wrong.append(f"trip {at} {kind}: {traceback.format_exc(limit=-3)}")
    return wrong


def test_a_life_without_trouble_ends_as_it_should(untroubled):
    trips, outcome = untroubled
    assert outcome == {
        "letters": {"acme.1": {"R": 4, "A": 1, "D": 1, "L": 1}, "acme.2": {"K": 3}},
        "states": {"acme.1": "closed", "acme.2": "cancelled"},
        "wallet": {"available": 3, "held": 0, "spent": 2, "granted": 5, "expired": 0},
        "open": 0,
        "mailboxes": {f"p{i}@example.org": 1 for i in range(7)},
        "said": [("sender", "When?"), ("candidate", "When?")],
        "uploads": 0,
    }
    assert trips.count > 200


@pytest.mark.parametrize("kind", KINDS)
def test_trouble_at_some_trips_changes_nothing_in_the_end(redis_url, untroubled, kind):
    start = 1 + KINDS.index(kind) * 3
    wrong = live_through(redis_url, untroubled, kind, range(start, untroubled[0].count + 1, EVERYDAY_STRIDE))
    assert wrong == []


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_trouble_at_any_trip_changes_nothing_in_the_end(redis_url, untroubled, kind, record_property):
    tried = range(1, untroubled[0].count + 1)
    record_property("trips", len(tried))
    assert live_through(redis_url, untroubled, kind, tried) == []
