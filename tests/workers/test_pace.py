"""How long the send queue may be: what workers do in a moment, whatever that is, and no less than they have hands."""

import pytest

from config.timings import PACE_S
from workers.pace import Pace


class Queue:
    """A queue and its workers, who do ``per_s`` messages a second."""

    def __init__(self, per_s, threads=8):
        self.per_s, self.threads, self.now, self.size = per_s, threads, 0.0, 0.0
        self.pace = Pace(lambda: round(self.size), lambda: self.threads, lambda: self.now)
        self.longest = self.dry = self.done = 0.0

    def run(self, seconds, step=0.02):
        for _ in range(round(seconds / step)):
            room = self.pace.room()
            self.pace.put(room)
            self.size += room
            self.longest = max(self.longest, self.size)
            can = self.per_s * step
            self.dry += max(0.0, can - self.size)
            self.done += min(can, self.size)
            self.size = max(0.0, self.size - can)
            self.now += step


@pytest.mark.parametrize("per_s", [1, 10, 200, 1000])
def test_the_queue_comes_to_hold_what_workers_do_in_a_moment(per_s):
    queue = Queue(per_s)
    queue.run(5)
    queue.longest = queue.dry = 0.0
    queue.run(5)

    assert queue.longest <= max(queue.threads, per_s * PACE_S * 1.3) + 1
    assert queue.dry <= per_s * 5 * 0.02


def test_workers_that_become_slow_find_a_shorter_queue_within_seconds():
    queue = Queue(1000)
    queue.run(3)
    queue.per_s = 10
    queue.run(45)
    queue.longest = 0.0
    queue.run(3)

    assert queue.longest <= queue.threads + 1


def test_where_nobody_works_the_queue_takes_a_few_and_no_more():
    queue = Queue(0, threads=0)
    queue.run(10)

    assert queue.size == 2


def test_an_idle_hour_is_not_taken_for_slowness():
    queue = Queue(1000)
    queue.run(3)
    queue.size, queue.now = 0.0, queue.now + 3600
    before = queue.pace.per_s
    queue.run(0.02)

    assert queue.pace.per_s == before


def test_a_broker_that_cannot_tell_has_room():
    assert Pace(lambda: None, lambda: 0).room() > 1000
