"""`liuhen camera`: enter, list and try cameras."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ingest.check import check
from ingest.clock import SystemClock
from ingest.rtsp import RtspSource
from service.cameras import NewCamera, add_camera, address_of
from service.cli_home import Home, settings_of
from service.database import open_database, open_existing
from service.errors import InputError
from service.status import camera_statuses
from service.tables import Camera
from service.terminal import cell, plain, terminal
from service.texts import say, say_both
from service.times import beijing_date_clock
from service.zones import read_zones
from vision.frame import CameraId, Instant, seconds_between

app = typer.Typer(no_args_is_help=True)
out = terminal()
CHECK_S = 8.0
"""Seconds of stream for a check: several groups of pictures at the usual 1 to 4 s."""


@app.command("add")
def add(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    camera: Annotated[str, typer.Argument(help="编号 / id")],
    url: Annotated[str, typer.Argument(help="rtsp:// 地址，不含密码 / without password")],
    home: Home,
    place: Annotated[str, typer.Option(help="点位 / place")],
    username: Annotated[str | None, typer.Option(help="用户名 / user name")] = None,
    password_variable: Annotated[
        str | None, typer.Option(help="存放密码的环境变量名 / variable that holds the password")
    ] = None,
    settle: Annotated[float, typer.Option(help="留置时间（秒）/ seconds a thing must lie")] = 10.0,
    zones: Annotated[Path | None, typer.Option(help="区域文件 / JSON file with zones")] = None,
) -> None:
    """新增摄像头 / add a camera."""
    clock = SystemClock()
    new = NewCamera(
        id=camera,
        place=place,
        url=url,
        username=username,
        password_variable=password_variable,
        settle_s=settle,
        zones=read_zones(zones) if zones else (),
    )
    database = open_database(settings_of(home), clock)
    try:
        with database.write() as session:
            add_camera(session, clock, new)
    finally:
        database.close()
    out.print(plain(say_both("cli.camera_added", camera=camera)))


@app.command("list")
def list_cameras(home: Home) -> None:
    """列出摄像头及最近缺口 / list the cameras and their latest gaps."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("编号", "点位", "地址", "录像至", "缺口")
    with database.read() as session:
        for status in camera_statuses(session, gaps=3):
            table.add_row(
                cell(status.camera.id),
                cell(status.camera.place),
                cell(status.camera.url),
                cell(beijing_date_clock(status.recorded_to) if status.recorded_to else ""),
                cell(
                    *(
                        f"{beijing_date_clock(Instant(gap.start_us))} "
                        f"{seconds_between(Instant(gap.start_us), Instant(gap.end_us)):.0f} s "
                        f"{say(f'cause.{gap.cause}')}"
                        for gap in status.gaps
                    )
                ),
            )
    database.close()
    out.print(table)


@app.command("check")
def check_camera(
    camera: Annotated[str, typer.Argument(help="编号 / id")],
    home: Home,
) -> None:
    """连接摄像头并检查码流 / connect to a camera and look at its stream."""
    settings, clock = settings_of(home), SystemClock()
    database = open_existing(settings, clock)
    with database.read() as session:
        row = session.get(Camera, camera)
    database.close()
    if row is None:
        raise InputError("no_camera", camera=camera)
    source = RtspSource(
        CameraId(camera), address_of(row), clock, packet_age_s=settings.packet_age_s
    )
    try:
        found = check(source, CHECK_S)
    finally:
        source.close()
    out.print(
        say_both(
            "cli.camera_checked",
            camera=camera,
            codec=found.codec,
            width=found.width,
            height=found.height,
            fps=f"{found.fps:.1f}",
            gop=f"{found.gop_s:.1f}",
            offset="?" if found.clock_offset_s is None else f"{found.clock_offset_s:+.2f}",
        )
    )
    if found.gop_s > found.LONGEST_GOP_S:
        out.print(say_both("cli.camera_gop", gop=f"{found.gop_s:.1f}"))
        raise typer.Exit(1)
