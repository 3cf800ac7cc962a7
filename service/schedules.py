"""Weekly hours as people write them: `Mon-Fri 22:00-06:00`, in a time zone (glossary: 时段表)."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vision.zone import ALWAYS, WEEK_MIN, Hours, Schedule

TIME_ZONE = "Asia/Shanghai"
"""Where nothing else is said: the legal time of the country."""
DAY_MIN = 24 * 60
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHINESE = "一二三四五六日"
_EVERY_DAY = frozenset({"daily", "每天"})
_STRETCH = re.compile(r"(\S+)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


def schedule_of(hours: Sequence[str], time_zone: str = TIME_ZONE) -> Schedule:
    """The schedule that `hours` say; none mean always.

    An end that is not after its start is on the next day; `24:00` is midnight.

    Raises:
        ValueError: a stretch is not written as it should be, or the zone has no fixed offset.
    """
    if not hours:
        return ALWAYS
    stretches = tuple(each for text in hours for each in _stretches(text))
    return Schedule(stretches, offset_s(time_zone))


def offset_s(time_zone: str) -> int:
    """Seconds from UTC to local time.

    Raises:
        ValueError: the zone is not known, or its clocks are set in the course of a year: hours
            of such a zone would be others in summer.
    """
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(time_zone) from error
    moments = (datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 13))
    offsets = {moment.astimezone(zone).utcoffset() for moment in moments}
    if len(offsets) != 1:
        raise ValueError(time_zone)
    return int((offsets.pop() or timedelta()).total_seconds())


def is_time_zone(name: str) -> bool:
    """Whether hours can be given in a zone of this name."""
    try:
        offset_s(name)
    except ValueError:
        return False
    return True


def _stretches(text: str) -> Iterator[Hours]:
    found = _STRETCH.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    start, end = (_minute(found[n], found[n + 1]) for n in (2, 4))
    if start >= DAY_MIN:
        raise ValueError(text)
    length = end - start if end > start else end - start + DAY_MIN
    for day in _days(found[1]):
        first = day * DAY_MIN + start
        yield Hours(first, first + min(length, WEEK_MIN))


def _minute(hour: str, minute: str) -> int:
    """Minutes since midnight."""
    if int(minute) > 59 or int(hour) * 60 + int(minute) > DAY_MIN:
        raise ValueError(hour, minute)
    return int(hour) * 60 + int(minute)


def _days(text: str) -> Iterator[int]:
    """Days of the week, Monday 0, of `Mon-Fri`, `Sat,Sun`, `周六`, `daily`."""
    if text.lower() in _EVERY_DAY:
        yield from range(7)
        return
    for part in re.split("[,，、]", text):
        first, _, last = part.partition("-")
        start, end = _day(first), _day(last or first)
        yield from (day % 7 for day in range(start, end + 1 if end >= start else end + 8))


def _day(text: str) -> int:
    name = text.strip().lower()
    if name.startswith(("周", "星期")):
        # str.index raises the ValueError that a wrong day is.
        return _CHINESE.index(name[-1].replace("天", "日"))
    return _DAYS.index(name)
