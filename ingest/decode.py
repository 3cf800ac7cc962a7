"""Packets into frames: the only place where pictures are decoded."""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from statistics import median_low
from typing import TypeAlias

import av
import numpy as np
from av.codec import CodecContext
from av.packet import Packet as _AvPacket
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ingest.errors import BrokenMedia
from ingest.packet import Packet, StreamInfo
from ingest.segments import Gop, by_segment, load
from vision.frame import SECOND, CameraId, Frame, Instant, Luma, later, seconds_between

AvPacket: TypeAlias = "_AvPacket[VideoStream]"
Size: TypeAlias = tuple[int, int]
"""`(width, height)` in pixels."""
_USUAL_STEPS = 15
"""Steps between packets of which the median is the usual one: half a second of a camera."""
_LOSS_STEPS = 1.6
"""A step so many times the usual one has a picture missing; rates that change stay below, and are
the usual one half a second later."""
_LUMA_FIRST = frozenset({"yuv420p", "yuvj420p"})
"""What cameras send as a rule; other formats are turned into the first."""
_LONG_GOP_S = 2.2
"""Key frames that are further apart are too few to look at alone; `liuhen camera check` warns."""
_LATE_S = 0.001
"""A frame that comes a clock tick early for its turn is taken, not the next one."""


def to_frame(camera: CameraId, at: Instant, picture: VideoFrame) -> Frame:
    """A decoded picture as vision wants it: BGR, full size."""
    return Frame(camera, at, picture.to_ndarray(format="bgr24").astype(np.uint8, copy=False))


def to_small_frame(camera: CameraId, at: Instant, picture: VideoFrame, size: Size) -> Frame:
    """A decoded picture in BGR of `size` only, made by averaging areas, and its luma in full size.

    A live camera is looked at for less than half of what `to_frame` and shrinking take.
    """
    small = picture.reformat(*size, format="bgr24", interpolation="AREA").to_ndarray()
    return Frame(camera, at, small.astype(np.uint8, copy=False), _luma(picture))


def _luma(picture: VideoFrame) -> Luma:
    """A view of the decoder's own plane where that is 8-bit luma."""
    if picture.format.name not in _LUMA_FIRST:
        picture = picture.reformat(format="yuv420p")
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: picture.height, : picture.width]


class Turns:
    """Picks frames by time: one in `every_s` seconds, the first at once; 0 takes every frame."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._due: Instant | None = None

    def take(self, at: Instant) -> bool:
        """Whether the frame of `at` is wanted; a jump back in time starts anew."""
        due = self._due
        if due is not None and due - self._every_s * 2 * SECOND <= at < due - _LATE_S * SECOND:
            return False
        self._due = later(at, self._every_s)
        return True


def frames(
    gops: Iterable[Gop], *, every_s: float = 0.0, lull: tuple[Instant, Instant] | None = None
) -> Iterator[Frame]:
    """The pictures of recorded GOPs in order, thinned to one in `every_s` seconds.

    Of a GOP that lies within `lull` only the key frame is decoded, unless it is long. Pictures that
    the decoder refuses or marks as damaged are left out.

    Raises:
        FootageAltered: bytes differ from what was recorded.
        BrokenMedia: a segment cannot be opened.
    """
    turns = Turns(every_s)
    for batch in by_segment(gops):
        wall = partial(_wall, batch)
        for at, picture in _pictures(load(batch), wall, partial(_is_within, lull)):
            if turns.take(at):
                yield to_frame(batch[0].head.camera, at, picture)


def _wall(batch: Sequence[Gop], pts: int, time_base: Fraction) -> tuple[Gop, Instant]:
    """The GOP of `batch` to which a media time of its file belongs, and its wall time."""
    head = batch[0].head
    run_pts = round(pts * time_base / head.time_base) + head.first_dts
    gop = next((g for g in reversed(batch) if g.pictures[0].pts <= run_pts), batch[0])
    return gop, gop.wall(run_pts)


def _is_within(lull: tuple[Instant, Instant] | None, gop: Gop) -> bool:
    """Whether the key frame of `gop` is enough."""
    if lull is None or seconds_between(gop.at, gop.end) > _LONG_GOP_S:
        return False
    return lull[0] < gop.at and gop.end < lull[1]


def _pictures(
    data: bytes,
    wall: Callable[[int, Fraction], tuple[Gop, Instant]],
    key_is_enough: Callable[[Gop], bool],
) -> Iterator[tuple[Instant, VideoFrame]]:
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                if packet.pts is not None:
                    skips = key_is_enough(wall(packet.pts, packet.time_base)[0])
                    stream.codec_context.skip_frame = "NONKEY" if skips else "DEFAULT"
                for picture in _decoded(packet):
                    if picture.pts is not None and picture.time_base and not picture.is_corrupt:
                        yield wall(picture.pts, picture.time_base)[1], picture
    except av.error.FFmpegError as error:
        raise BrokenMedia(name="segment", detail=error.strerror or "?") from error


def _decoded(packet: AvPacket) -> list[VideoFrame]:
    try:
        return packet.decode()
    except av.error.InvalidDataError:
        # Lost on the way from the camera: the decoder goes on at the next picture that it can read.
        return []


class LiveDecoder:
    """Decodes a running stream just enough for one look in `look_s` seconds.

    `damaged` counts the pictures that were due and that the decoder refused or marked as damaged,
    and the losses that only the times of the packets show: something was lost on the way from the
    camera. What follows would be smeared, so nothing is decoded until the next key frame.

    Frames have an image of the size that `reduced` makes of a picture's, and its luma.

    Where key frames come at least that often, only they are decoded. Where they are further
    apart everything is, at the cost that docs/design/detection.md states.
    """

    def __init__(
        self,
        camera: CameraId,
        info: StreamInfo,
        *,
        look_s: float,
        reduced: Callable[[Size], Size],
    ) -> None:
        self._camera = camera
        self._reduced = reduced
        self._info = info
        self._look_s = look_s
        self.damaged = 0
        self._turns = Turns(look_s)
        self._codec: VideoCodecContext | None = None
        self._last_key: Packet | None = None
        self._sparse = False
        self._last_dts: int | None = None
        self._steps: deque[int] = deque(maxlen=_USUAL_STEPS)

    def decode(self, packet: Packet) -> list[Frame]:
        """Frames that are due; most often none. Damaged packets give none."""
        lost = self._sparse and self._follows_a_loss(packet)
        if packet.key:
            self._judge_spacing(packet)
        elif not self._sparse or self._codec is None:
            return []
        elif lost:
            # FFmpeg conceals a picture that never came and marks none of those that refer to it.
            self._codec = None
            self.damaged += 1
            return []
        if self._codec is None:
            self._codec = self._new_codec()
        return self._due(self._codec, packet)

    def _follows_a_loss(self, packet: Packet) -> bool:
        """Whether the step from the packet before is far above the usual one."""
        last, self._last_dts = self._last_dts, packet.dts
        if last is None or packet.dts <= last:
            return False
        step, known = packet.dts - last, len(self._steps) == _USUAL_STEPS
        usual = median_low(self._steps) if known else step
        self._steps.append(step)
        return step > _LOSS_STEPS * usual

    def _judge_spacing(self, key: Packet) -> None:
        if self._last_key is not None:
            spacing = (key.dts - self._last_key.dts) * float(self._info.time_base)
            self._sparse = spacing > self._look_s + 1.0
        self._last_key = key

    def _new_codec(self) -> VideoCodecContext:
        codec = CodecContext.create(self._info.codec, "r")
        assert isinstance(codec, VideoCodecContext)  # noqa: S101  both codecs are video
        codec.extradata = self._info.extradata or None
        # A frame must come out with its own packet: no frame threads.
        codec.thread_type = "SLICE"
        return codec

    def _due(self, codec: VideoCodecContext, packet: Packet) -> list[Frame]:
        coded = av.Packet(packet.data)
        coded.pts = coded.dts = packet.pts
        coded.time_base = self._info.time_base
        try:
            pictures = codec.decode(coded)
            if not self._sparse:
                # Drained for its one picture, it takes no other before it is flushed.
                pictures += codec.decode(None)
                codec.flush_buffers()
        except av.error.FFmpegError:
            # Packet loss: the next key frame starts afresh. The recording holds what came.
            self._codec = None
            self.damaged += 1
            return []
        self.damaged += sum(picture.is_corrupt for picture in pictures)
        return [
            self._frame(packet.arrival, picture)
            for picture in pictures
            if not picture.is_corrupt and self._turns.take(packet.arrival)
        ]

    def _frame(self, at: Instant, picture: VideoFrame) -> Frame:
        size = self._reduced((picture.width, picture.height))
        return to_small_frame(self._camera, at, picture, size)
