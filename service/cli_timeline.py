"""The timeline of a camera as a terminal shows it: `liuhen camera check`."""

from rich.console import Console
from rich.table import Table

from service.terminal import cell
from service.texts import say_both
from service.timeline import Kind, Timeline, words_of
from service.times import beijing_clock, beijing_date_clock
from vision.frame import SECOND

DAY_S = 86_400
"""Seconds after which a time of day alone is ambiguous."""
MARKS = {
    Kind.RECORDED: "■",
    Kind.DESTROYED: "□",
    Kind.GAP: "▲",
    Kind.CLOCK_STEP: "◆",
    Kind.ALARM: "!",
}


def show_timeline(out: Console, told: Timeline) -> None:
    """Print a camera's interval: the sum first, then what happened, line by line."""
    out.print(
        say_both(
            "timeline.sum",
            start=beijing_date_clock(told.start),
            end=beijing_date_clock(told.end),
            percent=f"{told.coverage:.2%}",
            minutes=f"{told.recorded_s / 60:.1f}",
            gaps=len(told.gaps),
            longest=f"{told.longest_gap_s:.1f}",
        )
    )
    if told.offsets is None:
        out.print(say_both("timeline.no_offset"))
    else:
        out.print(
            say_both(
                "timeline.offset",
                count=told.offsets.count,
                least=f"{told.offsets.least_s:+.2f}",
                usual=f"{told.offsets.usual_s:+.2f}",
                most=f"{told.offsets.most_s:+.2f}",
            )
        )
    if told.unsynchronised:
        out.print(say_both("timeline.unsynchronised", count=told.unsynchronised))
    longer_than_a_day = told.end - told.start > DAY_S * SECOND
    tell = beijing_date_clock if longer_than_a_day else beijing_clock
    table = Table("", "起 from", "止 to", "秒 s", "事项 what", show_edge=False)
    for moment in told.moments:
        table.add_row(
            MARKS[moment.kind],
            tell(moment.start),
            tell(moment.end) if moment.end is not None else "",
            f"{moment.seconds:.1f}" if moment.end is not None else "",
            cell(words_of(moment, "zh"), words_of(moment, "en")),
        )
    out.print(table)
