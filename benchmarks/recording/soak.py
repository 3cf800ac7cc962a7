"""The whole system for a while: `liuhen serve`, cameras, deposits, look-backs, pages and fsck."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from sqlmodel import select

from benchmarks.recording.many import SAMPLE_S, kept
from benchmarks.recording.usage import Usage, family, usage
from ingest.clock import SystemClock
from service.cameras import NewCamera, add_camera
from service.demo.encoder import Format, encode
from service.demo.plot import dumping
from service.settings import Settings, load
from service.supervisor import free_socket
from service.tables import Alarm, Event, Gap, Job, SegmentRow
from tests.faults.camera import camera
from tests.faults.reel import STREET, shoot
from tests.faults.rig import opened
from vision.frame import SECOND

DUMPING = 3
"""Every third camera shows a street on which somebody leaves a bag."""
PERIOD_S = 60.0
"""A bag comes once a minute, and goes when the scene begins anew."""
SETTLE_S = 6.0
ASK_S = 2.0
"""Between two requests for pages."""
PAGES = ("/healthz", "/readyz", "/metrics", "/login")
LIUHEN = Path(sys.executable).with_name("liuhen")


@dataclass
class _Seen:
    """What was measured while it ran."""

    answers_ms: list[float] = field(default_factory=list)
    refused: int = 0
    memory: list[list[float]] = field(default_factory=list)
    cpu: dict[int, float] = field(default_factory=dict)
    held_half_way: bool | None = None


def soak(folder: Path, cameras: int, seconds: float) -> dict[str, Any]:
    """Let everything run for `seconds`, then ask what became of it."""
    reel = shoot(folder / "street.mp4", STREET)
    scenes = [_scene(folder, n) for n in range(0, cameras, DUMPING)]
    settings = load(folder / "home", {})
    with ExitStack() as stack:
        names = []
        with opened(settings, SystemClock()) as database:
            for number in range(cameras):
                is_scene = number % DUMPING == 0
                played = scenes[number // DUMPING] if is_scene else reel.path
                running = stack.enter_context(camera(played))
                names.append(f"{'deposit' if is_scene else 'street'}-{number}")
                new = NewCamera(names[-1], "和平路", running.url, settle_s=SETTLE_S)
                with database.write() as session:
                    add_camera(session, SystemClock(), new)
        with _served(settings) as (pid, url):
            seen = _watched(settings, pid, url, seconds)
    streets = {name: kept(settings.home, reel, name) for name in names if "street" in name}
    return {"seconds": seconds, "cameras": cameras, **_told(settings, seen), "streets": streets}


def _scene(folder: Path, number: int) -> Path:
    scene = dumping(number + 1, size=(1280, 720), period_s=PERIOD_S)
    path = folder / f"scene-{number}.mp4"
    return encode(path, scene, PERIOD_S, Format(fps=12.5, gop_s=2.0))


@contextmanager
def _served(settings: Settings) -> Iterator[tuple[int, str]]:
    with free_socket("127.0.0.1", 0) as listener:
        port = int(listener.getsockname()[1])
    command = [LIUHEN, "serve", "--home", settings.home, "--port", port]
    log = settings.home / "serve.log"
    with log.open("wb") as out, subprocess.Popen(list(map(str, command)), stderr=out) as process:
        try:
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _watched(settings: Settings, pid: int, url: str, seconds: float) -> _Seen:
    """Ask for pages and look at the memory; half-way a deep fsck reads everything."""
    seen, began = _Seen(), time.monotonic()
    time.sleep(10)
    while (passed := time.monotonic() - began) < seconds:
        for page in PAGES:
            _ask(url + page, seen)
        if passed >= len(seen.memory) * SAMPLE_S:
            _look(pid, passed, seen)
        if passed > seconds / 2 and seen.held_half_way is None:
            seen.held_half_way = bool(_fsck(settings)["holds"])
        time.sleep(ASK_S)
    return seen


def _look(pid: int, passed_s: float, seen: _Seen) -> None:
    """All processes of the service: CPU by process, memory together."""
    used = _all_used(pid)
    seen.cpu |= {each: of.cpu_s for each, of in used.items()}
    pss, rss = sum(u.pss_mib for u in used.values()), sum(u.rss_mib for u in used.values())
    seen.memory.append([round(passed_s), round(rss), round(pss), round(os.getloadavg()[0], 2)])


def _ask(url: str, seen: _Seen) -> None:
    began = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            answer.read()
    except (urllib.error.URLError, OSError):
        seen.refused += 1
    else:
        seen.answers_ms.append((time.monotonic() - began) * 1000)


def _all_used(pid: int) -> dict[int, Usage]:
    found = {}
    for each in family(pid):
        try:
            found[each] = usage(each)
        except (FileNotFoundError, ProcessLookupError, KeyError):
            continue
    return found


def _fsck(settings: Settings) -> dict[str, Any]:
    command = [LIUHEN, "fsck", "--home", settings.home, "--deep", "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    names = ("holds", "segments", "objects", "bytes_read", "seconds", "findings")
    return {name: found[name] for name in names}


def _told(settings: Settings, seen: _Seen) -> dict[str, Any]:
    with opened(settings, SystemClock()) as database, database.read() as session:
        events = session.exec(select(Event)).all()
        waits = sorted((event.found_us - event.onset_us) / SECOND for event in events)
        told = {
            "events": len(events),
            "onset_to_queue_s": _cuts(waits),
            "jobs": _counted([job.state for job in session.exec(select(Job))]),
            "gaps": [[gap.camera_id, gap.cause] for gap in session.exec(select(Gap))],
            "alarms": _counted([alarm.key for alarm in session.exec(select(Alarm))]),
            "segments": len(session.exec(select(SegmentRow.id)).all()),
        }
    verify = [LIUHEN, "verify", "--home", settings.home]
    return {
        **told,
        "log_and_store_verify": subprocess.run(
            list(map(str, verify)), capture_output=True, check=False
        ).returncode
        == 0,
        "fsck": _fsck(settings),
        "fsck_held_half_way": seen.held_half_way,
        "page_ms": _cuts(sorted(seen.answers_ms)),
        "pages_refused": seen.refused,
        "cpu_s": round(sum(seen.cpu.values()), 1),
        "memory": seen.memory,
    }


def _cuts(values: list[float]) -> dict[str, float]:
    """Number, median, 95th percentile and the most."""
    if len(values) < 2:
        return {"n": len(values), **({"p50": round(values[0], 1)} if values else {})}
    cuts = quantiles(values, n=20, method="inclusive")
    p50, p95 = round(cuts[9], 1), round(cuts[18], 1)
    return {"n": len(values), "p50": p50, "p95": p95, "most": round(values[-1], 1)}


def _counted(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}
