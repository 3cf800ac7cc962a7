"""Many cameras at once, each with a process of the service: is every packet that was sent kept?"""

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from benchmarks.recording.cost import plan_of
from benchmarks.recording.usage import usage
from ingest.spool import Spool
from service.camera import run_camera
from tests.faults.camera import camera
from tests.faults.receipt import missing, segments_in, shown
from tests.faults.reel import STREET, Reel, shoot

SAMPLE_S = 15.0
"""Between two looks at the memory."""


@dataclass(frozen=True, slots=True)
class Point:
    """All camera processes together, so many seconds after the first look."""

    at_s: float
    cpu_s: float
    rss_mib: float
    pss_mib: float
    load: float


def many(folder: Path, cameras: int, seconds: float) -> dict[str, Any]:
    """Record `cameras` streams of 1080p25 with their watch for `seconds`."""
    reel = shoot(folder / "street.mp4", STREET)
    places = [folder / f"camera-{number}" for number in range(cameras)]
    with ExitStack() as stack:
        processes = []
        for place in places:
            running = stack.enter_context(camera(reel.path))
            plan = plan_of(place, running.url)
            process = get_context("spawn").Process(target=run_camera, args=(plan,))
            process.start()
            stack.callback(_end, process)
            processes.append(process)
        points = list(_points(processes, seconds))
    return _told(places, reel, points)


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join()


def _points(processes: list[SpawnProcess], seconds: float) -> list[Point]:
    """The curve; the processes have ten seconds to start."""
    time.sleep(10)
    began = time.monotonic()
    points = [_point(processes, began)]
    while time.monotonic() - began < seconds:
        time.sleep(min(SAMPLE_S, max(0.1, seconds - (time.monotonic() - began))))
        points.append(_point(processes, began))
    return points


def _point(processes: list[SpawnProcess], began: float) -> Point:
    used = [usage(process.pid) for process in processes if process.pid is not None]
    return Point(
        round(time.monotonic() - began, 1),
        round(sum(each.cpu_s for each in used), 2),
        round(sum(each.rss_mib for each in used), 1),
        round(sum(each.pss_mib for each in used), 1),
        round(os.getloadavg()[0], 2),
    )


def _told(places: list[Path], reel: Reel, points: list[Point]) -> dict[str, Any]:
    first, last = points[0], points[-1]
    per_camera = [kept(place, reel) for place in places]
    cpu_s, passed_s = last.cpu_s - first.cpu_s, last.at_s - first.at_s
    return {
        "cameras": len(places),
        "seconds": passed_s,
        "pictures": sum(each["pictures"] for each in per_camera),
        "missing": sum(each["missing"] for each in per_camera),
        "damaged": sum(each["damaged"] for each in per_camera),
        "runs": sum(each["runs"] for each in per_camera),
        "facts": sorted({kind for each in per_camera for kind in each["facts"]}),
        "gib": round(sum(each["bytes"] for each in per_camera) / (1 << 30), 2),
        "cpu_s": round(cpu_s, 1),
        "cpu_percent_per_camera": round(100 * cpu_s / passed_s / len(places), 2),
        "rss_mib_per_camera": round(last.rss_mib / len(places), 1),
        "pss_mib_per_camera": round(last.pss_mib / len(places), 1),
        "memory": [[p.at_s, p.rss_mib, p.pss_mib, p.load] for p in points],
    }


def kept(place: Path, reel: Reel, camera: str = "*") -> dict[str, Any]:
    """What one camera's recording holds, compared with the reel picture by picture."""
    segments = list(segments_in(place / "segments", camera))
    pictures = shown(place / "segments", reel, camera)
    damaged = sum(picture.place is None for picture in pictures)
    facts = [fact.kind.value for fact in Spool(place / "spool").facts()]
    return {
        "pictures": len(pictures),
        "missing": missing(pictures, reel) - damaged,
        "damaged": damaged,
        "runs": len({segment.head.run for segment in segments}),
        "facts": sorted(set(facts) - {"up", "candidate"}),
        "bytes": sum(gop.size for segment in segments for gop in segment.gops),
    }
