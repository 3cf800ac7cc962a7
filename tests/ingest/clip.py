"""Tiny coded clips in which every picture is known, and a camera that replays them."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import av
import numpy as np
from av.container import InputContainer

from ingest.clock import SimulatedClock
from ingest.errors import CameraError, CameraUnreachable
from ingest.packet import Packet, StreamInfo
from ingest.recorder import Recorder
from ingest.segments import Gop, Segment, Segments, read_index
from vision.frame import CameraId, Image, Instant

CAMERA = CameraId("gate")
BASE = Fraction(1, 90_000)
"""The time base of RTP video, which every clip here has."""
STEP = 9_000
"""Ticks between pictures: 10 in a second."""
STEP_S = 0.1
FAR = Instant(1 << 60)
LIBRARIES = {"h264": "libx264", "hevc": "libx265"}


@dataclass(frozen=True)
class Recipe:
    """What is encoded: `count` pictures, a key frame every `gop` of them.

    MP4 holds H.264 as recorders' files do, with lengths; TS as cameras send it, with start codes.
    """

    codec: str = "h264"
    count: int = 30
    gop: int = 10
    b_frames: int = 0
    open_gop: bool = False
    container: str = "mp4"
    size: tuple[int, int] = (64, 48)
    movflags: str = ""
    created: str = ""


def drawn(n: int, size: tuple[int, int]) -> Image:
    """Picture `n`: a block whose place and brightness no neighbour has."""
    image = np.full((size[1], size[0], 3), 40 + n * 11 % 120, np.uint8)
    left, top = n * 7 % (size[0] - 15), n * 5 % (size[1] - 15)
    image[top : top + 16, left : left + 16] = 250 - n % 60
    return image


@lru_cache(maxsize=64)
def encoded(recipe: Recipe) -> bytes:
    """The bytes of a whole file."""
    with NamedTemporaryFile() as target:
        # A name, because `faststart` opens the file a second time.
        _encode(recipe, Path(target.name))
        return Path(target.name).read_bytes()


def _encode(recipe: Recipe, target: Path) -> None:
    options = {"movflags": recipe.movflags} if recipe.movflags else {}
    form = {"ts": "mpegts", "mkv": "matroska"}.get(recipe.container, recipe.container)
    with av.open(str(target), "w", format=form, options=options) as container:
        if recipe.created:
            container.metadata["creation_time"] = recipe.created
        stream = container.add_stream(LIBRARIES[recipe.codec], rate=10)
        stream.width, stream.height = recipe.size
        stream.pix_fmt = "yuv420p"
        avi = recipe.container == "avi"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 10) if avi else BASE
        stream.codec_context.thread_count = 1
        keys = f"keyint={recipe.gop}:min-keyint={recipe.gop}:scenecut=0:bframes={recipe.b_frames}"
        extra = ":b-adapt=0"
        if recipe.codec == "hevc":
            extra += f":open-gop={int(recipe.open_gop)}:pools=none:frame-threads=1:log-level=error"
        stream.codec_context.options = {
            "preset": "ultrafast",
            f"{LIBRARIES[recipe.codec][3:]}-params": keys + extra,
        }
        for n in range(recipe.count):
            frame = av.VideoFrame.from_ndarray(drawn(n, recipe.size), "bgr24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = n if avi else n * STEP
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def shown(media: bytes | Path) -> list[tuple[Fraction, Image]]:
    """What a player shows of a file: times in seconds from its zero, and pictures."""
    source = io.BytesIO(media) if isinstance(media, bytes) else str(media)
    with av.open(source, "r") as container:
        return [
            (frame.pts * frame.time_base, frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        ]


def unwarped(n: int) -> int:
    """A media clock that runs as it should."""
    return 0


def prompt(n: int) -> float:
    """A network without delay."""
    return 0.0


@dataclass
class Replay:
    """A `PacketSource` that plays a clip once, in simulated time, and then fails with `fails`.

    Attributes:
        shift: ticks added to every time stamp.
        warp: further ticks added to those of packet `n`.
        lag_s: network delay of packet `n`.
        damage: makes other bytes of packet `n`'s.
    """

    media: bytes
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    shift: int = 0
    warp: Callable[[int], int] = unwarped
    lag_s: Callable[[int], float] = prompt
    damage: Callable[[int, bytes], bytes] = lambda _, data: data
    fails: CameraError = field(default_factory=lambda: CameraUnreachable(camera="gate"))
    _container: InputContainer | None = None

    def open(self) -> StreamInfo:
        self._container = av.open(io.BytesIO(self.media))
        return StreamInfo.of(self._container.streams.video[0])

    def packets(self) -> Iterator[Packet]:
        assert self._container is not None
        received = (p for p in self._container.demux(video=0) if p.size)
        for n, packet in enumerate(received):
            yield self._stamped(n, packet)
            self.clock.sleep(float((packet.duration or 0) * packet.time_base) or STEP_S)
        raise self.fails

    def _stamped(self, n: int, packet: "av.Packet") -> Packet:
        late_us = round(self.lag_s(n) * 1_000_000)
        moved = self.shift + self.warp(n)
        return Packet(
            data=self.damage(n, bytes(packet)),
            pts=packet.pts + moved,
            dts=packet.dts + moved,
            duration=packet.duration or STEP,
            key=packet.is_keyframe,
            arrival=Instant(self.clock.now() + late_us),
            monotonic_us=self.clock.monotonic_us() + late_us,
            camera_time=None,
        )

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None


def replayed(source: Replay) -> tuple[StreamInfo, list[Packet]]:
    """Every packet of a source at once; it stays open, so that the template is valid."""
    info = source.open()
    packets: list[Packet] = []
    try:
        for packet in source.packets():
            packets.append(packet)
    except CameraError:
        return info, packets
    raise AssertionError


def record(recorder: Recorder, source: Replay, reason: str = "disconnected") -> None:
    """One run of a recorder, from the connection to its end."""
    try:
        recorder.start(source.open())
        for packet in source.packets():
            recorder.write(packet)
    except CameraError:
        recorder.stop(reason)
    finally:
        source.close()


def recorded(root: Path, source: Replay, *, segment_s: float = 60.0) -> list[Gop]:
    """The GOPs that one run leaves below `root`."""
    record(Recorder(root, CAMERA, source.clock, segment_s=segment_s), source)
    return everything(root)


def everything(root: Path) -> list[Gop]:
    """All GOPs below `root`."""
    return Segments(root).read(CAMERA, Instant(0), FAR)


def indexes(root: Path) -> list[Segment]:
    """All segments below `root` by their start, those without a whole first line left out."""
    paths = sorted((root / CAMERA).glob("*/*.idx"))
    return [segment for path in paths if (segment := read_index(path)) is not None]
