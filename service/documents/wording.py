"""How facts are written in a Chinese legal document."""

from service.times import beijing
from vision.frame import Instant

BLANK = "〔待填〕"
"""Stands wherever a fact is missing, so that nobody takes a gap for a statement."""

UNCONFIRMED = "〔待法制员确认〕"
"""Stands beside every quotation of law that the brigade's 法制员 has not confirmed."""


def moment(at: Instant) -> str:
    """`2026年11月22日 02时13分07秒` in Beijing; parts of a second are cut off."""
    local = beijing(at)
    day = f"{local.year:04}年{local.month:02}月{local.day:02}日"
    return f"{day} {local.hour:02}时{local.minute:02}分{local.second:02}秒"


def day(at: Instant) -> str:
    """`2026年11月22日` in Beijing."""
    return moment(at).partition(" ")[0]


def span(start: Instant | None, end: Instant | None) -> str | None:
    """`… 至 …`, the day only once where it is one; None for two unknown ends, a blank for one."""
    if start is None and end is None:
        return None
    until = moment_or_blank(end)
    if start is not None and end is not None and day(start) == day(end):
        until = until.partition(" ")[2]
    return f"{moment_or_blank(start)} 至 {until}"


def moment_or_blank(at: Instant | None) -> str:
    """The moment, or the blank."""
    return BLANK if at is None else moment(at)


def position(seconds: float) -> str:
    """`00:01:07`, a place in a recording, rounded down to the second."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def duration(seconds: float) -> str:
    """`1分7.5秒`, with hours where there are any."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        (f"{hours}小时" if hours else "")
        + (f"{minutes}分" if hours or minutes else "")
        + f"{rest:.1f}".removesuffix(".0")
        + "秒"
    )


def yes_no(answer: bool | None) -> str | None:
    """`是`, `否` or nothing."""
    return None if answer is None else ("是" if answer else "否")
