"""A disk that fills up takes nothing that was acknowledged."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.cut import cut
from ingest.errors import DiskFull, NoFootage
from ingest.files import create_exclusive, make_directory, write_temporary
from ingest.packet import Packet
from ingest.recorder import Recorder
from ingest.segments import load
from ingest.spool import FactKind, Spool
from tests.ingest.clip import (
    CAMERA,
    Recipe,
    Replay,
    encoded,
    everything,
    indexes,
    recorded,
    replayed,
)
from tests.ingest.conftest import PAGE, SmallDisk
from vision.frame import Instant

CLIP = Recipe(count=200, gop=5, container="ts")


@pytest.mark.parametrize("pages", [0, 1, 2, 3, 4, 5, 6, 9, 14])
def test_recording_goes_on_after_a_full_disk(small_disk: SmallDisk, pages: int) -> None:
    """The GOP in hand is lost, those before it are whole, the next key frame after space is freed
    opens a segment; wherever in media or index the disk was full.
    """
    root = small_disk.root / "ring"
    root.mkdir()
    source = Replay(encoded(CLIP))
    info, packets = replayed(source)
    recorder = Recorder(root, CAMERA, source.clock, segment_s=60)
    recorder.start(info)
    small_disk.leave(pages)
    acknowledged, lost_at, before = 0, None, 0
    for n, packet in enumerate(packets):
        try:
            acknowledged += recorder.write(packet)
        except DiskFull:
            assert lost_at is None
            lost_at, before = n, acknowledged
            assert not recorder.recording
            assert acknowledged == _whole(root)
            small_disk.free()
    recorder.stop("stopped")
    source.close()
    assert lost_at is not None
    gops = everything(root)
    # It is noticed at a key frame, which begins the GOP that is not recorded.
    assert lost_at % 5 == 0
    lost = 1 if lost_at == 0 else 2
    assert len(gops) == 40 - lost
    assert sum(bool(segment.gops) for segment in indexes(root)) == (2 if before else 1)
    assert all(load([gop]) for gop in gops)


def _whole(root: Path) -> int:
    try:
        return sum(bool(load([gop])) for gop in everything(root))
    except NoFootage:
        return 0


def test_the_end_of_a_run_on_a_full_disk(small_disk: SmallDisk) -> None:
    """stop() says so; what was acknowledged stays readable without an end."""
    root = small_disk.root / "ring"
    root.mkdir()
    source = Replay(encoded(CLIP))
    info, packets = replayed(source)
    recorder = Recorder(root, CAMERA, source.clock, segment_s=60)
    recorder.start(info)
    acknowledged = sum(recorder.write(packet) for packet in packets)
    small_disk.leave(0)
    # Two GOPs more than fill what is left of the last pages.
    big = packets[-1].data * 40
    with pytest.raises(DiskFull):
        for n in range(1, 9):
            recorder.write(_more(packets[-1], n, big))
        recorder.stop("stopped")
    source.close()
    assert not recorder.recording
    assert _whole(root) == acknowledged
    assert indexes(root)[0].end is None


def _more(packet: Packet, n: int, data: bytes) -> Packet:
    """The `n`th packet after `packet`."""
    step = n * packet.duration
    return replace(packet, pts=packet.pts + step, dts=packet.dts + step, data=data)


@pytest.mark.parametrize("size", [10, PAGE + 1, 3 << 20], ids=["tiny", "two pages", "large"])
def test_a_file_that_does_not_fit_leaves_nothing(small_disk: SmallDisk, size: int) -> None:
    """DiskFull, never a bare OSError, and no piece of the file under any name."""
    small_disk.leave(0 if size < PAGE else 1)
    before = sorted(small_disk.root.iterdir())
    with pytest.raises(DiskFull):
        create_exclusive(small_disk.root / "fact.json", bytes(size))
    with pytest.raises(DiskFull):
        write_temporary(small_disk.root, io.BytesIO(bytes(size)))
    assert sorted(small_disk.root.iterdir()) == before


def test_a_fact_that_does_not_fit_can_be_put_again(small_disk: SmallDisk) -> None:
    """Nothing half-written waits for the registrar."""
    spool = Spool(small_disk.root / "spool")
    small_disk.leave(0)
    with pytest.raises(DiskFull):
        spool.put(FactKind.UP, CAMERA, Instant(1), {})
    assert spool.facts() == []
    small_disk.free()
    spool.put(FactKind.UP, CAMERA, Instant(1), {})
    assert len(spool.facts()) == 1


def test_a_clip_that_does_not_fit(small_disk: SmallDisk, tmp_path: Path) -> None:
    """cut() names the full disk, too."""
    gops = recorded(tmp_path / "ring", Replay(encoded(CLIP)))
    small_disk.leave(1)
    with pytest.raises(DiskFull):
        cut(gops, gops[0].at, gops[-1].end, small_disk.root / "clip.mp4")


def test_a_folder_is_made_with_its_parents(small_disk: SmallDisk) -> None:
    make_directory(small_disk.root / "a" / "b")
    make_directory(small_disk.root / "a" / "b")
    assert (small_disk.root / "a" / "b").is_dir()
