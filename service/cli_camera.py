"""`liuhen camera`: enter, list and try cameras."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ingest.check import StreamCheck, check
from ingest.clock import SystemClock
from ingest.errors import AddressError, CameraError, IngestError
from ingest.rtsp import Address, RtspSource, Transport
from ingest.segments import Segments
from ingest.vendor import HIGHEST_CHANNEL, PORT, Urls, Vendor, urls
from service import cli_zone
from service.cameras import (
    CameraSettings,
    NewCamera,
    add_camera,
    address_of,
    camera_of,
    change_camera,
)
from service.cli_home import AsJson, Home, settings_of
from service.cli_timeline import show_timeline
from service.database import open_database, open_existing
from service.errors import InputError
from service.settings import Settings
from service.status import camera_statuses
from service.tables import Camera
from service.terminal import cell, plain, terminal
from service.texts import Language, say, say_both
from service.timeline import timeline
from service.times import beijing_date_clock
from service.zones import read_zones
from vision.frame import CameraId, Instant, later, seconds_between

Id = Annotated[str, typer.Argument(help="编号 / id")]
SubUrl = Annotated[
    str | None, typer.Option(help="子码流地址，供分析 / address of the stream for the watch")
]
Username = Annotated[str | None, typer.Option(help="用户名 / user name")]
PasswordVariable = Annotated[
    str | None,
    typer.Option(help="密码在环境变量或密码文件中的名称 / name under which the password is kept"),
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="RTSP 端口 / port")]
Channel = Annotated[int, typer.Option(min=1, max=HIGHEST_CHANNEL, help="通道 / channel")]
TRANSPORT_HELP = "传输方式 / how packets come"
AUDIO_HELP = "录制声音 / record sound"
SETTLE_HELP = "留置时间（秒）/ seconds a thing must lie"

app = typer.Typer(no_args_is_help=True)
app.add_typer(cli_zone.app, name="zone", help="区域 / zones")
out = terminal()
CHECK_S = 8.0
"""Seconds of stream for a check: several groups of pictures at the usual 1 to 4 s."""


@app.command("add")
def add(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    camera: Id,
    home: Home,
    place: Annotated[str, typer.Option(help="点位 / place")],
    url: Annotated[
        str | None, typer.Argument(help="rtsp:// 地址，不含密码 / without password")
    ] = None,
    vendor: Annotated[
        Vendor | None, typer.Option(help="厂商，代替地址 / vendor, instead of an address")
    ] = None,
    host: Annotated[str, typer.Option(help="主机（配合厂商）/ host, with a vendor")] = "",
    port: Port = PORT,
    channel: Channel = 1,
    sub_url: SubUrl = None,
    transport: Annotated[Transport, typer.Option(help=TRANSPORT_HELP)] = "tcp",
    audio: Annotated[bool, typer.Option(help=AUDIO_HELP)] = False,
    username: Username = None,
    password_variable: PasswordVariable = None,
    settle: Annotated[float, typer.Option(help=SETTLE_HELP)] = 10.0,
    zones: Annotated[Path | None, typer.Option(help="区域文件 / JSON file with zones")] = None,
) -> None:
    """新增摄像头 / add a camera."""
    if (url is None) == (vendor is None):
        raise InputError("camera_url_missing" if url is None else "camera_url_twice", camera=camera)
    if vendor is not None:
        known = _known(vendor, host, port, channel)
        url, sub_url = known.main, known.sub if sub_url is None else sub_url
    clock = SystemClock()
    new = NewCamera(
        id=camera,
        place=place,
        url=url or "",
        username=username,
        password_variable=password_variable,
        settle_s=settle,
        zones=read_zones(zones) if zones else (),
        sub_url=sub_url or None,
        transport=transport,
        audio=audio,
    )
    database = open_database(settings_of(home), clock)
    try:
        with database.write() as session:
            add_camera(session, clock, new)
    finally:
        database.close()
    out.print(plain(say_both("cli.camera_added", camera=camera)))


def _known(vendor: Vendor, host: str, port: int, channel: int) -> Urls:
    """A vendor's addresses; what makes none is wrong usage."""
    try:
        return urls(vendor, host, port, channel)
    except AddressError as error:
        raise InputError(error.code, **error.facts) from error


@app.command("set")
def change(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    camera: Id,
    home: Home,
    place: Annotated[str | None, typer.Option(help="点位 / place")] = None,
    url: Annotated[str | None, typer.Option(help="主码流地址 / address of the main stream")] = None,
    sub_url: SubUrl = None,
    transport: Annotated[Transport | None, typer.Option(help=TRANSPORT_HELP)] = None,
    audio: Annotated[bool | None, typer.Option("--audio/--no-audio", help=AUDIO_HELP)] = None,
    username: Username = None,
    password_variable: PasswordVariable = None,
    settle: Annotated[float | None, typer.Option(help=SETTLE_HELP)] = None,
) -> None:
    """修改摄像头设置，空值即取消 / change settings of a camera; an empty text unsets one."""
    given: dict[str, Any] = {
        "place": place,
        "url": url,
        "sub_url": sub_url,
        "transport": transport,
        "audio": audio,
        "username": username,
        "password_variable": password_variable,
        "settle_s": settle,
    }
    optional = {"sub_url", "username", "password_variable"}
    wanted = {
        name: None if value == "" and name in optional else value
        for name, value in given.items()
        if value is not None
    }
    names = _change(home, camera, wanted)
    code = "cli.camera_changed" if names else "cli.camera_unchanged"
    out.print(plain(say_both(code, camera=camera, names=", ".join(names))))


@app.command("enable")
def enable(camera: Id, home: Home) -> None:
    """启用摄像头 / switch a camera on."""
    _change(home, camera, {"enabled": True})
    out.print(plain(say_both("cli.camera_enabled", camera=camera)))


@app.command("disable")
def disable(camera: Id, home: Home) -> None:
    """停用摄像头，已有录像保留 / switch a camera off; what was recorded stays."""
    _change(home, camera, {"enabled": False})
    out.print(plain(say_both("cli.camera_disabled", camera=camera)))


def _change(home: Path, camera: str, wanted: dict[str, Any]) -> tuple[str, ...]:
    """Set what is wanted of a camera; the names of what changed."""
    clock = SystemClock()
    database = open_existing(settings_of(home), clock)
    try:
        with database.write() as session:
            now = CameraSettings.of(camera_of(session, camera))
            return change_camera(session, clock, camera, replace(now, **wanted))
    finally:
        database.close()


@app.command("url")
def url_of(
    vendor: Annotated[Vendor, typer.Argument(help="厂商 / vendor")],
    host: Annotated[str, typer.Argument(help="主机 / host")],
    port: Port = PORT,
    channel: Channel = 1,
) -> None:
    """按厂商列出主、子码流地址 / print a vendor's addresses of both streams."""
    known = _known(vendor, host, port, channel)
    out.print(plain(say_both("cli.camera_main", url=known.main)))
    out.print(plain(say_both("cli.camera_sub", url=known.sub)))


@app.command("list")
def list_cameras(home: Home) -> None:
    """列出摄像头及最近缺口 / list the cameras and their latest gaps."""
    database = open_existing(settings_of(home), SystemClock())
    table = Table("编号", "点位", "地址", "码流", "录像至", "缺口")
    with database.read() as session:
        for status in camera_statuses(session, gaps=3):
            table.add_row(
                cell(status.camera.id),
                cell(status.camera.place),
                cell(status.camera.url, *([sub] if (sub := status.camera.sub_url) else [])),
                cell(*_streams(status.camera)),
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


def _streams(camera: Camera) -> tuple[str, ...]:
    """How a camera's streams come, and whether sound is kept."""
    sound = say("stream.sound_on" if camera.audio else "stream.sound_off")
    state = () if camera.enabled else (say("camera.disabled"),)
    return (camera.transport.upper(), sound, *state)


@app.command("check")
def check_camera(
    camera: Id,
    home: Home,
    hours: Annotated[
        float, typer.Option(min=0.01, max=24 * 31, help="回看多少小时 / hours to look back")
    ] = 1.0,
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="观看码流多少秒 / seconds of stream to look at")
    ] = CHECK_S,
    connect: Annotated[
        bool, typer.Option(help="是否连接摄像头 / whether to connect to the camera")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """检查码流与最近录像、缺口、时钟 / look at the stream, the latest footage, gaps and clocks."""
    settings, clock = settings_of(home), SystemClock()
    database = open_existing(settings, clock)
    now = clock.now()
    start = later(now, -hours * 3600)
    with database.read() as session:
        row = camera_of(session, camera)
        told = timeline(session, Segments(settings.segments), camera, start, now)
    database.close()
    found, trouble = _looked(row, settings, seconds) if connect else (None, None)
    if as_json:
        stream = None if found is None else asdict(found)
        failure = None if trouble is None else trouble.code
        out.print_json(json.dumps({"stream": stream, "error": failure, **told.to_json()}))
    else:
        _show(row, settings, found, trouble)
        show_timeline(out, told)
    sparse = found is not None and found.gop_s > found.LONGEST_GOP_S
    raise typer.Exit(1 if trouble is not None or sparse or told.gaps else 0)


def _looked(
    row: Camera, settings: Settings, seconds: float
) -> tuple[StreamCheck | None, IngestError | InputError | None]:
    """What the camera sends now, or why nothing."""
    try:
        address = address_of(row, settings)
    except (AddressError, InputError) as error:
        # Without its password a camera's past can be told all the same.
        return None, error
    # With sound, whether or not it is recorded: what the camera offers is the question.
    source = RtspSource(
        CameraId(row.id), address, SystemClock(), packet_age_s=settings.packet_age_s, audio=True
    )
    try:
        return check(source, seconds), None
    except CameraError as error:
        return None, error
    finally:
        source.close()


def _show(
    row: Camera,
    settings: Settings,
    found: StreamCheck | None,
    trouble: IngestError | InputError | None,
) -> None:
    """Print what was seen of the stream, or why nothing was."""
    if trouble is not None:
        out.print(plain(say_both(f"error.{trouble.code}", **trouble.facts)))
    if found is None:
        return
    out.print(
        say_both(
            "cli.camera_checked",
            camera=row.id,
            codec=found.codec,
            width=found.width,
            height=found.height,
            fps=f"{found.fps:.1f}",
            gop=f"{found.gop_s:.1f}",
            offset="?" if found.clock_offset_s is None else f"{found.clock_offset_s:+.2f}",
        )
    )
    out.print(_told(address_of(row, settings), found, recorded=row.audio))
    if found.gop_s > found.LONGEST_GOP_S:
        out.print(say_both("cli.camera_gop", gop=f"{found.gop_s:.1f}"))


def _told(address: Address, found: StreamCheck, *, recorded: bool) -> str:
    """The sentence on how a stream comes and what sound is in it."""

    def told(language: Language) -> str:
        sound = "no_audio" if found.audio is None else "audio_on" if recorded else "audio_off"
        return say(
            "cli.camera_stream",
            language,
            transport=address.transport.upper(),
            tls=say(f"stream.{address.secrecy}", language),
            audio=say(f"stream.{sound}", language, codec=found.audio),
        )

    return f"{told('zh')} / {told('en')}"
