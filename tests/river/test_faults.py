"""The service goes on whatever dies: the camera, each process of ours, the service itself."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import select

from ingest.clock import SystemClock
from ingest.segments import read_index
from service.cameras import NewCamera, add_camera
from service.database import Database
from service.errors import InputError
from service.settings import Settings, load
from service.supervisor import free_socket, serving
from service.tables import Gap
from vision.frame import SECOND

LIUHEN = Path(sys.executable).with_name("liuhen")
pytestmark = pytest.mark.timeout(200)


def wait_until(what: str, seconds: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.2)


def port() -> int:
    with free_socket("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def camera(codec: str, at: int, password: str) -> Iterator[subprocess.Popen[bytes]]:
    """A camera in a process of its own, so that it can lose power."""
    command = [LIUHEN, "simulate", "gate=passers", "--port", at, "--user", "cam", "--codec", codec]
    with subprocess.Popen(
        list(map(str, command)),
        env={**os.environ, "LIUHEN_CAMERA_PASSWORD": password},
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def pictures(settings: Settings) -> int:
    """How many pictures are acknowledged on disk."""
    found = [read_index(path) for path in settings.segments.glob("gate/*/*.idx")]
    return sum(len(gop.pictures) for segment in found if segment for gop in segment.gops)


def goes_on(settings: Settings) -> Callable[[], bool]:
    """Whether two more seconds have been recorded since now."""
    before = pictures(settings)
    return lambda: pictures(settings) > before + 25


def gaps(database: Database) -> list[Gap]:
    with database.read() as session:
        return list(session.exec(select(Gap).order_by(Gap.start_us)))


def children() -> dict[int, str]:
    """Our processes by number: those that `multiprocessing` started."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                line = (entry / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == os.getpid() and "spawn_main" in line:
                found[int(entry.name)] = line
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_recording_comes_back(tmp_path: Path, codec: str) -> None:
    """A camera that loses power leaves a gap row; a process of ours that dies is started again."""
    clock, password, at = SystemClock(), secrets.token_urlsafe(9), port()
    os.environ["LIUHEN_CAMERA_TEST"] = password
    settings = load(
        tmp_path / "home",
        {"LIUHEN_PACKET_AGE_S": "3", "LIUHEN_SEGMENT_S": "5", "LIUHEN_MODEL": "none"},
    )
    listener = free_socket("127.0.0.1", 0)
    with serving(settings, listener) as database:
        new = NewCamera(
            id="gate",
            place="门口",
            url=f"rtsp://127.0.0.1:{at}/gate",
            username="cam",
            password_variable="LIUHEN_CAMERA_TEST",
        )
        with database.write() as session:
            add_camera(session, clock, new)
        with camera(codec, at, password):
            wait_until("recording", 40, goes_on(settings))
        time.sleep(4)
        with camera(codec, at, password):
            wait_until("recording after the camera's restart", 60, goes_on(settings))
            wait_until("the gap's row", 20, lambda: len(gaps(database)) == 1)
            (gap,) = gaps(database)
            assert gap.cause == "disconnected"
            assert gap.end_us - gap.start_us > 3 * SECOND
            before = children()
            # One for the camera, one each for signer, anchors, registrar, look-backs, intake,
            # review copies and the keeper.
            assert len(before) == 8
            for number in before:
                os.kill(number, signal.SIGKILL)
            wait_until("eight new processes", 40, lambda: len(set(children()) - set(before)) == 8)
            wait_until("recording after the kill", 60, goes_on(settings))
            wait_until("the crash's gap", 30, lambda: len(gaps(database)) == 2)
            assert gaps(database)[1].cause == "crashed"


def test_one_service_for_one_home(tmp_path: Path) -> None:
    """Two recorders on one home would spoil each other's segments and log."""
    settings = load(tmp_path / "home", {"LIUHEN_MODEL": "none"})
    with serving(settings, free_socket("127.0.0.1", 0)):
        second = serving(settings, free_socket("127.0.0.1", 0))
        with pytest.raises(InputError, match="already_running"), second:
            pass
    with serving(settings, free_socket("127.0.0.1", 0)):
        pass
