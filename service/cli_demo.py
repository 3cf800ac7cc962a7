"""`liuhen demo` and `liuhen simulate`: a street that is not there, over real RTSP."""

import os
import secrets
import shutil
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ingest.clock import Clock, SystemClock
from ingest.files import make_directory
from service.bundle.export import Desk
from service.database import Database
from service.demo import river
from service.demo.camera import Lie
from service.demo.digest import Login
from service.demo.encoder import STREET, Codec, Format
from service.demo.server import CameraServer
from service.demo.simulate import SimulateOptions
from service.demo.simulate import simulate as run_simulation
from service.drafts import Office
from service.errors import InputError
from service.evidence.store import FolderStore
from service.law import load_catalogue
from service.settings import Settings, load
from service.supervisor import free_socket, not_listening, serving
from service.terminal import plain, terminal
from service.texts import say_both

out = terminal()
MARK = "LIUHEN-DEMO"
"""A folder with this file in it was made by the demo and may be made anew."""


def _fresh(folder: Path) -> Path:
    """An empty home for the demo; only a home that an earlier demo made is removed."""
    if (folder / MARK).is_file():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise InputError("demo_folder", path=str(folder))
    make_directory(folder.absolute())
    (folder / MARK).touch()
    return folder


def _settings(home: Path, port: int) -> Settings:
    demo = {
        "LIUHEN_PORT": str(port),
        "LIUHEN_PRE_ROLL_S": "10",
        "LIUHEN_POST_ROLL_S": "3",
        "LIUHEN_SEGMENT_S": "20",
        "LIUHEN_RESERVE_BYTES": str(64 << 20),
        "LIUHEN_AUTHORITY": "示范街道办事处（演示）",
    }
    return load(home, demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="无浏览器，走完全程后退出 / no browser, end when done")
    ] = False,
    folder: Annotated[Path, typer.Option(help="演示目录 / folder of the demo")] = Path(
        "demo-output"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口 / port of the pages")] = 8470,
) -> None:
    """演示：模拟街道，从摄像头到案卷 / a simulated street, from a camera to a case file."""
    # Both signals end the demo in order, at whatever station it is.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        _run(folder, port, once=once)
    except KeyboardInterrupt:
        # Stopping by hand is how a demo ends; with --once it means that the river did not run.
        raise typer.Exit(1 if once else 0) from None


def _run(folder: Path, port: int, *, once: bool) -> None:
    settings = _settings(_fresh(folder) / "home", 0 if once else port)
    clock = SystemClock()
    login = Login("demo", secrets.token_urlsafe(9))
    os.environ[river.PASSWORD_VARIABLE] = login.password
    people = river.accounts()
    listener = free_socket(settings.host, settings.port)
    with ExitStack() as cameras, serving(settings, listener) as database:
        store = FolderStore(settings.objects)
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        river.employ(database, clock, people)
        kept = river.upload_recorder_file(database, store, clock, settings)
        server = cameras.enter_context(river.street(clock, login))
        river.furnish(database, clock, server, login)
        _announce(url, server, people)
        out.print(plain(say_both("cli.ingested", name=kept.file_name, sha256=kept.sha256)))
        flagged = _wait(database, clock, server)
        if once:
            office = Office(store, clock, load_catalogue(), settings.authority)
            made = river.decide(database, office, flagged.event.id, people[0].id, folder)
            for path in made.files:
                out.print(plain(str(path)))
            out.print(say_both("cli.demo_done", case=made.case_id))
            desk = Desk(database, store, clock, settings)
            bundle = river.hand_over(desk, made.case_id, people[0].id, folder.absolute())
            out.print(plain(say_both("cli.demo_bundle", path=str(bundle))))
        else:
            out.print(say_both("cli.demo_review", url=f"{url}/events/{flagged.event.id}"))
            signal.pause()


def _announce(url: str, server: CameraServer, people: tuple[river.Account, ...]) -> None:
    out.print(say_both("cli.serving", url=url))
    for who in people:
        out.print(say_both("cli.demo_account", id=who.id, password=who.password, name=who.name))
    for name in river.CAMERAS:
        out.print(say_both("cli.simulating", url=server.url(name)))


def _wait(database: Database, clock: Clock, server: CameraServer) -> river.Flagged:
    out.print(say_both("cli.demo_wait"))
    with out.status(""):
        flagged = river.wait_for_dumping(database, clock, server.epoch)
    waited, error = f"{flagged.waited_s:.1f}", f"{flagged.onset_error_s:+.1f}"
    out.print(say_both("cli.demo_flagged", waited=waited, error=error))
    return flagged


def simulate(  # noqa: PLR0913, PLR0917  one parameter for each option of the command line
    mounts: Annotated[
        list[str],
        typer.Argument(metavar="NAME=SCENE|FILE...", help="gate=dumping yard=video.mp4"),
    ],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8554,
    user: Annotated[
        str | None, typer.Option(help="用户名；密码取自 LIUHEN_CAMERA_PASSWORD / user name")
    ] = None,
    codec: Annotated[Codec, typer.Option()] = STREET.codec,
    fps: Annotated[float, typer.Option(min=1, max=60)] = STREET.fps,
    gop: Annotated[float, typer.Option(min=0.2, max=20, help="秒 / seconds")] = STREET.gop_s,
    seed: Annotated[int, typer.Option()] = 0,
    stall_after: Annotated[float | None, typer.Option(help="秒后静默 / fall silent")] = None,
    drop_every: Annotated[float | None, typer.Option(help="每隔几秒断开 / close all")] = None,
    clock_offset: Annotated[float, typer.Option(help="时钟偏差（秒）/ lie about time")] = 0.0,
    drift_ppm: Annotated[float, typer.Option(help="时钟漂移 / drift")] = 0.0,
) -> None:
    """模拟摄像头（安装测试用）/ simulated cameras, to try an installation."""
    pairs = [mount.partition("=") for mount in mounts]
    for name, equals, what in pairs:
        if not (name and equals and what):
            raise typer.BadParameter(f"{name}{equals}{what}: NAME=SCENE|FILE")
    options = SimulateOptions(
        mounts={name: what for name, _, what in pairs},
        address=(host, port),
        user=user,
        form=Format(codec, fps, gop),
        seed=seed,
        stall_after_s=stall_after,
        drop_every_s=drop_every,
        lie=Lie(clock_offset, drift_ppm),
    )
    try:
        run_simulation(
            options,
            environment=os.environ,
            clock=SystemClock(),
            announce=lambda url: out.print(plain(say_both("cli.simulating", url=url))),
            stop=threading.Event(),
        )
    except OSError as error:
        raise not_listening(error, host, port) from error
