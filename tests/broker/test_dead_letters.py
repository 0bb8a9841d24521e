"""Dead letters: kept with their error, grouped by it, run again or dropped only when someone says so."""

from __future__ import annotations

from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq.errors import QueueNotFound

from workers.broker import (
    DurableRedisBroker,
    dead_drop,
    dead_list,
    dead_page,
    dead_resolve,
    dead_retry,
    dead_show,
    pause,
    queue_list,
)
from workers.broker.dead_letters import normalised


@pytest.fixture
def runs(broker: DurableRedisBroker) -> Iterator[list[int]]:
    """An actor that fails on odd numbers until it is mended, and a worker that has run 0 to 4."""
    ran: list[int] = []

    @dramatiq.actor(queue_name="q", max_retries=0)
    def halve(number: int, mended: list[int] = ran) -> None:
        if number % 2 and 99 not in ran:
            raise ValueError(f"{number} is odd")
        ran.append(number)

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    for number in range(5):
        halve.send(number)
    broker.join("q", interval=10, timeout=5_000)
    yield ran
    worker.stop()


def test_failures_of_one_kind_are_one_group(broker: DurableRedisBroker, runs: list[int]) -> None:
    [group] = dead_list(broker)
    assert (group.queue, group.actor, group.error_type, group.error_message, group.count) == (
        "q",
        "halve",
        "ValueError",
        "<n> is odd",
        2,
    )
    assert group.first_ms <= group.last_ms


def test_a_dead_letter_shows_its_message_and_traceback(broker: DurableRedisBroker, runs: list[int]) -> None:
    letter = dead_show(broker, dead_list(broker)[0].sample_id)
    assert letter is not None
    message = letter.message()
    assert message is not None
    assert message.args == (1,)
    assert letter.error_message == "1 is odd"
    assert "ValueError: 1 is odd" in letter.traceback
    assert dead_show(broker, "nothing of the kind") is None


def test_a_group_is_read_page_by_page_with_bodies(broker: DurableRedisBroker, runs: list[int]) -> None:
    group = dead_list(broker)[0].group
    first, following = dead_page(broker, group, most=1)
    assert following is not None
    second, end = dead_page(broker, group, queue="q", after=following, most=1)

    messages = [letter.message() for letter in first + second]
    assert [message.args for message in messages if message is not None] == [(1,), (3,)]
    assert end is None
    assert dead_page(broker, "nothing") == ([], None)
    with pytest.raises(ValueError, match="nonsense"):
        dead_page(broker, group, after="nonsense")


def test_a_letter_is_found_by_the_id_its_message_had_before_it_died(
    broker: DurableRedisBroker, runs: list[int]
) -> None:
    sample = dead_list(broker)[0].sample_id
    letter = dead_show(broker, sample)
    assert letter is not None
    assert dead_resolve(broker, [sample, letter.message_id, "x"]) == {
        sample: [sample],
        letter.message_id: [sample],
        "x": [],
    }


def test_a_group_runs_again(broker: DurableRedisBroker, runs: list[int]) -> None:
    runs.append(99)
    assert dead_retry(broker, group=dead_list(broker)[0].group) == 2
    broker.join("q", interval=10, timeout=5_000)
    assert sorted(runs) == [0, 1, 2, 3, 4, 99]
    assert dead_list(broker) == []


def test_a_letter_retried_has_all_its_attempts_again(broker: DurableRedisBroker) -> None:
    attempts: list[int] = []

    @dramatiq.actor(queue_name="q", max_retries=1, min_backoff=1, max_backoff=1)
    def fail() -> None:
        attempts.append(1)
        raise ValueError("again")

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        fail.send()
        broker.join("q", interval=10, timeout=5_000)
        assert (len(attempts), dead_retry(broker, everything=True)) == (2, 1)
        broker.join("q", interval=10, timeout=5_000)
        assert len(attempts) == 4
    finally:
        worker.stop()


def test_what_was_retried_already_is_passed_over(broker: DurableRedisBroker, runs: list[int]) -> None:
    runs.append(99)
    sample = dead_list(broker)[0].sample_id
    assert [dead_retry(broker, [sample]), dead_retry(broker, [sample]), dead_drop(broker, [sample])] == [
        1,
        0,
        0,
    ]


def test_dropped_letters_are_gone(broker: DurableRedisBroker, runs: list[int]) -> None:
    assert dead_drop(broker, everything=True) == 2
    assert dead_list(broker) == []
    assert not broker.client.exists("{dramatiq}:q.XQ", "{dramatiq}:q.XQ.msgs", "{dramatiq}:q.XQ.errors")


def test_the_dead_letters_of_a_queue_nobody_used_are_not_none_but_an_error(broker: DurableRedisBroker) -> None:
    with pytest.raises(QueueNotFound):
        dead_list(broker, "nothing")


def test_a_queue_that_is_expected_can_be_paused_before_its_first_message(broker: DurableRedisBroker) -> None:
    with pytest.raises(QueueNotFound):
        pause(broker, "q")
    assert [pause(broker, "q", expected=True), pause(broker, "q", expected=True), pause(broker, "q")] == [
        True,
        False,
        False,
    ]
    assert [(row.queue, row.paused) for row in queue_list(broker)] == [("q", True)]


def test_flushing_a_queue_leaves_its_dead_letters(broker: DurableRedisBroker, runs: list[int]) -> None:
    broker.flush_all()
    assert [row.dead for row in queue_list(broker)] == [2]


def test_an_unreadable_message_is_buried_and_its_neighbours_run(broker: DurableRedisBroker) -> None:
    @dramatiq.actor(queue_name="q")
    def fine() -> None: ...

    bodies = [fine.message().encode(), b"\xff not JSON", b"[]", fine.message().encode()]
    for number, body in enumerate(bodies):
        broker.lua.run("enqueue", "sender", str(number), broker.broker_id, "", "", "q", f"id-{number}", body, "")
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    broker.join("q", interval=10, timeout=5_000)
    worker.stop()
    assert {(group.error_type, group.sample_id) for group in dead_list(broker)} == {
        ("DecodeError", "id-1"),
        ("DecodeError", "id-2"),
    }
    assert dead_retry(broker, ["id-1"]) == 1


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("no row 17", "no row 4711.5"),
        ("key 'a' missing", 'key "b" missing'),
        ("at 0x7f59d6fa4a80", "at 0x1"),
        ("id 632a6067-c11f-4da1-87d7-9a423d918fd2", "id 95cced22-8e5a-45e6-8331-3ee974d020a1"),
    ],
)
def test_what_varies_is_taken_out_of_an_error(text: str, same_as: str) -> None:
    assert normalised(text) == normalised(same_as)
