"""Weekly hours: what is written is what holds, on both sides of midnight and of Sunday."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.schedules import TIME_ZONE, offset_s, schedule_of
from service.times import instant
from vision.frame import Instant
from vision.zone import WEEK_MIN, Hours, Schedule, Zone, ZoneKind, watched

MONDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo(TIME_ZONE))
"""A Monday, 00:00 in Shanghai."""


def at(day: int, clock: str) -> Instant:
    hour, minute = clock.split(":")
    return instant(MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute)))


HELD: dict[str, tuple[list[str], list[tuple[int, str]], list[tuple[int, str]]]] = {
    "no hours": ([], [(0, "00:00"), (6, "23:59")], []),
    "one day": (["Wed 08:00-18:00"], [(2, "08:00"), (2, "17:59")], [(2, "18:00"), (3, "09:00")]),
    "across midnight": (
        ["Mon-Fri 22:00-06:00"],
        [(0, "22:00"), (1, "05:59"), (5, "05:59")],
        [(0, "05:59"), (1, "06:00"), (5, "22:00"), (6, "23:00")],
    ),
    "across Sunday": (["Sun 22:00-06:00"], [(6, "22:00"), (0, "05:59")], [(0, "06:00")]),
    "the whole day": (["Sat,Sun 00:00-24:00"], [(5, "00:00"), (6, "23:59")], [(0, "00:00")]),
    "from a time to itself": (["Tue 06:00-06:00"], [(1, "06:00"), (2, "05:59")], [(2, "06:00")]),
    "over the week's end": (["Fri-Mon 09:00-10:00"], [(4, "09:00"), (0, "09:30")], [(1, "09:30")]),
    "in Chinese": (["周一-周三 1:00-2:00"], [(0, "01:00"), (2, "01:59")], [(3, "01:00")]),
    "weeks named otherwise": (["星期天、周六 1:00-2:00"], [(6, "01:00"), (5, "01:00")], []),
    "every day": (["每天 1:00-2:00", "daily 3:00-4:00"], [(0, "01:00"), (6, "03:00")], []),
}


@pytest.mark.parametrize(("hours", "inside", "outside"), HELD.values(), ids=HELD)
def test_hours_hold_as_they_are_written(
    hours: list[str], inside: list[tuple[int, str]], outside: list[tuple[int, str]]
) -> None:
    """In every week, this one and one before 1970."""
    schedule = schedule_of(hours)
    for weeks in (0, -3000):
        for moments, holds in ((inside, True), (outside, False)):
            for day, clock in moments:
                assert schedule.holds(at(day + 7 * weeks, clock)) is holds, (day, clock)


def test_the_time_zone_counts() -> None:
    """22:00 in Urumqi is midnight in Shanghai."""
    schedule = schedule_of(["Mon 22:00-23:00"], "Asia/Urumqi")
    assert not schedule.holds(at(0, "22:30"))
    assert schedule.holds(at(1, "00:30"))
    assert (offset_s("Asia/Shanghai"), offset_s("UTC")) == (8 * 3600, 0)


minutes = st.integers(0, WEEK_MIN - 1)


@given(start=minutes, length=st.integers(1, WEEK_MIN), moment=minutes, weeks=st.integers(-99, 99))
def test_a_stretch_holds_for_its_length_and_every_week_alike(
    start: int, length: int, moment: int, weeks: int
) -> None:
    """Inside exactly when less than `length` after the start, weeks left out."""
    schedule = Schedule((Hours(start, start + length),), offset_s=8 * 3600)
    at_us = instant(MONDAY + timedelta(minutes=moment, weeks=weeks, seconds=59))
    assert schedule.holds(at_us) is ((moment - start) % WEEK_MIN < length)


SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_a_zone_counts_in_its_hours_only() -> None:
    """Outside of the hours of a `no_dump` zone nothing is watched, not everything."""
    night = schedule_of(["daily 22:00-06:00"])
    zones = (Zone("night", ZoneKind.NO_DUMP, SQUARE, night),)
    assert watched(zones, (9, 16), at(0, "23:00")).all()
    assert not watched(zones, (9, 16), at(0, "12:00")).any()
    market = (Zone("market", ZoneKind.IGNORE, SQUARE, night),)
    assert not watched(market, (9, 16), at(0, "23:00")).any()
    assert watched(market, (9, 16), at(0, "12:00")).all()
