"""When an uploaded recording began: every time that the file offers, and which one to believe.

The rules are in docs/design/time.md; this is a function of values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from service.errors import InputError
from service.times import BEIJING, instant
from vision.frame import SECOND, Instant, later, seconds_between

NAME, CONTAINER, CONTAINER_LOCAL, SIDECAR, MODIFIED = (
    "name",
    "container",
    "container_local",
    "sidecar",
    "modified",
)
"""Where a time was found. `container_local` is the container's, taken as local time: the format
says UTC, and many recorders write the time on their display."""
STATED, NOWHERE = "stated", "none"
"""An officer said it; nothing says it."""

AGREE_S = 300.0
"""Two times of one file agree within this: a container may be stamped when the file is closed, and
recorders cut every few minutes."""
AHEAD_S = 600.0
"""A start so far ahead of our clock is a recorder's clock that was never set."""
_EARLIEST = instant(datetime(2010, 1, 1, tzinfo=UTC))
"""Before the first body-worn recorders; clocks that were never set begin in 1970, 1980 or 2000."""
_SHOWN = (instant(datetime(1000, 1, 1, tzinfo=UTC)), instant(datetime(9000, 1, 1, tzinfo=UTC)))
"""Python's dates have the years 1 to 9999 (datetime.MINYEAR, MAXYEAR), in every time zone."""

_STAMP = re.compile(r"(?<!\d)(20\d{6})[-_T]?(\d{6})(?!\d)")
"""Date and time as recorders put them into file names: local time, 14 digits."""
_TEXT_STAMP = re.compile(
    r"(?<!\d)(20\d\d)[-/.]?(\d\d)[-/.]?(\d\d)[ T,]{1,3}(\d\d):?(\d\d):?(\d\d)(?!\d)"
)
"""Date and time as logs and GPS texts have them."""


class Confidence(StrEnum):
    """How far the start of a recording can be trusted (可信度); the catalogue has the words."""

    HIGH = "high"
    """Two independent times agree."""
    MEDIUM = "medium"
    """One time that says what it means, contradicted by none."""
    LOW = "low"
    """Times that contradict each other, or only one that copying changes."""
    NONE = "none"
    """No time that can be true."""
    STATED = "stated"
    """An officer said so, with a reason."""
    UNKNOWN = "unknown"
    """Taken in before it was judged."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a recording began, from where that is known, and how far to trust it."""

    at: Instant | None
    source: str
    confidence: Confidence


def time_in_name(name: str, zone: tzinfo = BEIJING) -> Instant | None:
    """The local date and time that a file name holds; None when it holds none that exists."""
    found = _STAMP.search(name)
    return None if found is None else _instant_of("".join(found.groups()), zone)


def time_in_text(text: str, zone: tzinfo = BEIJING) -> Instant | None:
    """The first local date and time in a log or GPS text."""
    found = _TEXT_STAMP.search(text)
    return None if found is None else _instant_of("".join(found.groups()), zone)


def _instant_of(digits: str, zone: tzinfo) -> Instant | None:
    try:
        at = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None
    return instant(at)


def as_local(at: Instant, zone: tzinfo = BEIJING) -> Instant:
    """The same digits on a clock that shows local time instead of UTC."""
    return instant(datetime.fromtimestamp(at / SECOND, UTC).replace(tzinfo=zone))


def can_be_shown(at: Instant) -> bool:
    """Whether an instant is a date that pages can show; files hold others, too."""
    return _SHOWN[0] <= at < _SHOWN[1]


def _can_be(at: Instant, now: Instant) -> bool:
    return _EARLIEST <= at <= later(now, AHEAD_S)


def check_stated(at: Instant, now: Instant) -> None:
    """See that a recording can have begun when a person says that it did.

    Raises:
        InputError: it cannot: before there were recorders, or ahead of our clock.
    """
    if not _can_be(at, now):
        raise InputError("start_impossible")


def start_of(times: Mapping[str, Instant], now: Instant) -> Start:
    """The judgement on all times of a file, `now` being when it was taken in."""
    good = {source: at for source, at in times.items() if _can_be(at, now)}
    if NAME in good:
        return _by_name(good)
    if CONTAINER in good or CONTAINER_LOCAL in good:
        return _by_container(good)
    for source in (SIDECAR, MODIFIED):
        if source in good:
            confirmed = source is SIDECAR and _agree(good, SIDECAR, MODIFIED)
            level = Confidence.MEDIUM if confirmed else Confidence.LOW
            return Start(good[source], source, level)
    return Start(None, NOWHERE, Confidence.NONE)


def _agree(times: Mapping[str, Instant], one: str, other: str) -> bool:
    both = one in times and other in times
    return both and abs(seconds_between(times[one], times[other])) <= AGREE_S


def _by_name(times: Mapping[str, Instant]) -> Start:
    witnesses = (CONTAINER, CONTAINER_LOCAL, SIDECAR, MODIFIED)
    if any(_agree(times, NAME, each) for each in witnesses):
        level = Confidence.HIGH
    elif CONTAINER in times or SIDECAR in times:
        level = Confidence.LOW
    else:
        level = Confidence.MEDIUM
    return Start(times[NAME], NAME, level)


def _by_container(times: Mapping[str, Instant]) -> Start:
    for source in (CONTAINER, CONTAINER_LOCAL):
        if any(_agree(times, source, each) for each in (SIDECAR, MODIFIED)):
            return Start(times[source], source, Confidence.MEDIUM)
    source = CONTAINER if CONTAINER in times else CONTAINER_LOCAL
    return Start(times[source], source, Confidence.LOW)
