"""A rig: a camera, its recorder under the supervisor, and the registrar, to commit faults on."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import select

from ingest.clock import Clock, SystemClock
from ingest.fsck import Depth, Severity
from ingest.rtsp import Address
from service.camera import run_camera
from service.cameras import NewCamera, Plan, add_camera
from service.database import Database, open_database
from service.fsck import Checker, Report
from service.registrar import Registrar
from service.settings import Settings, load
from service.supervisor import Child, Supervisor
from service.tables import Alarm
from tests.faults.receipt import segments_in
from tests.faults.reel import SMALL
from vision.frame import SECOND, CameraId
from vision.watch import WatchSettings

CAMERA = CameraId("gate")
PACKET_AGE_S = 2.0
SEGMENT_S = 10.0
GOP_S = SMALL.gop_s
"""Of the reel: what may be in hand."""
_OPENING = threading.Lock()
"""Alembic keeps what it is at in globals: several rigs of one process open one after the other."""
_PATIENCE_S = 60.0
"""Nothing that a rig waits for takes so long on a machine that works."""


class TooLateError(Exception):
    """What was to happen did not."""


def wait_until(what: str, holds: Callable[[], bool], *, seconds: float = _PATIENCE_S) -> None:
    """Return as soon as `holds`.

    Raises:
        TooLateError: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TooLateError(what)
        time.sleep(0.05)


def monotonic_us() -> int:
    """The clock of `Packet.monotonic_us`, which all processes of a machine share."""
    return SystemClock().monotonic_us()


@dataclass
class Rig:
    """An installation with one camera; the recorder runs between `start` and `stop`."""

    settings: Settings
    database: Database
    url: str
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        """Plan the camera as the service would."""
        self.plan = Plan(
            camera=CAMERA,
            address=Address(self.url),
            watch=WatchSettings((), 10.0),
            segments=self.settings.segments,
            spool=self.settings.spool,
            segment_s=SEGMENT_S,
            packet_age_s=PACKET_AGE_S,
        )
        self._child = Child(f"camera-{CAMERA}", run_camera, self.plan)
        self._supervisor = Supervisor(self.settings, self.database)
        self.registrar = Registrar(self.database, self.clock, self.settings)

    def keep(self) -> None:
        """What the supervisor does once a second: start the recorder if it is not running."""
        self._supervisor._keep(self._child)

    @property
    def pid(self) -> int:
        """The recorder's process."""
        assert self._child.process is not None
        assert self._child.process.pid is not None
        return self._child.process.pid

    def kill(self) -> None:
        """SIGKILL the recorder."""
        assert self._child.process is not None
        self._child.process.kill()
        self._child.process.join()

    def stop(self) -> None:
        """End the recorder in order."""
        process = self._child.process
        if process is not None:
            process.terminate()
            process.join(20)
            process.kill()

    @property
    def root(self) -> Path:
        """The ring."""
        return self.settings.segments

    def arrivals(self) -> list[tuple[int, int]]:
        """When each acknowledged picture came and for how long it is shown, microseconds."""
        return [
            (p.monotonic_us, round(p.duration * float(gop.head.time_base) * SECOND))
            for segment in segments_in(self.root)
            for gop in segment.gops
            for p in gop.pictures
        ]

    def recorded_after(self, moment_us: int) -> int | None:
        """When the first picture came after `moment_us`; None as long as there is none."""
        return next((at for at, _ in self.arrivals() if at > moment_us), None)

    def recorded_before(self, moment_us: int) -> int:
        """When the last picture ended that came before `moment_us`."""
        return max(at + lasts for at, lasts in self.arrivals() if at <= moment_us)

    def wait_recording(self, *, since_us: int = 0, seconds: float = 2 * GOP_S) -> None:
        """Return when `seconds` of pictures that came after `since_us` are acknowledged."""

        def goes() -> bool:
            self.keep()
            times = [at for at, _ in self.arrivals() if at > since_us]
            return bool(times) and times[-1] - times[0] >= (seconds - 0.2) * SECOND

        wait_until("recording", goes)

    def wait_alarm(self, key: str) -> None:
        """Return when the registrar has found an alarm of this kind, open or over."""

        def told() -> bool:
            self.keep()
            self.registrar.step()
            return key in self.alarms()

        wait_until(f"alarm {key}", told)

    def alarms(self) -> dict[str, dict[str, str | int]]:
        """Every kind of alarm that was ever raised, with what it said last."""
        with self.database.read() as session:
            return {alarm.key: dict(alarm.facts) for alarm in session.exec(select(Alarm))}

    def fsck(self) -> Report:
        """The deepest look."""
        return Checker(self.settings, self.database, self.clock, Depth.HASHES).run()

    def damage(self) -> list[str]:
        """What fsck calls damage."""
        found = self.fsck().findings
        return [f"{f.code} {f.path}" for f in found if f.severity is Severity.DAMAGE]


@contextmanager
def opened(settings: Settings, clock: Clock) -> Iterator[Database]:
    """The database of an installation."""
    with _OPENING:
        database = open_database(settings, clock)
    try:
        yield database
    finally:
        database.close()


def template(folder: Path) -> Path:
    """An empty installation to be copied: making its tables takes longer than most faults."""
    settings = load(folder / "template", {})
    new = NewCamera(CAMERA, "门口", "rtsp://127.0.0.1/gate")
    with opened(settings, SystemClock()) as database, database.write() as session:
        add_camera(session, SystemClock(), new)
    return settings.home


@contextmanager
def rig(template_home: Path, home: Path, url: str) -> Iterator[Rig]:
    """A rig in a copy of the template; its recorder is ended with the block."""
    shutil.copytree(template_home, home, dirs_exist_ok=True)
    settings = load(home, {"LIUHEN_RESERVE_BYTES": "0", "LIUHEN_FLOOR_BYTES": "0"})
    settings.segments.mkdir(exist_ok=True)
    with opened(settings, SystemClock()) as database:
        made = Rig(settings, database, url)
        try:
            yield made
        finally:
            made.stop()
