"""A recorder that is killed with SIGKILL, at any moment: what the index names is there."""

import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np

from ingest.clock import SimulatedClock
from ingest.decode import frames
from ingest.files import sha256_file
from ingest.recorder import Recorder
from ingest.segments import Segment
from tests.ingest.clip import (
    CAMERA,
    Recipe,
    Replay,
    encoded,
    everything,
    indexes,
    record,
    recorded,
    shown,
)
from vision.frame import SECOND, Instant

PROJECT = Path(__file__).parents[2]
CLIP = Recipe(count=30, gop=5)


def killed_after(packets: int, media: Path, root: Path) -> None:
    """Record in a process of its own until it has asked for `packets`, then kill it."""
    command = [sys.executable, "-m", "tests.ingest.endless", str(media), str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as process:
        assert process.stdout is not None
        for _ in range(packets):
            assert process.stdout.readline() == b".\n"
        process.kill()


def is_sound(segment: Segment) -> bool:
    """A closed segment has the hash of its end; an open one has at least what is named."""
    sha256, size = sha256_file(segment.head.path.with_suffix(".mp4"))
    if segment.end is not None:
        return (segment.end.sha256, segment.end.size) == (sha256, size)
    return all(gop.offset + gop.size <= size for gop in segment.gops)


def test_what_is_named_survives_a_kill(tmp_path: Path) -> None:
    """At six moments: hashes hold, pictures are the source's, the next start goes on."""
    media = tmp_path / "clip.mp4"
    media.write_bytes(encoded(CLIP))
    pictures = [image for _, image in shown(media)]
    rng = Random(20260528)
    for round_ in range(6):
        root = tmp_path / str(round_)
        packets = rng.randrange(12, 150)
        killed_after(packets, media, root)
        gops = everything(root)
        # All but the GOP in hand and at most the one that was being written.
        assert sum(len(gop.pictures) for gop in gops) >= packets - 1 - 2 * CLIP.gop
        assert all(is_sound(segment) for segment in indexes(root))
        for n, frame in enumerate(frames(gops)):
            assert np.array_equal(frame.image, pictures[n % len(pictures)]), (round_, n)
        before = len(indexes(root))
        clock = SimulatedClock(wall=Instant(gops[-1].end + 60 * SECOND))
        after = recorded(root, Replay(encoded(CLIP), clock))
        assert after[: len(gops)] == gops
        new = indexes(root)[before:]
        assert [(len(s.gops), s.head.predecessor) for s in new] == [(6, None)]


def test_a_start_does_not_touch_what_is_there(tmp_path: Path) -> None:
    """Restarting opens a new file; an original is never opened for writing again."""
    recorded(tmp_path, Replay(encoded(CLIP)))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    clock = SimulatedClock()
    clock.sleep(100)
    record(Recorder(tmp_path, CAMERA, clock, segment_s=60), Replay(encoded(CLIP), clock))
    assert {path: path.read_bytes() for path in before} == before
    assert len(indexes(tmp_path)) == 2
