"""The memory's file: whole or not at all, and ignored, with the reason, when it is not ours."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.clock import SimulatedClock
from ingest.spool import FactKind, Spool
from service.analyst import Analyst
from service.memory import STALE_S, Ignored, MemoryFile, forget_stale
from tests.ingest.clip import Recipe, Replay, encoded, replayed
from tests.ingest.test_worker import plan
from tests.vision.stage import CAMERA, START, Stage, deposit
from vision.frame import Instant, later
from vision.health import Health, checked
from vision.watch import Watch, WatchSettings

SETTINGS = WatchSettings(settle_s=4.0)
SAVED = later(START, 9.0)


@pytest.fixture
def file(tmp_path: Path) -> MemoryFile:
    """Of a watch that has seen a bag put down and has not told it yet."""
    watch, health = Watch(CAMERA, SETTINGS), None
    for t_s in range(10):
        frame = Stage(deposit()).frame(t_s)
        watch.see(frame)
        health = checked(health, frame)
    found = MemoryFile(tmp_path / "watch" / "gate.npz", "gate")
    found.save(watch, health, SAVED)
    return found


def test_a_bag_that_was_put_down_before_a_restart_is_found_after_it(file: MemoryFile) -> None:
    """Without the memory it would be part of the scene."""
    watch = Watch(CAMERA, SETTINGS)
    assert isinstance(file.load(watch, later(SAVED, 30)), Health)
    found = [c for t_s in range(14, 24) for c in watch.see(Stage(deposit()).frame(t_s))]
    assert found
    cold = Watch(CAMERA, SETTINGS)
    assert not [c for t_s in range(14, 24) for c in cold.see(Stage(deposit()).frame(t_s))]


def rewritten(file: MemoryFile, data: bytes) -> MemoryFile:
    file.path.write_bytes(data)
    return file


def of_another_version(file: MemoryFile) -> MemoryFile:
    head = {"layout": "0" * 16, "camera": file.camera, "at_us": SAVED, "values": {}}
    np.savez(file.path, np.frombuffer(json.dumps(head).encode(), np.uint8))
    return file


def with_a_pickle(file: MemoryFile) -> MemoryFile:
    np.savez(file.path, np.array([Path("x")], dtype=object))
    return file


IGNORED: dict[str, tuple[Callable[[MemoryFile], MemoryFile], Instant, Ignored]] = {
    "old": (lambda f: f, later(SAVED, STALE_S + 1), Ignored.STALE),
    "from the future": (lambda f: f, later(SAVED, -1), Ignored.STALE),
    "of another camera": (lambda f: replace(f, camera="yard"), SAVED, Ignored.OTHER_CAMERA),
    "not there": (
        lambda f: replace(f, path=f.path.with_name("yard.npz")),
        SAVED,
        Ignored.MISSING,
    ),
    "empty": (lambda f: rewritten(f, b""), SAVED, Ignored.UNREADABLE),
    "cut in half": (
        lambda f: rewritten(f, f.path.read_bytes()[: f.path.stat().st_size // 2]),
        SAVED,
        Ignored.UNREADABLE,
    ),
    "a byte changed": (
        lambda f: rewritten(f, f.path.read_bytes().replace(b'"layout": "', b'"layout": "0')),
        SAVED,
        Ignored.UNREADABLE,
    ),
    "of another version": (of_another_version, SAVED, Ignored.OTHER_VERSION),
    "with a pickle": (with_a_pickle, SAVED, Ignored.UNREADABLE),
}


@pytest.mark.parametrize(("spoil", "now", "reason"), IGNORED.values(), ids=IGNORED)
def test_a_file_that_is_not_fit_is_ignored_with_the_reason(
    file: MemoryFile, spoil: Callable[[MemoryFile], MemoryFile], now: Instant, reason: Ignored
) -> None:
    """Whatever lies there, the camera starts; cold rather than with a wrong street."""
    watch = Watch(CAMERA, SETTINGS)
    assert spoil(file).load(watch, now) is reason
    assert watch.see(Stage().frame(0)) == []


def test_a_disk_that_takes_nothing_costs_the_memory_only(
    file: MemoryFile, caplog: pytest.LogCaptureFixture
) -> None:
    """The file before stays whole, and the analyst goes on."""
    before = file.path.read_bytes()
    file.path.with_suffix(".tmp").mkdir()
    file.save(Watch(CAMERA, SETTINGS), None, SAVED)
    assert file.path.read_bytes() == before
    assert "could not be written" in caplog.text


def test_what_no_camera_keeps_up_is_removed(file: MemoryFile) -> None:
    """A picture of a street does not lie about after its camera was switched off."""
    written_s = SAVED / 1_000_000
    os.utime(file.path, (written_s, written_s))
    forget_stale(file.path.parent, later(SAVED, STALE_S - 1))
    assert file.path.exists()
    forget_stale(file.path.parent, later(SAVED, STALE_S + 1))
    assert not file.path.exists()


def test_the_analyst_leaves_a_memory_and_the_next_goes_on(tmp_path: Path) -> None:
    """Saved at the end of a process; what was wrong with the picture is not told as new."""
    clock = SimulatedClock()
    kept = replace(plan(tmp_path), memory=tmp_path / "watch")
    for _ in range(2):
        source = Replay(encoded(Recipe(count=60, gop=10, container="ts")), clock)
        info, packets = replayed(source)
        analyst = Analyst(kept, Spool(tmp_path / "spool"), clock)
        analyst.begin(info)
        for packet in packets:
            analyst.offer(packet)
        analyst.finish()
        source.close()
    file = MemoryFile.of(kept)
    assert file is not None
    assert isinstance(file.load(Watch(CAMERA, SETTINGS), clock.now()), Health)
    told = [f for f in Spool(tmp_path / "spool").facts() if f.kind is FactKind.HEALTH]
    assert [f.data for f in told] == [{"ailing": []}] * 2
