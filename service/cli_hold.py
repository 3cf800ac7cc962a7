"""`liuhen hold`: forbid to destroy recording, an event, a file or a case, and let it go again."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from ingest.clock import SystemClock
from service.cli_home import Home, settings_of
from service.database import open_existing
from service.errors import InputError
from service.holds import (
    HoldRequest,
    held_of,
    hold_subject,
    holds,
    place_hold,
    release_hold,
)
from service.subject import Subject, SubjectKind
from service.terminal import cell, plain, terminal
from service.texts import say_both
from service.times import BEIJING, beijing_date_clock, instant
from vision.frame import Instant

app = typer.Typer(no_args_is_help=True)
out = terminal()

By = Annotated[str, typer.Option("--by", help="账号 / account of the person")]
Reason = Annotated[str, typer.Option(help="理由 / why")]


def _time(text: str) -> Instant:
    """Beijing time as people write it.

    Raises:
        InputError: it is none.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError("hold_time", text=text) from error
    return instant(at if at.tzinfo else at.replace(tzinfo=BEIJING))


@app.command("place")
def place(
    camera: Annotated[str, typer.Argument(help="摄像头编号 / camera id")],
    home: Home,
    start: Annotated[str, typer.Option("--from", help="开始（北京时间）/ start, Beijing time")],
    end: Annotated[str, typer.Option("--to", help="结束（北京时间）/ end, Beijing time")],
    reason: Reason,
    by: By,
) -> None:
    """保全一段录像，不予销毁 / forbid to destroy a stretch of recording."""
    request = HoldRequest(camera, _time(start), _time(end), reason)
    database = open_existing(settings_of(home), clock := SystemClock())
    try:
        with database.write() as session:
            hold = place_hold(session, clock, request, by=by)
            held = held_of(session, hold)
    finally:
        database.close()
    out.print(say_both("cli.held", hold=hold.id, kept=held.kept, destroyed=held.destroyed))


@app.command("subject")
def hold_one(
    kind: Annotated[SubjectKind, typer.Argument(help="类别 / what it is")],
    subject: Annotated[str, typer.Argument(help="编号 / its id")],
    home: Home,
    reason: Reason,
    by: By,
) -> None:
    """保全一个事件、执法记录仪文件或案卷 / hold an event, a recorder file or a case."""
    database = open_existing(settings_of(home), clock := SystemClock())
    try:
        with database.write() as session:
            hold = hold_subject(session, clock, Subject(kind, subject), by=by, reason=reason)
    finally:
        database.close()
    out.print(
        plain(say_both("cli.subject_held", hold=hold.id, subject=str(Subject(kind, subject))))
    )


@app.command("list")
def list_holds(home: Home) -> None:
    """列出保全 / list the holds."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("编号", "对象", "时段", "理由", "保全", "解除", "现存/已销毁")
    with database.read() as session:
        for held in holds(session):
            hold = held.hold
            table.add_row(
                cell(hold.id),
                cell(hold.camera_id or f"{hold.kind} {hold.subject}"),
                cell(_told(hold.start_us), _told(hold.end_us)),
                cell(hold.reason),
                cell(hold.placed_by, _told(hold.placed_us)),
                cell(hold.released_by or "", _told(hold.released_us), hold.release_reason or ""),
                cell(f"{held.kept}/{held.destroyed}"),
            )
    database.close()
    out.print(table)


def _told(at_us: int | None) -> str:
    return "" if at_us is None else beijing_date_clock(Instant(at_us))


@app.command("release")
def release(
    hold: Annotated[str, typer.Argument(help="保全编号 / id of the hold")],
    home: Home,
    reason: Reason,
    by: By,
) -> None:
    """解除保全 / release a hold."""
    database = open_existing(settings_of(home), clock := SystemClock())
    try:
        with database.write() as session:
            release_hold(session, clock, hold, by=by, reason=reason)
    finally:
        database.close()
    out.print(plain(say_both("cli.released", hold=hold)))
