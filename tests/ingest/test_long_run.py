"""What happens to a recording that lasts: long groups, changed streams, clocks that are set."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.clock import ClockQuality, SimulatedClock
from ingest.cut import alike, cut
from ingest.decode import frames
from ingest.errors import DiskFull
from ingest.files import sha256_file
from ingest.offset import Offset, camera_offset
from ingest.packet import Packet, StreamInfo
from ingest.recorder import CLOCK_STEP_S, Recorder, gop_start, phase_of
from ingest.segment_file import FRAGMENT_S
from ingest.segments import load, read_index
from tests.ingest.clip import (
    CAMERA,
    STEP,
    STEP_S,
    Recipe,
    Replay,
    encoded,
    everything,
    indexes,
    record,
    replayed,
    shown,
)
from vision.frame import SECOND, CameraId, Instant, later

LONG = Recipe(count=300, gop=300, container="ts")
"""Thirty seconds and one key frame."""
SMALL = Recipe(count=20, gop=10, container="ts")


def fed(recorder: Recorder, info: StreamInfo, packets: list[Packet]) -> list[int]:
    """Record packets; the numbers of those with which something became durable."""
    recorder.start(info)
    return [n for n, packet in enumerate(packets) if recorder.write(packet)]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_long_group_is_acknowledged_in_pieces(tmp_path: Path, b_frames: int) -> None:
    """Invariant 8: with key frames 30 s apart no more than 10 s wait in memory."""
    source = Replay(encoded(replace(LONG, b_frames=b_frames)))
    info, packets = replayed(source)
    recorder = Recorder(tmp_path, CAMERA, source.clock, segment_s=60)
    durable = fed(recorder, info, packets)
    assert [round(n * STEP_S) for n in durable] == [8, 16, 24]
    (gop,) = everything(tmp_path)
    # Unclosed, as a kill would leave it.
    assert len(gop.pictures) == durable[-1]
    assert len(load([gop])) == gop.head.init_size + gop.size
    recorder.stop("stopped")
    source.close()
    (gop,) = everything(tmp_path)
    assert [len(gop.pieces), len(gop.pictures)] == [4, 300]
    ends = [piece.offset + piece.size for piece in gop.pieces]
    assert [piece.offset for piece in gop.pieces] == [gop.head.init_size, *ends[:-1]]
    assert sum(1 for _ in frames([gop])) == 300


def test_a_clip_comes_out_of_the_middle_of_a_long_group(tmp_path: Path) -> None:
    """Pieces are a matter of writing: cutting and decoding see one group."""
    source = Replay(encoded(LONG))
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source)
    gops = everything(tmp_path)
    made = cut(gops, later(gops[0].at, 12), later(gops[0].at, 14), tmp_path / "clip.mp4")
    assert (made.pictures, made.lead_in) == (140, 120)
    assert len(shown(tmp_path / "clip.mp4")) == 20


def test_no_more_than_a_fragment_is_unacknowledged(tmp_path: Path) -> None:
    """The bound of docs/design/storage.md: what a power cut may cost, at every packet."""
    source = Replay(encoded(LONG))
    info, packets = replayed(source)
    recorder = Recorder(tmp_path, CAMERA, source.clock, segment_s=60)
    recorder.start(info)
    durable = 0
    for n, packet in enumerate(packets):
        if recorder.write(packet):
            durable = n
        assert (n - durable) * STEP_S <= FRAGMENT_S + 2 * STEP_S
    recorder.stop("stopped")
    source.close()


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_other_parameter_sets_begin_another_segment(tmp_path: Path, codec: str) -> None:
    """A camera that changes its resolution in mid-stream: every picture can be decoded."""
    before = Recipe(codec, 20, 10, container="ts")
    after = replace(before, size=(96, 64))
    first, second = Replay(encoded(before)), Replay(encoded(after))
    info, packets = replayed(first)
    _, others = replayed(second)
    ahead = packets[-1].dts + STEP - others[0].dts
    passed = packets[-1].monotonic_us - others[0].monotonic_us + round(STEP_S * SECOND)
    moved = [
        replace(
            p,
            pts=p.pts + ahead,
            dts=p.dts + ahead,
            arrival=later(p.arrival, passed / SECOND),
            monotonic_us=p.monotonic_us + passed,
        )
        for p in others
    ]
    recorder = Recorder(tmp_path, CAMERA, first.clock, segment_s=60)
    fed(recorder, info, packets + moved)
    recorder.stop("stopped")
    first.close()
    second.close()
    found = indexes(tmp_path)
    assert [(s.head.width, s.head.height) for s in found] == [before.size, after.size]
    assert [s.end.reason for s in found if s.end] == ["parameters_changed", "stopped"]
    assert len({s.head.run for s in found}) == 1, "media times can still be compared"
    sizes = [frame.size for frame in frames(everything(tmp_path))]
    assert sizes == [before.size] * 20 + [after.size] * 20
    gops = everything(tmp_path)
    assert {g.head.width for g in alike(gops, gops[-1].at)} == {after.size[0]}


def test_the_same_parameter_sets_again_change_nothing(tmp_path: Path) -> None:
    """Cameras repeat them before every key frame."""
    source = Replay(encoded(Recipe(count=60, gop=5, container="ts")))
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source)
    (segment,) = indexes(tmp_path)
    assert len(segment.gops) == 12


class Stepped(Replay):
    """The server's clock is set by `by_s` before packet `at`."""

    by_s = 0.0
    at = 13

    def _stamped(self, n: int, packet: "object") -> Packet:
        if n == self.at:
            self.clock.step(self.by_s)
        return super()._stamped(n, packet)  # type: ignore[arg-type]


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 0.5, -1.6])
def test_a_step_of_the_clock_is_a_fact_and_begins_a_segment(tmp_path: Path, by_s: float) -> None:
    """Invariant T2: one segment has one clock; the group in which it was set keeps the old time."""
    source = Stepped(encoded(Recipe(count=40, gop=10)))
    source.by_s = by_s
    start = source.clock.now()
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source)
    found = sorted(indexes(tmp_path), key=lambda s: s.gops[0].pictures[0].pts)
    assert [s.end.reason for s in found if s.end] == ["clock_stepped", "disconnected"]
    gops = [gop for segment in found for gop in segment.gops]
    told = [piece.step_us for gop in gops for piece in gop.pieces]
    assert told == [0, round(by_s * SECOND), 0, 0]
    at = [(gop.at - start) / SECOND for gop in gops]
    assert at == pytest.approx([0, 1, 2 + by_s, 3 + by_s])
    assert len({s.head.run for s in found}) == 1


@pytest.mark.parametrize("by_s", [0.0, 0.09, -0.09])
def test_what_ntp_slews_is_no_step(tmp_path: Path, by_s: float) -> None:
    """Clocks that are kept right creep; that is what the threshold is for."""
    assert abs(by_s) < CLOCK_STEP_S
    source = Stepped(encoded(Recipe(count=40, gop=10)))
    source.by_s = by_s
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source)
    (segment,) = indexes(tmp_path)
    assert [p.step_us for g in segment.gops for p in g.pieces] == [0, 0, 0, 0]


def test_a_step_between_two_runs_is_told_too(tmp_path: Path) -> None:
    """The clock is set while the camera is away: the next footage says so."""
    clock = SimulatedClock()
    recorder = Recorder(tmp_path, CAMERA, clock, segment_s=60)
    record(recorder, Replay(encoded(SMALL), clock))
    clock.sleep(30)
    clock.step(-7)
    record(recorder, Replay(encoded(SMALL), clock))
    told = [p.step_us for s in indexes(tmp_path) for g in s.gops for p in g.pieces]
    assert sorted(told) == [-7 * SECOND, 0, 0, 0]


def test_a_name_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    """A clock that is set back to the very microsecond overwrites nothing."""
    clock = SimulatedClock()
    for _ in range(3):
        source = Replay(encoded(SMALL), clock)
        record(Recorder(tmp_path, CAMERA, clock, segment_s=60), source)
        clock.step(-2)
    found = indexes(tmp_path)
    first = SimulatedClock().now()
    assert [int(s.head.path.name) - first for s in found] == [0, 1, 2]
    assert all(load(s.gops) for s in found)


def test_a_group_in_which_the_clock_was_set_back_stays_in_order() -> None:
    """Guesses are compared on the monotonic clock: a step moves none of them."""
    clip = Replay(encoded(SMALL))
    _, packets = replayed(clip)
    clip.close()
    group = packets[:10]
    late = [replace(p, arrival=Instant(p.arrival - 3600 * SECOND)) for p in group[4:]]
    assert gop_start([*group[:4], *late], 1 / 90_000) == group[0].arrival


def test_cameras_change_files_at_different_times(tmp_path: Path) -> None:
    """The first segment is shorter, by the camera's name; the others are whole."""
    phases = {phase_of(CameraId(f"camera-{n}")) for n in range(40)}
    assert len(phases) == 8
    assert min(phases) == 1 / 8
    assert max(phases) == 1
    source = Replay(encoded(Recipe(count=100, gop=5)))
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=4, phase=0.25), source)
    starts = [s.gops[0].at for s in indexes(tmp_path)]
    assert [(b - a) / SECOND for a, b in pairwise(starts)] == [1, 4, 4]


def test_below_the_floor_nothing_is_written(tmp_path: Path) -> None:
    """What is left of a full disk belongs to the database and the log."""
    source = Replay(encoded(SMALL))
    info, packets = replayed(source)
    recorder = Recorder(tmp_path, CAMERA, source.clock, segment_s=60, floor_bytes=1 << 60)
    recorder.start(info)
    with pytest.raises(DiskFull):
        recorder.write(packets[0])
    assert not recorder.recording
    assert list(tmp_path.rglob("*.mp4")) == []
    source.close()


def test_the_quality_of_the_clock_is_kept(tmp_path: Path) -> None:
    """Whoever doubts a time can look at what the time service said then."""
    clock = SimulatedClock(trust=ClockQuality(synchronised=False, error_us=16_000_000))
    record(Recorder(tmp_path, CAMERA, clock, segment_s=60), Replay(encoded(SMALL), clock))
    (segment,) = indexes(tmp_path)
    assert segment.head.quality == clock.trust


def test_a_camera_with_a_wrong_date_is_measured_not_corrected(tmp_path: Path) -> None:
    """Its own clock moves no time of ours."""

    class Wrong(Replay):
        def _stamped(self, n: int, packet: "object") -> Packet:
            told = super()._stamped(n, packet)  # type: ignore[arg-type]
            ahead = 86_400 * SECOND + (5_000_000 if n == 7 else 0)
            return replace(told, camera_time=Instant(told.arrival + ahead))

    source = Wrong(encoded(SMALL))
    start = source.clock.now()
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source)
    gops = everything(tmp_path)
    assert gops[0].at == start
    # One picture is 5 s off: the middle does not move, the doubt does.
    assert camera_offset(gops) == Offset(86_400 * SECOND, 2_500_000)


def test_an_index_of_the_first_version_is_read(tmp_path: Path) -> None:
    """What was recorded before is evidence still."""
    source = Replay(encoded(SMALL))
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source)
    (path,) = tmp_path.rglob("*.idx")
    text = path.read_text()
    for field in (
        '"step_us":0,',
        '"guessed":0,',
        ',"sounds":[]',
        '"audio":null,',
        '"synchronised":true,',
        '"clock_error_us":1000,',
    ):
        assert field in text
        text = text.replace(field, "")
    old = path.with_name("1.idx")
    old.write_text(text.replace('"version":2', '"version":1'))
    segment = read_index(old)
    assert segment is not None
    assert [len(gop.pictures) for gop in segment.gops] == [10, 10]
    assert segment.head.quality == ClockQuality()
    assert segment.end is not None
    assert segment.end.sha256 == sha256_file(path.with_suffix(".mp4"))[0]
