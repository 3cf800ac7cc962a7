"""Compresses scenes as cameras do: no B frames, no delay, a key frame every `gop_s` seconds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from service.demo.scene import Scene
from service.demo.street import render
from vision.frame import SECOND, Image, Instant

Codec = Literal["h264", "hevc"]

CLOCK_RATE = 90_000
"""Ticks per second of video time stamps (RFC 6184 and RFC 7798, section 7.1 of each)."""

_LIBRARIES = {"h264": "libx264", "hevc": "libx265"}

_QUALITY = {"h264": "24", "hevc": "26"}
"""Constant rate factors at which the paving survives; about 0.4 Mbit/s at 640x360."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One compressed picture in Annex B form, parameter sets in front of every key frame."""

    data: bytes
    key: bool
    pts_s: float


@dataclass(frozen=True, slots=True)
class Format:
    """How a scene is compressed: codec, frames per second, seconds between key frames."""

    codec: Codec = "h264"
    fps: float = 12.5
    gop_s: float = 1.0

    @property
    def rate(self) -> Fraction:
        """`fps` as encoders want it; 1001 serves NTSC rates."""
        return Fraction(self.fps).limit_denominator(1001)


STREET = Format()
"""What the sub-stream of a common street camera sends."""


class Encoder:
    """Turns pictures of one size into access units, one for one."""

    def __init__(self, size: tuple[int, int], form: Format) -> None:
        library = _LIBRARIES[form.codec]
        self._context = cast(VideoCodecContext, av.CodecContext.create(library, "w"))
        _prepare(self._context, size, form)

    def encode(self, image: Image, pts_s: float) -> Iterator[AccessUnit]:
        """The units of `image` (`(H, W, 3)` uint8 BGR), shown at `pts_s`: exactly one."""
        for packet in self._context.encode(_frame(image, pts_s)):
            yield AccessUnit(bytes(packet), packet.is_keyframe, pts_s)


def encode(path: Path, scene: Scene, seconds: float, form: Format, *, start_s: float = 0.0) -> Path:
    """Write `seconds` of `scene` from `start_s` on as an MP4 file at `path`, and return `path`.

    The first frame has time 0 in the file.
    """
    return _write(path, scene, (start_s, start_s + seconds), form, {})


def encode_recorder_file(
    path: Path, scene: Scene, seconds: float, form: Format, *, began: Instant
) -> Path:
    """As `encode`, with `began` as the file's creation time: what a body-worn recorder writes."""
    at = datetime.fromtimestamp(began / SECOND, UTC)
    stamp = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return _write(path, scene, (0.0, seconds), form, {"creation_time": stamp})


def _write(
    path: Path, scene: Scene, span_s: tuple[float, float], form: Format, metadata: dict[str, str]
) -> Path:
    """Render, compress and mux the frames of `span_s`."""
    start_s, end_s = span_s
    with av.open(path, "w", format="mp4") as container:
        container.metadata.update(metadata)
        stream = cast(VideoStream, container.add_stream(_LIBRARIES[form.codec], rate=form.rate))
        _prepare(stream.codec_context, scene.size, form)
        for index in range(round((end_s - start_s) * form.rate)):
            pts_s = float(index / form.rate)
            container.mux(stream.encode(_frame(render(scene, start_s + pts_s), pts_s)))
        container.mux(stream.encode(None))
    return path


def _prepare(context: VideoCodecContext, size: tuple[int, int], form: Format) -> None:
    """Set what both the file and the live encoder need."""
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.framerate = form.rate
    context.time_base = Fraction(1, CLOCK_RATE)
    gop = max(1, round(form.gop_s * form.rate))
    context.gop_size = gop
    # One thread: the machine is shared, and slices in parallel would add nothing at this size.
    context.thread_count = 1
    options = {"preset": "superfast", "tune": "zerolatency", "crf": _QUALITY[form.codec]}
    if form.codec == "hevc":
        options["preset"] = "ultrafast"
        options["x265-params"] = (
            f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:pools=none:frame-threads=1:"
            "log-level=error"
        )
    else:
        options["x264-params"] = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0"
    context.options = options


def _frame(image: Image, pts_s: float) -> av.VideoFrame:
    """A picture as encoders take it; OpenCV converts colours faster than the encoder's border."""
    planes = cast(npt.NDArray[np.uint8], cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420))
    frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
    frame.time_base = Fraction(1, CLOCK_RATE)
    frame.pts = round(pts_s * CLOCK_RATE)
    return frame
