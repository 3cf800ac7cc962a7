"""The writer's backlog: a slow disk costs memory, then footage, and never the reader's time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ingest.errors import DiskFull
from ingest.packet import Packet, StreamInfo
from ingest.recorder import Recorder
from ingest.writer import Loss, SegmentWriter
from tests.ingest.clip import (
    CAMERA,
    STEP_S,
    Recipe,
    Replay,
    encoded,
    everything,
    indexes,
    replayed,
)

CLIP = Recipe(count=200, gop=10, container="ts")


class SlowRecorder(Recorder):
    """A recorder whose disk does nothing until it is let go."""

    def hold(self) -> "SlowRecorder":
        self.reached, self.go = threading.Event(), threading.Event()
        return self

    def write(self, packet: Packet) -> bool:
        self.reached.set()
        assert self.go.wait(30)
        return super().write(packet)


class FailingRecorder(Recorder):
    """A recorder with another error at its 25th packet."""

    failure: BaseException = DiskFull(path="1", folder="ring")
    count = 0

    def write(self, packet: Packet) -> bool:
        self.count += 1
        if self.count == 25:
            raise self.failure
        return super().write(packet)


@dataclass
class Told:
    """What a writer says."""

    durable: list[Packet] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)


@contextmanager
def writing(recorder: Recorder, limit_bytes: int = 1 << 25) -> Iterator[tuple[SegmentWriter, Told]]:
    told = Told()
    writer = SegmentWriter(
        recorder,
        on_durable=told.durable.append,
        on_loss=told.losses.append,
        limit_bytes=limit_bytes,
    )
    try:
        yield writer, told
    finally:
        writer.close()


@pytest.fixture
def stream() -> Iterator[tuple[StreamInfo, list[Packet]]]:
    source = Replay(encoded(CLIP))
    yield replayed(source)
    source.close()


Stream = tuple[StreamInfo, list[Packet]]


def slow(root: Path) -> SlowRecorder:
    return SlowRecorder(root, CAMERA, Replay(b"").clock, segment_s=60).hold()


def test_a_slow_disk_costs_memory_first(tmp_path: Path, stream: Stream) -> None:
    """The reader hands everything over while the disk stands still; nothing is lost."""
    info, packets = stream
    recorder = slow(tmp_path)
    with writing(recorder) as (writer, told):
        writer.begin(info)
        for packet in packets:
            writer.offer(packet)
        assert recorder.reached.wait(10)
        assert told.durable == []
        recorder.go.set()
        assert writer.drain()
        writer.end("stopped")
    assert told.losses == []
    assert len(told.durable) == 19
    assert sum(len(gop.pictures) for gop in everything(tmp_path)) == 200


def test_a_disk_that_stays_slow_costs_footage_and_says_so(tmp_path: Path, stream: Stream) -> None:
    """What does not fit is a recorded loss from there to the next key frame, and a run's end."""
    info, packets = stream
    recorder = slow(tmp_path)
    room = sum(len(packet.data) for packet in packets[:55])
    with writing(recorder, room) as (writer, told):
        writer.begin(info)
        for packet in packets[:105]:
            writer.offer(packet)
        recorder.go.set()
        writer.drain()
        for packet in packets[105:]:
            writer.offer(packet)
            writer.drain()
        writer.end("stopped")
    (loss,) = told.losses
    kept = [p.pts for gop in everything(tmp_path) for p in gop.pictures]
    missing = [n for n, packet in enumerate(packets) if packet.pts not in kept]
    assert missing == list(range(missing[0], 110)), "one hole that ends at a key frame"
    assert 50 <= missing[0] <= 60
    assert loss.packets == len(missing)
    assert loss.at == packets[missing[0]].arrival
    assert loss.seconds == pytest.approx(len(missing) * STEP_S)
    assert [s.end.reason for s in indexes(tmp_path) if s.end] == ["overrun", "stopped"]
    assert indexes(tmp_path)[1].head.predecessor_end == "overrun"


def test_a_loss_that_is_open_when_the_run_ends_is_told(tmp_path: Path, stream: Stream) -> None:
    """Invariant 8: the camera went while the disk was behind; both are facts."""
    info, packets = stream
    recorder = slow(tmp_path)
    with writing(recorder, sum(len(packet.data) for packet in packets[:55])) as (writer, told):
        writer.begin(info)
        for packet in packets[:105]:
            writer.offer(packet)
        recorder.go.set()
        writer.drain()
        writer.end("disconnected")
    (loss,) = told.losses
    kept = sum(len(gop.pictures) for gop in everything(tmp_path))
    assert loss.packets == 105 - kept
    assert [s.end.reason for s in indexes(tmp_path) if s.end] == ["overrun"]


def test_sound_does_not_end_a_loss(tmp_path: Path, stream: Stream) -> None:
    """Every piece of sound is a key of its own track; pictures need one of theirs."""
    info, packets = stream
    recorder = slow(tmp_path)
    with writing(recorder, sum(len(packet.data) for packet in packets[:55])) as (writer, told):
        writer.begin(info)
        for packet in packets[:63]:
            writer.offer(packet)
        recorder.go.set()
        writer.drain()
        writer.offer(replace(packets[63], track="audio", key=True, data=b"tone"))
        for packet in packets[63:]:
            writer.offer(packet)
            writer.drain()
        writer.end("stopped")
    (loss,) = told.losses
    kept = sum(len(gop.pictures) for gop in everything(tmp_path))
    assert loss.packets == len(packets) - kept + 1


def test_a_full_disk_ends_the_run_at_the_reader(tmp_path: Path, stream: Stream) -> None:
    """The reader learns it with one of the next packets; the next run begins afresh."""
    info, packets = stream
    recorder = FailingRecorder(tmp_path, CAMERA, Replay(b"").clock, segment_s=60)
    with writing(recorder) as (writer, _):
        writer.begin(info)
        for packet in packets[:30]:
            writer.offer(packet)
        assert writer.drain()
        with pytest.raises(DiskFull):
            writer.offer(packets[30])
        with pytest.raises(DiskFull):
            writer.end("disk_full")
        assert not writer.drain()
        writer.begin(info)
        for packet in packets[30:50]:
            writer.offer(packet)
        writer.end("stopped")
    kept = [p.pts for gop in everything(tmp_path) for p in gop.pictures]
    assert kept == [p.pts for p in [*packets[:20], *packets[30:50]]]


def test_a_bug_in_the_writer_is_not_swallowed(tmp_path: Path, stream: Stream) -> None:
    """The process must end and be started again, not record nothing for ever."""
    info, packets = stream
    recorder = FailingRecorder(tmp_path, CAMERA, Replay(b"").clock, segment_s=60)
    recorder.failure = ZeroDivisionError()
    with writing(recorder) as (writer, _):
        writer.begin(info)
        for packet in packets[:30]:
            writer.offer(packet)
        writer.drain()
        with pytest.raises(ZeroDivisionError):
            writer.offer(packets[30])
    assert not recorder.recording
