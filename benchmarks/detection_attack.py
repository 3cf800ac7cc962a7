"""A real clip that was reversed, dimmed, switched to infrared, shaken, thinned out or compressed.

    python -m benchmarks.detection --attack --media DIR --settle 2 [--answers FILE] [--json FILE]

Every variation keeps the ground truth: what was put down is put down in it too, or, reversed, is
taken away. It is done on decoded pictures, five in a second; the codecs compress those again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from benchmarks.footage import Frames
from ingest.decode import Turns
from vision.frame import SECOND, Image, Instant
from vision.lookback import LOOKBACK_FPS

_DIM_S = 20.0
"""A cloud: the light falls to 60 % in so long."""
_STEP = 1.3
"""An exposure step of four tenths of a stop, at half of the clip."""
_NOISE_LEVELS = 6.0
"""Standard deviation, that of a cheap sensor at dusk."""
_SHAKE_PX = 5
"""A pole in the wind; shared media README: 5 to 20 px."""
_HELD_S = 30.0
"""A recorder that repeats its last picture; three times the settle time of a street."""
HELD_SETTLE_S = 10.0
"""That of a street, for pictures of which the last is held."""
_CRF = "28"
"""Constant rate factor of a camera that saves room; edges ring visibly."""


@dataclass(frozen=True, slots=True)
class Attack:
    """A variation.

    Attributes:
        apply: gets the pictures and the second of the deed, or of the middle where there is none.
        reverses: what was put down is taken away in it.
        settle_s: the settle time that it needs, if another than asked for.
    """

    name: str
    apply: Callable[[Frames, float], Frames]
    reverses: bool = False
    settle_s: float | None = None


def held(frames: Frames) -> Frames:
    """The pictures with the last one repeated at their own pace."""
    end_s, image = frames[-1]
    pace_s = float(np.median(np.diff([second for second, _ in frames])))
    more = range(1, round(_HELD_S / pace_s) + 1)
    return [*frames, *((end_s + n * pace_s, image) for n in more)]


def _each(change: Callable[[Image, float], Image]) -> Callable[[Frames, float], Frames]:
    """`change` gets a picture and its second."""
    return lambda frames, _: [(s, change(image, s)) for s, image in frames]


def _from(
    change: Callable[[Image], Image], start_s: Callable[[float, float], float]
) -> Callable[[Frames, float], Frames]:
    """`change` from a second on, which `start_s` tells from those of the deed and of the end."""

    def apply(frames: Frames, deed_s: float) -> Frames:
        start = start_s(deed_s, frames[-1][0])
        return [(s, change(image) if s > start else image) for s, image in frames]

    return apply


def _lit(image: Image, factor: float) -> Image:
    return cv2.convertScaleAbs(image, alpha=factor).astype(np.uint8, copy=False)


def _grey(image: Image) -> Image:
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)


def _noisy(image: Image, second: float) -> Image:
    rng = np.random.default_rng(round(second * 1000))
    noise = rng.normal(0, _NOISE_LEVELS, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _shaken(image: Image, second: float) -> Image:
    rng = np.random.default_rng(round(second * 1000))
    dx, dy = rng.uniform(-_SHAKE_PX, _SHAKE_PX, 2)
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = image.shape[1], image.shape[0]
    moved = cv2.warpAffine(image, move, size, borderMode=cv2.BORDER_REFLECT)
    return moved.astype(np.uint8, copy=False)


def _clocked(image: Image, second: float) -> Image:
    image = image.copy()
    text = f"2026-05-14 08:{second / 60:02.0f}:{second % 60:02.0f}"
    cv2.putText(image, text, (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    return image


def _reversed(frames: Frames, _: float) -> Frames:
    end_s = frames[-1][0]
    return [(end_s - seconds, image) for seconds, image in reversed(frames)]


def _thinned(every_s: float) -> Callable[[Frames, float], Frames]:
    def apply(frames: Frames, _: float) -> Frames:
        turns = Turns(every_s)
        return [frame for frame in frames if turns.take(Instant(round(frame[0] * SECOND)))]

    return apply


def _recoded(library: str, gop_s: float) -> Callable[[Frames, float], Frames]:
    """Compressed as a camera does, with a key frame in every `gop_s` seconds, and decoded."""

    def apply(frames: Frames, _: float) -> Frames:
        file = BytesIO()
        _compress(frames, file, library, round(gop_s * LOOKBACK_FPS))
        file.seek(0)
        with av.open(file, "r") as container:
            images = [
                picture.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                for picture in container.decode(video=0)
            ]
        return [(second, image) for (second, _), image in zip(frames, images, strict=True)]

    return apply


def _compress(frames: Frames, file: BytesIO, library: str, gop: int) -> None:
    height, width = frames[0][1].shape[:2]
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(library, rate=round(LOOKBACK_FPS))
        assert isinstance(stream, VideoStream)
        # Chroma is kept at half the size: the last odd row and column have none.
        stream.width, stream.height, stream.pix_fmt = width & ~1, height & ~1, "yuv420p"
        quiet = {"x265-params": "log-level=error"} if library == "libx265" else {}
        stream.options = {"crf": _CRF, "preset": "veryfast", "g": str(gop), "bf": "0", **quiet}
        for _, image in frames:
            even = np.ascontiguousarray(image[: height & ~1, : width & ~1])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="bgr24")))
        container.mux(stream.encode(None))


ATTACKS = (
    Attack("plain", lambda frames, _: frames),
    Attack("reversed", _reversed, reverses=True),
    Attack("dimming", _each(lambda i, s: _lit(i, 1 - 0.4 * min(1.0, s / _DIM_S)))),
    Attack("exposure step", _from(lambda i: _lit(i, _STEP), lambda _, end: end / 2)),
    Attack("noise", _each(_noisy)),
    Attack("grey throughout", _each(lambda i, _: _grey(i))),
    Attack("to grey before the deed", _from(_grey, lambda deed, _: deed / 2)),
    Attack("to grey during the deed", _from(_grey, lambda deed, _: deed)),
    Attack("to grey after the deed", _from(_grey, lambda deed, end: (deed + end) / 2)),
    Attack("shake", _each(_shaken)),
    Attack("clock", _each(_clocked)),
    Attack("2 a second", _thinned(0.5)),
    Attack("1 a second", _thinned(1.0)),
    Attack("1 in 2 s", _thinned(2.0)),
    Attack("last picture held", lambda frames, _: held(frames)),
    Attack("held, settle 10 s", lambda frames, _: held(frames), settle_s=HELD_SETTLE_S),
    Attack("H.264, a key frame in 2 s", _recoded("libx264", 2.0)),
    Attack("H.264, a key frame in 10 s", _recoded("libx264", 10.0)),
    Attack("H.265, a key frame in 2 s", _recoded("libx265", 2.0)),
    Attack("H.265, a key frame in 10 s", _recoded("libx265", 10.0)),
)
"""The variations, cheapest to read first; `plain` shows what there is to lose."""
