"""Times as people read them: Beijing time (UTC+8), whatever the machine is set to."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from vision.frame import SECOND, Instant

BEIJING = ZoneInfo("Asia/Shanghai")


def beijing(at: Instant) -> datetime:
    """The instant as an aware date and time of Beijing."""
    return datetime.fromtimestamp(at / SECOND, UTC).astimezone(BEIJING)


def beijing_clock(at: Instant) -> str:
    """Time of day to the second: `02:13:07`."""
    return beijing(at).strftime("%H:%M:%S")


def beijing_date_clock(at: Instant) -> str:
    """Date and time to the second: `2026-11-23 02:13:07`."""
    return beijing(at).strftime("%Y-%m-%d %H:%M:%S")


def instant(at: datetime) -> Instant:
    """The instant of an aware date and time."""
    return Instant(round(at.timestamp() * SECOND))


def media_clock(since_s: float) -> str:
    """Minutes and seconds from a file's first frame: `02:07.3`."""
    minutes, seconds = divmod(since_s, 60)
    return f"{minutes:02.0f}:{seconds:04.1f}"
