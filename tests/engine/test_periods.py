"""The calendar of subscriptions: when months begin, in every zone, whatever the clocks do."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Invalid
from engine.periods import check_timezone, period_at, periods

TEN_YEARS = 120
DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = (
    *(
        "UTC",
        "Europe/Berlin",
        "Europe/London",
        "Europe/Dublin",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",
    ),
    *("Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati"),
    *("Pacific/Chatham", "Africa/Casablanca", "Africa/Cairo", "Antarctica/Troll", "America/Scoresbysund", "Etc/GMT+12"),
)

starts = st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1)).map(lambda at: _ms(at.replace(tzinfo=UTC)))  # noqa: DTZ001 - UTC is put in
zones = st.sampled_from(ZONES)
cycles = st.sampled_from(["monthly", "annual"])


def _ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


def _at(ms: int, zone: str) -> datetime:
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))


def _local(text: str, zone: str, fold: int = 0) -> int:
    return _ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold))


def _began(start: str, zone: str, months: int, fold: int = 0) -> list[str]:
    """When so many months begin, as clocks there show it, with the offset."""
    every = islice(periods(_local(start, zone, fold), "monthly", zone), months)
    return [_at(each.start_ms, zone).isoformat(" ", "minutes") for each in every]


def _ten_years(start_ms: int, cycle: str, zone: str) -> list:
    return list(islice(periods(start_ms, cycle, zone), TEN_YEARS))


@pytest.mark.parametrize(
    ("start", "zone", "began"),
    [
        ("2027-01-31 09:00", "UTC", ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30"]),
        ("2028-01-31 09:00", "UTC", ["01-31", "02-29", "03-31", "04-30", "05-31"]),
        ("2100-01-31 09:00", "UTC", ["01-31", "02-28", "03-31"]),
        ("2027-01-30 09:00", "Asia/Kathmandu", ["01-30", "02-28", "03-30", "04-30"]),
        ("2027-11-29 09:00", "America/New_York", ["11-29", "12-29", "01-29", "02-29", "03-29"]),
        ("2027-12-31 23:59", "Pacific/Kiritimati", ["12-31", "01-31", "02-29", "03-31"]),
    ],
)
def test_a_month_begins_on_the_anchors_day_or_the_months_last(start, zone, began):
    every = _began(start, zone, len(began))
    assert [text[5:10] for text in every] == began
    assert {text[10:16] for text in every} == {start[10:16]}


@pytest.mark.parametrize(
    ("start", "zone", "began"),
    [
        (  # the clocks go from 02:00 to 03:00 on 28 March 2027
            "2027-02-28 02:30",
            "Europe/Berlin",
            ["2027-02-28 02:30+01:00", "2027-03-28 03:30+02:00", "2027-04-28 02:30+02:00"],
        ),
        (  # and back from 03:00 to 02:00 on 31 October
            "2027-08-31 02:30",
            "Europe/Berlin",
            ["2027-08-31 02:30+02:00", "2027-09-30 02:30+02:00", "2027-10-31 02:30+02:00", "2027-11-30 02:30+01:00"],
        ),
        (  # forward on 14 March 2027
            "2027-02-14 02:15",
            "America/New_York",
            ["2027-02-14 02:15-05:00", "2027-03-14 03:15-04:00", "2027-04-14 02:15-04:00"],
        ),
        (  # back on 7 November: the first of the two
            "2027-10-07 01:45",
            "America/New_York",
            ["2027-10-07 01:45-04:00", "2027-11-07 01:45-04:00", "2027-12-07 01:45-05:00"],
        ),
        ("2027-01-31 00:10", "Asia/Kathmandu", ["2027-01-31 00:10+05:45", "2027-02-28 00:10+05:45"]),
        (  # there was no 30 December 2011: a day after the 29th it was the 31st
            "2011-11-30 12:00",
            "Pacific/Apia",
            ["2011-11-30 12:00-10:00", "2011-12-31 12:00+14:00", "2012-01-30 12:00+14:00"],
        ),
        (
            "2011-11-29 12:00",
            "Pacific/Apia",
            ["2011-11-29 12:00-10:00", "2011-12-29 12:00-10:00", "2012-01-29 12:00+14:00"],
        ),
        (
            "2011-10-31 12:00",
            "Pacific/Apia",
            ["2011-10-31 12:00-10:00", "2011-11-30 12:00-10:00", "2011-12-31 12:00+14:00"],
        ),
    ],
)
def test_a_month_begins_at_the_anchors_time_of_day_whatever_the_clocks_do(start, zone, began):
    assert _began(start, zone, len(began)) == began


def test_month_0_begins_exactly_when_the_subscription_did_also_the_second_time_clocks_showed_it():
    start = "2027-10-31 02:30"
    began = _began(start, "Europe/Berlin", 13, fold=1)

    assert (began[0], began[1]) == ("2027-10-31 02:30+01:00", "2027-11-30 02:30+01:00")
    odd = _local(start, "Europe/Berlin", 1) + 7
    assert period_at(odd, "monthly", "Europe/Berlin", 0).start_ms == odd
    assert period_at(odd, "monthly", "Europe/Berlin", 1).start_ms % 1000 == 7


def test_an_annual_cycle_begun_on_29_february_bills_on_28_february_until_there_is_a_29th_again():
    start = _local("2028-02-29 10:00", "Europe/Berlin")
    billed = [each for each in islice(periods(start, "annual", "Europe/Berlin"), 49) if each.bills]

    assert [each.month for each in billed] == [0, 12, 24, 36, 48]
    assert [_at(each.start_ms, "Europe/Berlin").strftime("%Y-%m-%d %H:%M") for each in billed] == [
        *("2028-02-29 10:00", "2029-02-28 10:00", "2030-02-28 10:00", "2031-02-28 10:00", "2032-02-29 10:00"),
    ]


@pytest.mark.parametrize(
    "name", ["", "Berlin", "europe/berlin", "../etc/passwd", "/etc/localtime", "Europe", "UTC ", "\0", "x" * 9000]
)
def test_a_time_zone_there_is_none_of_is_refused_in_one_clear_line(name):
    for ask in (
        lambda: check_timezone(name),
        lambda: periods(0, "monthly", name),
        lambda: period_at(0, "annual", name, 3),
    ):
        with pytest.raises(Invalid, match=r"^no time zone '.*'; one is named as in Europe/Berlin or UTC$") as caught:
            ask()
        assert caught.value.code == "bad_timezone"
        assert len(str(caught.value)) < 200


def test_a_cycle_or_a_month_there_is_none_of_is_refused():
    with pytest.raises(Invalid, match="no cycle 'weekly'; there are: monthly, annual") as caught:
        periods(0, "weekly", "UTC")
    assert caught.value.code == "bad_cycle"
    with pytest.raises(Invalid, match="there is no month -1") as caught:
        period_at(0, "monthly", "UTC", -1)
    assert caught.value.code == "bad_month"


@given(starts, cycles, zones)
@settings(deadline=None)
def test_over_ten_years_no_moment_is_left_out_and_none_is_in_two_months(start, cycle, zone):
    every = _ten_years(start, cycle, zone)

    assert every[0].start_ms == start
    assert [each.month for each in every] == list(range(TEN_YEARS))
    assert all(one.end_ms == two.start_ms for one, two in pairwise(every))
    assert all(26 * DAY_MS < each.end_ms - each.start_ms < 33 * DAY_MS for each in every)


@given(starts, cycles, zones)
@settings(deadline=None)
def test_over_ten_years_exactly_one_month_begins_in_every_calendar_month(start, cycle, zone):
    began = [_at(each.start_ms, zone) for each in _ten_years(start, cycle, zone)]
    months = [at.year * 12 + at.month for at in began]
    assert months == list(range(months[0], months[0] + TEN_YEARS))


@given(starts, cycles, zones)
@settings(deadline=None)
def test_over_ten_years_day_and_time_are_the_anchors_unless_clocks_skip_them(start, cycle, zone):
    anchor = _at(start, zone)
    for each in _ten_years(start, cycle, zone):
        began = _at(each.start_ms, zone)
        day = min(anchor.day, monthrange(began.year, began.month)[1])
        wanted = anchor.replace(tzinfo=None, fold=0, year=began.year, month=began.month, day=day)
        if began.replace(tzinfo=None, fold=0) != wanted:
            later = began.replace(tzinfo=None, fold=0) - wanted
            assert _is_skipped(wanted, zone)
            assert later == _skipped_then(wanted, zone)
        elif each.month:
            assert began.fold == 0


def _is_skipped(wall: datetime, zone: str) -> bool:
    there = wall.replace(tzinfo=ZoneInfo(zone))
    return there.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) != wall


def _skipped_then(wall: datetime, zone: str) -> timedelta:
    """How long the gap is in which that time of day lies."""
    there = wall.replace(tzinfo=ZoneInfo(zone))
    return there.replace(fold=0).astimezone(UTC) - there.replace(fold=1).astimezone(UTC)


@given(starts, zones)
@settings(deadline=None)
def test_a_monthly_cycle_bills_always_and_an_annual_one_every_twelfth_month(start, zone):
    monthly, annual = (_ten_years(start, cycle, zone) for cycle in ("monthly", "annual"))

    assert all(each.bills for each in monthly)
    assert [each.month for each in annual if each.bills] == list(range(0, TEN_YEARS, 12))
    assert [(a.start_ms, a.end_ms) for a in annual] == [(m.start_ms, m.end_ms) for m in monthly]


@given(starts, cycles, zones, st.integers(0, TEN_YEARS - 13))
@settings(deadline=None)
def test_a_month_asked_for_by_number_is_the_one_reached_by_counting(start, cycle, zone, month):
    every = _ten_years(start, cycle, zone)
    assert period_at(start, cycle, zone, month) == every[month]


@given(starts, st.sampled_from(["UTC", "Asia/Kathmandu", "Etc/GMT+12"]))
def test_where_clocks_stand_still_plain_calendar_arithmetic_gives_the_same(start, zone):
    """An independent reckoning: whole days counted on from the anchor, month length by month length."""
    at = _at(start, zone)
    anchor_day, year, month, now = at.day, at.year, at.month, start
    for each in _ten_years(start, "monthly", zone):
        assert each.start_ms == now
        today = min(anchor_day, monthrange(year, month)[1])
        rest = monthrange(year, month)[1] - today
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        now += (rest + min(anchor_day, monthrange(year, month)[1])) * DAY_MS
        assert each.end_ms == now
