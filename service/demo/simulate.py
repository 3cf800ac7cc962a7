"""The command `liuhen simulate`: cameras to try an installation with."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import FrameType

from ingest.clock import Clock
from service.demo.camera import HONEST, Lie
from service.demo.digest import Login
from service.demo.encoder import STREET, Format
from service.demo.plot import PLOTS, SIZE
from service.demo.server import CameraServer
from service.demo.source import FileSource, SceneSource, Source
from service.errors import InputError

_TICK_S = 0.2
"""Seconds between looks at signals and due faults: prompt enough for a person."""


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What to simulate.

    Attributes:
        mounts: the last part of each address to a prepared scene's name or a video file's path.
        address: host and port to listen at; port 0 lets the system choose.
        user: asked for with the password that stands in the variable `password_variable` of the
            environment; None lets everybody in.
        seed: of the scenes; each mount adds its number, so that no two look alike.
        stall_after_s: when every mount falls silent for good, connections open.
        drop_every_s: how often all connections are closed.
    """

    mounts: Mapping[str, str]
    address: tuple[str, int] = ("127.0.0.1", 8554)
    user: str | None = None
    password_variable: str = "LIUHEN_CAMERA_PASSWORD"  # noqa: S105 - a name, not a password
    form: Format = STREET
    size: tuple[int, int] = SIZE
    seed: int = 0
    stall_after_s: float | None = None
    drop_every_s: float | None = None
    lie: Lie = HONEST


def simulate(
    options: SimulateOptions,
    *,
    environment: Mapping[str, str],
    clock: Clock,
    announce: Callable[[str], None],
    stop: Event,
) -> None:
    """Serve the cameras until `stop` is set, which SIGINT and SIGTERM do too.

    `announce` is told each address as soon as clients can connect. SIGUSR1 makes all cameras fall
    silent, and speak again. Belongs to the main thread.

    Raises:
        InputError: `camera_scene_unknown`, `camera_file_unreadable` or `camera_password_missing`.
        OSError: the address is in use or not this machine's.
    """
    sources = {
        name: _source(name, what, options, options.seed + number)
        for number, (name, what) in enumerate(options.mounts.items())
    }
    login = _login(options, environment)
    server = CameraServer(
        sources, clock=clock, address=options.address, login=login, lie=options.lie
    )
    with server, _signals(stop) as toggled:
        for name in sources:
            announce(server.url(name))
        _play(server, options, tuple(sources), stop, toggled)


def _source(name: str, what: str, options: SimulateOptions, seed: int) -> Source:
    """The prepared scene called `what`, or else the file there."""
    if what in PLOTS:
        return SceneSource(PLOTS[what](seed, size=options.size), options.form, name=name)
    if not Path(what).is_file():
        raise InputError("camera_scene_unknown", name=what, known=", ".join(PLOTS))
    return FileSource.open(Path(what))


def _login(options: SimulateOptions, environment: Mapping[str, str]) -> Login | None:
    """User and password; None when no user is asked for."""
    if options.user is None:
        return None
    password = environment.get(options.password_variable)
    if not password:
        raise InputError("camera_password_missing", variable=options.password_variable)
    return Login(options.user, password)


def _play(
    server: CameraServer,
    options: SimulateOptions,
    names: tuple[str, ...],
    stop: Event,
    toggled: Event,
) -> None:
    """Commit the faults that are due until `stop`."""
    elapsed_s, stalled = 0.0, False
    stall_due_s = options.stall_after_s
    drop_due_s = options.drop_every_s
    while not stop.wait(_TICK_S):
        elapsed_s += _TICK_S
        if drop_due_s is not None and options.drop_every_s and elapsed_s >= drop_due_s:
            drop_due_s += options.drop_every_s
            for name in names:
                server.drop(name)
        if toggled.is_set() or (stall_due_s is not None and elapsed_s >= stall_due_s):
            toggled.clear()
            stall_due_s, stalled = None, not stalled
            for name in names:
                (server.stall if stalled else server.resume)(name)


@contextmanager
def _signals(stop: Event) -> Iterator[Event]:
    """Signals as events while the cameras run: `stop`, and the one that is yielded for SIGUSR1."""
    toggled = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    def toggle(_number: int, _frame: FrameType | None) -> None:
        toggled.set()

    wanted = {signal.SIGINT: end, signal.SIGTERM: end, signal.SIGUSR1: toggle}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield toggled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
