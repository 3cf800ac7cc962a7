"""What recording one 1080p25 stream costs, beside `ffmpeg -c copy -f segment` on the same stream.

One after the other on the same camera, again and again, so that what else the machine does falls
on all alike.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.recording.unwatched import record_only
from benchmarks.recording.usage import usage
from ingest.rtsp import Address
from service.camera import run_camera
from service.cameras import Plan
from tests.faults.camera import camera
from tests.faults.reel import STREET, shoot
from vision.frame import CameraId
from vision.watch import WatchSettings

SETTLE_S = 10.0
"""Before the measurement: the start of a process is not what recording costs."""
CAMERA = CameraId("gate")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process used in a window of `seconds`."""

    who: str
    seconds: float
    cpu_s: float
    cpu_percent: float
    rss_mib: float
    pss_mib: float
    mib_written: float
    load: float


def plan_of(folder: Path, url: str) -> Plan:
    """A camera of the service with its defaults."""
    plan = Plan(
        camera=CAMERA,
        address=Address(url),
        watch=WatchSettings((), 10.0),
        segments=folder / "segments",
        spool=folder / "spool",
        segment_s=60.0,
        packet_age_s=10.0,
    )
    plan.segments.mkdir(parents=True)
    plan.spool.mkdir()
    return plan


@contextmanager
def _recorder(target: Callable[[Plan], None], folder: Path, url: str) -> Iterator[int]:
    process = get_context("spawn").Process(target=target, args=(plan_of(folder, url),))
    process.start()
    assert process.pid is not None
    try:
        yield process.pid
    finally:
        process.terminate()
        process.join()


@contextmanager
def _recording(folder: Path, url: str) -> Iterator[int]:
    with _recorder(record_only, folder, url) as pid:
        yield pid


@contextmanager
def _watching(folder: Path, url: str) -> Iterator[int]:
    with _recorder(run_camera, folder, url) as pid:
        yield pid


@contextmanager
def _ffmpeg(folder: Path, url: str) -> Iterator[int]:
    folder.mkdir(parents=True)
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url]
    command += ["-c", "copy", "-f", "segment", "-segment_time", "60", str(folder / "%d.mp4")]
    with subprocess.Popen(command) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


WHO = {"recorder": _recording, "recorder and watch": _watching, "ffmpeg": _ffmpeg}


def costs(folder: Path, rounds: int, seconds: float) -> Iterator[Cost]:
    """Every process of `WHO` in turn, `rounds` times."""
    reel = shoot(folder / "street.mp4", STREET)
    who = {name: run for name, run in WHO.items() if name != "ffmpeg" or shutil.which("ffmpeg")}
    with camera(reel.path) as running:
        for number in range(rounds):
            for name, run in who.items():
                place = folder / f"{name}-{number}"
                with run(place, running.url) as pid:
                    yield _measured(name, pid, place, seconds)
                shutil.rmtree(place)


def _measured(who: str, pid: int, place: Path, seconds: float) -> Cost:
    time.sleep(SETTLE_S)
    before, written, began = usage(pid), _written(place), time.monotonic()
    time.sleep(seconds)
    after, passed = usage(pid), time.monotonic() - began
    cpu_s = after.cpu_s - before.cpu_s
    return Cost(
        who,
        round(passed, 2),
        round(cpu_s, 2),
        round(100 * cpu_s / passed, 2),
        round(after.rss_mib, 1),
        round(after.pss_mib, 1),
        round((_written(place) - written) / (1 << 20), 1),
        round(os.getloadavg()[0], 2),
    )


def _written(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*.mp4"))


def summary(found: list[Cost]) -> dict[str, Any]:
    """The median of each, and how much more than ffmpeg it is."""
    told: dict[str, Any] = {}
    for who in dict.fromkeys(cost.who for cost in found):
        these = [cost for cost in found if cost.who == who]
        told[who] = {
            "n": len(these),
            "cpu_percent": median(cost.cpu_percent for cost in these),
            "rss_mib": median(cost.rss_mib for cost in these),
            "pss_mib": median(cost.pss_mib for cost in these),
        }
    if "ffmpeg" in told:
        for who in told.values():
            who["times_ffmpeg"] = round(who["cpu_percent"] / told["ffmpeg"]["cpu_percent"], 2)
    return told
