"""Sound of cameras is recorded where it was asked for, as it came, and never lost in silence."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile

import av
import numpy as np
import pytest

from ingest.clock import SimulatedClock
from ingest.cut import cut
from ingest.decode import frames
from ingest.packet import AudioInfo, Packet, StreamInfo
from ingest.recorder import Recorder
from ingest.segments import Gop, load
from tests.ingest.clip import CAMERA, drawn, everything, indexes
from vision.frame import SECOND, later

RATE = 8000
"""Samples a second, as telephones and cameras have it."""


def media(codec: str, seconds: int) -> bytes:
    """Pictures at 10 a second, a key frame every second, and a tone."""
    with NamedTemporaryFile(suffix=".mov") as target:
        with av.open(target.name, "w", format="mov") as container:
            video = container.add_stream("libx264", rate=10)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            video.codec_context.options = {
                "x264-params": "keyint=10:min-keyint=10:scenecut=0:bframes=0"
            }
            audio = container.add_stream(codec, rate=RATE)
            audio.layout = "mono"
            size = audio.codec_context.frame_size or 800
            for n in range(seconds * 10):
                frame = av.VideoFrame.from_ndarray(drawn(n, (64, 48)), "bgr24")
                frame.pts, frame.time_base = n, Fraction(1, 10)
                container.mux(video.encode(frame))
            for n in range(seconds * RATE // size):
                tone = np.sin(np.arange(n * size, (n + 1) * size) * 2 * np.pi * 440 / RATE)
                kind = "s16" if codec.startswith("pcm") else "fltp"
                data = (tone * 9000).astype(np.int16) if kind == "s16" else tone.astype(np.float32)
                sound = av.AudioFrame.from_ndarray(data[None, :], kind, "mono")
                sound.sample_rate, sound.pts, sound.time_base = RATE, n * size, Fraction(1, RATE)
                container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
            container.mux(video.encode(None))
        return Path(target.name).read_bytes()


@contextmanager
def camera(codec: str, seconds: int) -> Iterator[tuple[StreamInfo, list[Packet]]]:
    """What such a camera sends: both tracks in the order of their times."""
    clock = SimulatedClock()
    with av.open(io.BytesIO(media(codec, seconds))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        info = StreamInfo.of(video, AudioInfo.of(audio))
        coded = [p for p in container.demux(video, audio) if p.size]
        coded.sort(key=lambda p: (p.dts or 0) * p.time_base)
        yield info, [_packet(p, clock, sound=p.stream is audio) for p in coded]


def _packet(coded: "av.Packet", clock: SimulatedClock, *, sound: bool) -> Packet:
    at_us = round((coded.dts or 0) * coded.time_base * SECOND)
    return Packet(
        data=bytes(coded),
        pts=coded.pts or 0,
        dts=coded.dts or 0,
        duration=coded.duration or 0,
        key=coded.is_keyframe,
        arrival=later(clock.now(), at_us / SECOND),
        monotonic_us=at_us,
        camera_time=None,
        track="audio" if sound else "video",
    )


def sounds_of(gops: list[Gop]) -> list[bytes]:
    with av.open(io.BytesIO(load(gops))) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


@pytest.mark.parametrize("codec", ["pcm_alaw", "pcm_mulaw", "aac"])
def test_sound_is_recorded_bit_for_bit(tmp_path: Path, codec: str) -> None:
    """G.711 does not fit into MP4: it is kept all the same, every byte of it."""
    with camera(codec, 6) as (info, packets):
        recorder = Recorder(tmp_path, CAMERA, SimulatedClock(), segment_s=60)
        recorder.start(info)
        for packet in packets:
            recorder.write(packet)
        recorder.stop("stopped")
    (segment,) = indexes(tmp_path)
    assert segment.head.audio == codec
    gops = everything(tmp_path)
    # What came before the first picture belongs to none.
    first = next(n for n, packet in enumerate(packets) if packet.track == "video")
    heard = [p.data for p in packets[first:] if p.track == "audio"]
    assert b"".join(sounds_of(gops)) == b"".join(heard)
    assert [len(gop.pictures) for gop in gops] == [10] * 6
    # Decoding and cutting see the pictures, and where they belong in time.
    assert [round((f.at - gops[0].at) / SECOND, 2) for f in frames(gops)] == [
        n / 10 for n in range(60)
    ]
    made = cut(gops, later(gops[0].at, 2.5), later(gops[0].at, 4), tmp_path / "clip.mp4")
    assert (made.pictures, made.lead_in) == (20, 5)


def test_sound_goes_on_from_file_to_file(tmp_path: Path) -> None:
    """A segment changes at a key frame; sound that is a little older still finds room."""
    with camera("pcm_alaw", 6) as (info, packets):
        # Sound comes a fifth of a second behind its pictures.
        late = [
            (p.monotonic_us + (200_000 if p.track == "audio" else 0), n, p)
            for n, p in enumerate(packets)
        ]
        recorder = Recorder(tmp_path, CAMERA, SimulatedClock(), segment_s=2)
        recorder.start(info)
        for _, _, packet in sorted(late):
            recorder.write(packet)
        recorder.stop("stopped")
    found = indexes(tmp_path)
    assert len(found) == 3
    kept = b"".join(b"".join(sounds_of(list(segment.gops))) for segment in found)
    assert kept == b"".join(p.data for p in packets if p.track == "audio")


def test_without_sound_nothing_says_sound(tmp_path: Path) -> None:
    """Off is the default, and the index says so."""
    with camera("aac", 2) as (info, packets):
        recorder = Recorder(tmp_path, CAMERA, SimulatedClock(), segment_s=60)
        recorder.start(StreamInfo.of(info.template))
        for packet in packets:
            if packet.track == "video":
                recorder.write(packet)
        recorder.stop("stopped")
    (segment,) = indexes(tmp_path)
    assert segment.head.audio is None
