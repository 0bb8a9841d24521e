"""What an upgrade costs: by days, in whole numbers, never more than the difference."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.invoices import Line
from engine.periods import months_of, period_at
from engine.proration import days, days_left, half_up, is_upgrade, prorate
from tests.factories import a_plan

DAY_MS = 86_400_000
START_MS = 1_798_761_600_000  # 2027-01-01 00:00 UTC
JANUARY = (START_MS, START_MS + 31 * DAY_MS)
YEAR = (START_MS, START_MS + 365 * DAY_MS)

BUSINESS = a_plan(slug="business", name="Business", fee_monthly=2495, fee_annual=23900, credits_a_month=15)
EXECUTIVE = a_plan(slug="executive", name="Executive", fee_monthly=9995, fee_annual=95900, credits_a_month=150)
YEAR_A = a_plan(slug="year_a", name="Year A", fee_annual=10_000, credits_a_month=10)
YEAR_B = a_plan(slug="year_b", name="Year B", fee_annual=50_000, credits_a_month=100)
FREE = a_plan(slug="free", name="Free", credits_a_month=3)

CYCLES = ("monthly", "annual")
plans = st.builds(
    lambda monthly, annual, each: a_plan(fee_monthly=monthly, fee_annual=annual, credits_a_month=each),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
)
moments = st.integers(0, 31 * DAY_MS - 1).map(lambda after: START_MS + after)


def _upgrade(old, old_cycle, new, new_cycle, at_ms):
    period = JANUARY if old_cycle == "monthly" else YEAR
    ends = period_at(at_ms, new_cycle, "UTC", months_of(new_cycle)).start_ms
    return prorate(old, old_cycle, new, new_cycle, at_ms=at_ms, period=period, month=JANUARY, new_period_end_ms=ends)


def _charged(prorated) -> int:
    return sum(line.amount_minor for line in prorated.lines)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [
        *((5, 2, 3), (-5, 2, -3), (1, 2, 1), (-1, 2, -1), (3, 2, 2), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (0, 7, 0)),
        *((7, 7, 1), (5, -2, -3), (-5, -2, 3), (10**30 + 1, 2, (10**30 + 2) // 2), (2**53 + 1, 1, 2**53 + 1)),
    ],
)
def test_halves_are_rounded_away_from_zero(numerator, denominator, rounded):
    assert half_up(numerator, denominator) == rounded


@given(st.integers(), st.integers(1))
def test_rounding_is_exact_and_the_same_on_both_sides_of_zero(numerator, denominator):
    exact = Fraction(numerator, denominator)
    assert half_up(numerator, denominator) == -half_up(-numerator, denominator)
    assert half_up(abs(numerator), denominator) == floor(abs(exact) + Fraction(1, 2))


@pytest.mark.parametrize(
    ("after_ms", "left"),
    [
        *((0, 31), (1, 31), (DAY_MS - 1, 31), (DAY_MS, 30), (DAY_MS + 1, 30), (15 * DAY_MS, 16), (30 * DAY_MS, 1)),
        *((31 * DAY_MS - 1, 1), (31 * DAY_MS, 0), (40 * DAY_MS, 0), (-DAY_MS, 31)),
    ],
)
def test_a_begun_day_is_left_whole(after_ms, left):
    assert days_left(START_MS + after_ms, *JANUARY) == left


@pytest.mark.parametrize(
    ("zone", "month", "length"), [("Europe/Berlin", 2, 31), ("Europe/Berlin", 9, 31), ("UTC", 1, 28)]
)
def test_a_month_in_which_clocks_change_has_its_days_nonetheless(zone, month, length):
    it = period_at(START_MS, "monthly", zone, month)

    assert days(it.start_ms, it.end_ms) == length
    assert days_left(it.start_ms, it.start_ms, it.end_ms) == length
    assert days_left(it.end_ms - 1, it.start_ms, it.end_ms) == 1


@pytest.mark.parametrize(
    ("old", "old_cycle", "new", "new_cycle", "at_once"),
    [
        (BUSINESS, "monthly", EXECUTIVE, "monthly", True),
        (BUSINESS, "annual", EXECUTIVE, "monthly", True),
        (BUSINESS, "monthly", EXECUTIVE, "annual", True),
        (BUSINESS, "monthly", BUSINESS, "annual", True),
        (BUSINESS, "annual", BUSINESS, "monthly", False),
        (BUSINESS, "monthly", BUSINESS, "monthly", False),
        (EXECUTIVE, "monthly", BUSINESS, "annual", False),
        (EXECUTIVE, "annual", BUSINESS, "annual", False),
        (FREE, "monthly", BUSINESS, "monthly", True),
        (YEAR_A, "annual", YEAR_B, "annual", True),
        (BUSINESS, "annual", YEAR_B, "annual", True),
        (YEAR_B, "annual", BUSINESS, "annual", False),
        (YEAR_B, "annual", YEAR_A, "annual", False),
        (YEAR_A, "annual", BUSINESS, "monthly", True),
    ],
)
def test_an_upgrade_is_to_a_dearer_plan_or_from_monthly_to_annual(old, old_cycle, new, new_cycle, at_once):
    assert is_upgrade(old, old_cycle, new, new_cycle) is at_once


def test_an_upgrade_in_the_middle_of_a_month_charges_and_grants_for_the_days_left():
    at_ms = START_MS + 11 * DAY_MS
    done = _upgrade(BUSINESS, "monthly", EXECUTIVE, "monthly", at_ms)

    assert done.kind == "at_once"
    assert done.lines == (
        Line("Executive, monthly: 20 of 31 days", 6448, at_ms, JANUARY[1]),  # 9995 * 20 / 31 = 6448.4
        Line("Business, monthly: 20 of 31 days not used", -1610, at_ms, JANUARY[1]),  # 2495 * 20 / 31 = 1609.7
    )
    assert done.credits == 87  # 135 * 20 / 31 = 87.1


def test_an_upgrade_of_an_annual_plan_is_reckoned_by_the_days_of_the_year_and_its_credits_by_the_months():
    at_ms = START_MS + 30 * DAY_MS
    done = _upgrade(BUSINESS, "annual", EXECUTIVE, "annual", at_ms)

    assert [line.amount_minor for line in done.lines] == [88018, -21936]  # of 335 of 365 days
    assert {line.end_ms for line in done.lines} == {YEAR[1]}
    assert done.credits == 4  # 135 / 31 = 4.35: one day of the month is left


def test_an_upgrade_to_another_cycle_begins_anew_at_the_full_fee_less_what_is_left():
    at_ms = START_MS + 11 * DAY_MS
    done = _upgrade(BUSINESS, "monthly", EXECUTIVE, "annual", at_ms)

    assert done.kind == "restart"
    assert done.lines == (
        Line("Executive, annual", 95900, at_ms, at_ms + 365 * DAY_MS),
        Line("Business, monthly: 20 of 31 days not used", -1610, at_ms, JANUARY[1]),
    )
    assert done.credits == 140  # 150 less 15 * 20 / 31 = 9.7


def test_an_upgrade_from_a_years_fee_to_a_months_can_leave_money_over():
    done = _upgrade(BUSINESS, "annual", EXECUTIVE, "monthly", START_MS)
    assert [line.amount_minor for line in done.lines] == [9995, -23900]


def test_a_plan_that_cost_nothing_gives_nothing_back_and_has_no_line():
    for cycle in CYCLES:
        done = _upgrade(FREE, "monthly", EXECUTIVE, cycle, START_MS)
        assert len(done.lines) == 1


@pytest.mark.parametrize("cycle", CYCLES)
def test_an_upgrade_on_the_first_day_costs_the_full_difference(cycle):
    done = _upgrade(BUSINESS, cycle, EXECUTIVE, cycle, START_MS + DAY_MS - 1)

    assert _charged(done) == (7500 if cycle == "monthly" else 72000)
    assert done.credits == 135


def test_an_upgrade_on_the_last_day_costs_one_days_part():
    done = _upgrade(BUSINESS, "monthly", EXECUTIVE, "monthly", JANUARY[1] - 1)
    assert [line.amount_minor for line in done.lines] == [half_up(9995, 31), -half_up(2495, 31)]
    assert done.credits == half_up(135, 31)


@given(plans, plans, st.sampled_from(CYCLES), st.sampled_from(CYCLES), moments)
def test_an_upgrade_never_grants_below_none_nor_more_than_the_new_plans_month(old, new, old_cycle, new_cycle, at_ms):
    done = _upgrade(old, old_cycle, new, new_cycle, at_ms)

    assert 0 <= done.credits <= new.credits_a_month
    assert done.kind == ("at_once" if old_cycle == new_cycle else "restart")
    assert all(line.start_ms == at_ms < line.end_ms for line in done.lines)


@given(plans, plans, st.sampled_from(CYCLES), moments)
def test_each_line_is_within_half_a_minor_unit_of_the_exact_part(old, new, cycle, at_ms):
    done = _upgrade(old, cycle, new, cycle, at_ms)
    period = JANUARY if cycle == "monthly" else YEAR
    part = Fraction(days_left(at_ms, *period), days(*period))
    new_fee, old_fee = (plan.fee_monthly if cycle == "monthly" else plan.fee_annual for plan in (new, old))

    assert abs(done.lines[0].amount_minor - new_fee * part) <= Fraction(1, 2)
    assert abs(_charged(done) - (new_fee - old_fee) * part) <= 1
    assert 0 <= done.lines[0].amount_minor <= new_fee


@given(plans, plans, moments)
def test_a_dearer_plan_never_costs_less_than_nothing_in_the_same_cycle(old, new, at_ms):
    assume(old.sells("monthly") and new.sells("monthly") and is_upgrade(old, "monthly", new, "monthly"))
    assert _charged(_upgrade(old, "monthly", new, "monthly", at_ms)) >= 0


@given(plans, plans, moments, moments)
def test_who_upgrades_later_never_pays_or_gets_more(old, new, one, other):
    assume(old.sells("monthly") and new.sells("monthly") and is_upgrade(old, "monthly", new, "monthly"))
    early, late = (_upgrade(old, "monthly", new, "monthly", at) for at in sorted((one, other)))

    assert late.credits <= early.credits
    assert late.lines[0].amount_minor <= early.lines[0].amount_minor
