"""Each trap the stock broker falls into, on a real redis-server: ours must hold."""

from __future__ import annotations

import pytest

from . import traps
from .rig import Rig

pytestmark = pytest.mark.redis


def check(outcome: traps.Outcome) -> None:
    assert outcome.held, outcome.seen


def test_delayed_messages_run_after_redis_was_killed_and_restarted(rig: Rig) -> None:
    check(traps.redis_restarts(rig))


def test_delayed_messages_run_after_redis_was_read_only(rig: Rig) -> None:
    check(traps.redis_is_read_only(rig))


def test_delayed_messages_run_after_redis_was_out_of_memory(rig: Rig) -> None:
    check(traps.redis_is_full(rig))


def test_delayed_messages_run_after_the_script_cache_was_flushed(rig: Rig) -> None:
    check(traps.redis_forgets_scripts(rig))


def test_delayed_messages_run_after_redis_stalled(rig: Rig) -> None:
    check(traps.redis_stalls(rig))


@pytest.mark.slow
def test_delayed_messages_run_after_redis_stalled_for_15_seconds(rig: Rig) -> None:
    check(traps.redis_stalls(rig, stall_s=15.0, socket_timeout_s=5.0))


def test_a_short_delay_is_not_held_up_by_long_ones(rig: Rig) -> None:
    check(traps.long_delays_go_first(rig))


@pytest.mark.slow
def test_a_short_delay_is_not_held_up_by_100_000_long_ones(rig: Rig) -> None:
    check(traps.long_delays_go_first(rig, long_ones=100_000))


def test_a_busy_worker_is_not_robbed(rig: Rig) -> None:
    check(traps.busy_worker_is_robbed(rig))


def test_a_wrong_clock_takes_nothing_from_anybody(rig: Rig) -> None:
    check(traps.clock_is_wrong(rig))


def test_maintenance_reads_no_key_that_is_not_its_own(rig: Rig) -> None:
    check(traps.maintenance_reads_every_key(rig))


def test_the_work_of_a_killed_process_runs_again(rig: Rig) -> None:
    check(traps.process_is_killed(rig))


@pytest.mark.slow
def test_the_work_of_a_killed_process_runs_again_within_30_seconds_by_default(rig: Rig) -> None:
    check(traps.process_is_killed(rig, timeout_ms=15_000, within_s=30.0))


def test_a_message_whose_enqueue_lost_its_reply_runs_once(rig: Rig) -> None:
    check(traps.enqueue_reply_is_lost(rig))


def test_messages_whose_fetch_lost_its_reply_are_taken_up_again(rig: Rig) -> None:
    check(traps.fetch_reply_is_lost(rig))
