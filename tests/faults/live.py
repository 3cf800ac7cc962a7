"""Faults of processes, networks and disks: real processes in real time on a rig of their own."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

from service.database import sqlite_library
from service.errors import WorldError
from service.registrar import Registrar
from tests.faults.beside import Beside, beside
from tests.faults.camera import CameraProcess, camera
from tests.faults.disk import Disk, FrailDisk, SmallDisk, mounted
from tests.faults.ground import Ground
from tests.faults.interference import Strace
from tests.faults.outcome import Outcome, answers
from tests.faults.receipt import Shown, missing, receipts, segments_in, shown, unkept
from tests.faults.reel import Reel
from tests.faults.rig import CAMERA, GOP_S, Rig, monotonic_us, rig, wait_until
from vision.frame import SECOND

BROKEN_S = 3.0
"""Longer than a group of pictures, shorter than what the supervisor would wait for."""
LOSS = 0.05
"""Part of the packets that a bad network loses."""


@contextmanager
def _scene(
    ground: Ground, name: str, *, then: tuple[Path, float] | None = None
) -> Iterator[tuple[CameraProcess, Rig]]:
    """A camera and a rig that has begun to record it, at any moment of a group of pictures."""
    with (
        camera(ground.reel.path, then=then) as running,
        rig(ground.home, ground.folder / name, running.url) as made,
    ):
        made.wait_recording()
        time.sleep(Random(name).uniform(0, 2 * GOP_S))
        yield running, made


def killed(ground: Ground, name: str) -> Outcome:
    """SIGKILL at any moment; the supervisor starts another."""
    with (
        _scene(ground, name) as (running, made),
        beside(running.url, ground.folder / f"{name}-ffmpeg") as others,
    ):
        time.sleep(ground.lead_s)
        given, fault_us = receipts(made.root), monotonic_us()
        made.kill()
        for other in others:
            other.kill()
        made.wait_recording(since_us=fault_us, seconds=GOP_S)
        theirs = _theirs(others, ground, made, fault_us)
        return answers(made, given, fault_us, fault_us, ffmpeg_lost_s=theirs)


def _theirs(others: list[Beside], ground: Ground, made: Rig, fault_us: int) -> dict[str, float]:
    """What FFmpeg lost, in each of its formats."""
    made.stop()
    ours = shown(made.root, ground.reel) if others else []
    return {other.form: other.lost_s(ground.reel, ours, fault_us) for other in others}


def _camera_fault(
    ground: Ground,
    name: str,
    commit: Callable[[CameraProcess], None],
    undo: Callable[[CameraProcess], None],
) -> Outcome:
    """Something happens to the camera until an alarm tells of it; then the camera comes back."""
    with (
        _scene(ground, name) as (running, made),
        beside(running.url, ground.folder / f"{name}-ffmpeg") as others,
    ):
        time.sleep(ground.lead_s)
        given, fault_us = receipts(made.root), monotonic_us()
        commit(running)
        made.wait_alarm("camera_down")
        undo(running)
        over_us = monotonic_us()
        made.wait_recording(since_us=over_us, seconds=GOP_S)
        for other in others:
            other.kill()
        theirs = _theirs(others, ground, made, fault_us)
        return answers(made, given, fault_us, over_us, ffmpeg_lost_s=theirs)


def camera_killed(ground: Ground, name: str) -> Outcome:
    """The camera loses power and boots again."""
    return _camera_fault(ground, name, CameraProcess.kill, CameraProcess.start)


def camera_stopped(ground: Ground, name: str) -> Outcome:
    """The camera hangs: its kernel keeps the connection, its program does nothing (SIGSTOP)."""
    return _camera_fault(
        ground,
        name,
        lambda running: running.signal(signal.SIGSTOP),
        lambda running: running.signal(signal.SIGCONT),
    )


def silent(ground: Ground, name: str) -> Outcome:
    """The camera keeps the connection, answers, and sends no packets."""
    return _camera_fault(
        ground, name, lambda running: running.do("stall"), lambda running: running.do("resume")
    )


def _disk_fault(ground: Ground, name: str, kind: type[Disk]) -> Outcome:
    """The disk of the ring takes nothing for a while; what it has can be read."""
    ring = ground.folder / name / "segments" / CAMERA
    with mounted(kind, ring) as disk, _scene(ground, name) as (_, made):
        given, fault_us = receipts(made.root), monotonic_us()
        disk.fail()
        made.wait_alarm("camera_down")
        assert not unkept(made.root, given)
        time.sleep(ground.hold_s / 4)
        disk.mend()
        over_us = monotonic_us()
        made.wait_recording(since_us=over_us, seconds=GOP_S)
        return answers(made, given, fault_us, over_us)


def disk_full(ground: Ground, name: str) -> Outcome:
    """Not a byte is left on the ring's disk; then there is room again."""
    return _disk_fault(ground, name, SmallDisk)


def read_only(ground: Ground, name: str) -> Outcome:
    """The ring's disk turns read-only under the recorder; then it is mended and mounted again."""
    return _disk_fault(ground, name, FrailDisk)


def disk_broken(ground: Ground, name: str) -> Outcome:
    """Nothing can be made durable, neither footage nor facts: every fsync fails with EIO."""
    with _scene(ground, name) as (_, made):
        given, fault_us = receipts(made.root), monotonic_us()
        log = ground.folder / f"{name}.trace"
        with Strace(made.pid, log, "inject=fsync:error=EIO", detach=True):
            time.sleep(BROKEN_S)
            assert not unkept(made.root, given)
        over_us = monotonic_us()
        made.wait_recording(since_us=over_us, seconds=GOP_S)
        return answers(made, given, fault_us, over_us)


def _enter(registrar: Registrar) -> None:
    with suppress(WorldError):
        registrar.step()


def locked(ground: Ground, name: str) -> Outcome:
    """Somebody holds the database: nobody else can write to it, and recording does not care."""
    with _scene(ground, name) as (_, made):
        path = made.settings.home / "liuhen.db"
        # With the library that everybody uses: two on one file void each other's locks.
        with closing(sqlite_library().connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            given, fault_us = receipts(made.root), monotonic_us()
            # It goes on trying, as in the service, and says afterwards how long that took.
            trying = threading.Thread(target=_enter, args=(made.registrar,))
            trying.start()
            time.sleep(ground.hold_s)
            over_us = monotonic_us()
            holder.execute("ROLLBACK")
        trying.join()
        made.wait_recording(since_us=over_us, seconds=GOP_S)
        made.stop()
        lost = missing(shown(made.root, ground.reel), ground.reel)
        return answers(made, given, fault_us, over_us, missing=lost)


def pts_reset(ground: Ground, name: str) -> Outcome:
    """The camera counts its media time anew in mid-stream."""
    with _scene(ground, name) as (running, made):
        given, fault_us = receipts(made.root), monotonic_us()
        running.do("restart_time")
        made.wait_recording(since_us=fault_us)
        made.stop()
        lost = missing(shown(made.root, ground.reel), ground.reel)
        return answers(made, given, fault_us, fault_us, missing=lost)


def size_changed(ground: Ground, name: str) -> Outcome:
    """The camera sends another resolution in mid-stream."""
    count = ground.reel.count
    behind = {tail: place + count for tail, place in ground.other.places.items()}
    both = Reel(ground.reel.path, ground.reel.fps, {**ground.reel.places, **behind})
    with _scene(ground, name, then=(ground.other.path, 9.0)) as (_, made):
        given, fault_us = receipts(made.root), monotonic_us()
        wait_until("another size", lambda: len(_sizes(made)) > 1)
        made.wait_recording(since_us=monotonic_us(), seconds=GOP_S)
        made.stop()
        lost = _missing_of_two(shown(made.root, both), ground.reel, ground.other)
        return answers(made, given, fault_us, fault_us, missing=lost)


def _sizes(made: Rig) -> set[int]:
    return {segment.head.width for segment in segments_in(made.root)}


def _missing_of_two(pictures: list[Shown], reel: Reel, other: Reel) -> int:
    """Missing pictures of a recording that leaves one reel and begins the other."""
    before = [p for p in pictures if p.place is not None and p.place < reel.count]
    after = [p for p in pictures if p.place is not None and p.place >= reel.count]
    between_us = after[0].monotonic_us - before[-1].monotonic_us
    lost = len(pictures) - len(before) - len(after) + round(between_us * reel.fps / SECOND) - 1
    return missing(before, reel) + missing(after, other) + lost


def lossy(ground: Ground, name: str) -> Outcome:
    """The network loses packets; what comes is recorded as it comes."""
    with _scene(ground, name) as (running, made):
        given, fault_us = receipts(made.root), monotonic_us()
        running.do(f"lose {LOSS}")
        made.wait_alarm("pictures_missed")
        running.do("lose 0")
        over_us = monotonic_us()
        made.wait_recording(since_us=over_us + round(GOP_S * SECOND))
        made.stop()
        found = shown(made.root, ground.reel)
        damaged = sum(p.place is None for p in found)
        whole = [p for p in found if p.monotonic_us > over_us + GOP_S * SECOND]
        assert not missing(whole, ground.reel)
        assert all(p.place is not None for p in whole)
        # A damaged picture is not missing: it was recorded as it came.
        lost = missing(found, ground.reel) - damaged
        told = f"{damaged} pictures recorded damaged"
        return answers(made, given, fault_us, over_us, missing=lost, told=told)
