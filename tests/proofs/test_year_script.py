"""The scripts of a year: the same every time, plausible, and between them they come by everything the rules name."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median

import pytest

from tests.proofs.year_reckoning import Reckoning
from tests.proofs.year_script import HORIZON_DAYS, account_of, outages, script, zone_of
from tests.proofs.year_terms import DAY_MS

START_MS = 1_767_225_600_000  # 1 January 2026
SEED, ACCOUNTS = 20260, 200


@pytest.fixture(scope="module")
def years():
    return [script(SEED, index, START_MS) for index in range(ACCOUNTS)]


def test_one_seed_is_one_year(years):
    assert script(SEED, 3, START_MS) == years[3]
    assert script(SEED, 4, START_MS) != years[3]
    assert script(SEED + 1, 3, START_MS) != years[3]


def test_no_two_events_of_an_account_are_at_one_moment_and_none_is_after_the_horizon(years):
    for year in years:
        times = [at_ms for at_ms, _ in year]
        assert times == sorted(set(times))
        assert times[0] >= START_MS
        assert times[-1] < START_MS + HORIZON_DAYS * DAY_MS
        assert year[-1][1] == ("process",)


def test_a_year_has_about_40_to_100_events_beside_process(years):
    sizes = sorted(sum(event != ("process",) for _, event in year) for year in years)
    assert 40 <= median(sizes) <= 100
    assert sizes[0] >= 15
    assert sizes[-1] <= 150


def test_nothing_is_processed_in_an_outage_and_daily_otherwise(years):
    windows = outages(SEED, START_MS)
    assert 1 <= len(windows) <= 2
    for year in years:
        times = [at_ms for at_ms, event in year if event == ("process",)]
        assert not any(begins <= at_ms < ends for at_ms in times for begins, ends in windows)
        for before, after in pairwise(times):
            assert after - before == DAY_MS or any(before < ends and begins < after for begins, ends in windows)


def test_every_hold_is_answered_within_seven_days_or_returned_at_seven_days_exactly(years):
    for index, year in enumerate(years):
        account = Reckoning(account_of(index), zone_of(SEED, index))
        open_sends: list[list[int]] = []
        for at_ms, event in year:
            result = account.apply(at_ms, event)
            if event[0] == "send" and result:
                open_sends.append([at_ms, result])
            elif event[0] == "settle" and event[2]:
                assert [at_ms - 7 * DAY_MS] == [sent_ms for sent_ms, _ in open_sends if at_ms - sent_ms == 7 * DAY_MS]
        assert account.wallet.held == 0


def test_between_them_the_years_come_by_everything(years):
    seen: Counter[object] = Counter()
    for index, year in enumerate(years):
        account = Reckoning(account_of(index), zone_of(SEED, index))
        for at_ms, event in year:
            number, pending, state, label = account.number, account.pending, account.state, account.label
            cancelled = account.ends_at_ms
            result = account.apply(at_ms, event)
            seen[event[0], result if isinstance(result, str) else bool(result)] += 1
            seen[state, account.state] += 1
            seen["restarted"] += event[0] == "change" and account.number > number
            seen["began again"] += event[0] == "subscribe" and account.number > number > 0
            seen["cancel taken back"] += event[0] == "subscribe" and result == "done" and bool(cancelled)
            seen["change taken back"] += event[0] == "change" and bool(pending) and not account.pending
            seen["change took effect"] += event == ("process",) and bool(pending) and not account.pending
            seen["several months at once"] += event == ("process",) and _month(account.label) - _month(label) > 1
        bills = account.books.invoices
        seen["annual renewed"] += account.annual and account.month == 12
        seen["balance used"] += sum(bill.balance_used_minor > 0 for bill in bills)
        seen["uncollectible"] += sum(bill.state == "uncollectible" for bill in bills)
        seen["zone", account.zone] += 1
    wanted = [
        *("restarted", "began again", "cancel taken back", "change taken back", "change took effect"),
        *("several months at once", "annual renewed", "balance used", "uncollectible"),
        *(("active", "past_due"), ("past_due", "active"), ("past_due", "lapsed"), ("lapsed", "active")),
        *(("lapsed", "ended"), ("active", "ended"), ("ended", "active")),
        *(("change", "refused"), ("subscribe", "refused unpaid"), ("subscribe", "refused use_change")),
    ]
    assert [what for what in wanted if not seen[what]] == []
    assert min(seen["zone", zone] for zone in ("UTC", "Europe/Berlin", "America/New_York")) > ACCOUNTS // 6


def _month(label: str) -> int:
    return int(label.rpartition(".")[2] or 0)
