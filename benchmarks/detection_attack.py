"""What the dumping rule makes of a real clip that was reversed, dimmed, shaken or thinned out.

    python -m benchmarks.detection --attack --media DIR --settle 3 [--json FILE]

Every variation keeps the ground truth: what was put down is put down in it too, or, reversed, is
taken away. It is done on decoded pictures, five in a second; the codecs compress those again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from ingest.decode import Turns
from ingest.media import pictures
from service.analyze import look_s
from vision.candidate import Candidate
from vision.dumping import LOOKBACK_FPS, attribute, span
from vision.frame import SECOND, CameraId, Frame, Image, Instant, later
from vision.sighting import Sighting, same_act
from vision.watch import Watch, WatchSettings

CAMERA = CameraId("attacked")
_DIM_S = 20.0
"""A cloud: the light falls to 60 % in so long."""
_STEP = 1.3
"""An exposure step of four tenths of a stop, at half of the clip."""
_NOISE_LEVELS = 6.0
"""Standard deviation, that of a cheap sensor at dusk."""
_SHAKE_PX = 5
"""A pole in the wind; shared media README: 5 to 20 px."""
_HELD_S = 30.0
"""A recorder that repeats its last picture."""

_CRF = "28"
"""Constant rate factor of a camera that saves room; edges ring visibly."""

Frames = list[tuple[float, Image]]
"""Seconds from the start, and the picture."""


@dataclass(frozen=True, slots=True)
class Attack:
    """A variation; `reverses` when what was put down is taken away in it."""

    name: str
    apply: Callable[[Frames], Frames]
    reverses: bool = False


def decoded(path: Path, every_s: float = 1 / LOOKBACK_FPS) -> Frames:
    """Pictures of a file, one in `every_s` seconds, damaged ones left out."""
    turns = Turns(every_s)
    return [
        (seconds, picture.to_ndarray(format="bgr24").astype(np.uint8, copy=False))
        for seconds, picture in pictures(path)
        if not picture.is_corrupt and turns.take(later(Instant(0), seconds))
    ]


def candidates(frames: Frames, settings: WatchSettings) -> list[Candidate]:
    """What the watch tells of these pictures."""
    watch, turns = Watch(CAMERA, settings), Turns(look_s(settings))
    return [
        candidate
        for frame in between(frames, 0, 2**62)
        if turns.take(frame.at)
        for candidate in watch.see(frame)
    ]


def findings(frames: Frames, settings: WatchSettings) -> list[Sighting]:
    """What `liuhen analyze` would tell of these pictures, without a detector."""
    told: list[Sighting] = []
    for candidate in candidates(frames, settings):
        found = attribute(candidate, between(frames, *span(candidate)), None)
        if isinstance(found, Sighting) and not any(
            same_act(found.onset, found.box, other.onset, other.box) for other in told
        ):
            told.append(found)
    return told


def between(frames: Frames, start: int, end: int) -> Iterator[Frame]:
    """The pictures of an interval of instants, both ends included, as a camera's frames."""
    for seconds, image in frames:
        at = later(Instant(0), seconds)
        if start <= at <= end:
            yield Frame(CAMERA, at, image.copy())


def _each(change: Callable[[Image, float, float], Image]) -> Callable[[Frames], Frames]:
    """`change` gets a picture, its second and the length of the clip."""
    return lambda frames: [(s, change(image, s, frames[-1][0])) for s, image in frames]


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


def _reversed(frames: Frames) -> Frames:
    end_s = frames[-1][0]
    return [(end_s - seconds, image) for seconds, image in reversed(frames)]


def _held(frames: Frames) -> Frames:
    end_s, image = frames[-1]
    more = range(1, round(_HELD_S * LOOKBACK_FPS) + 1)
    return [*frames, *((end_s + n / LOOKBACK_FPS, image) for n in more)]


def _thinned(every_s: float) -> Callable[[Frames], Frames]:
    def apply(frames: Frames) -> Frames:
        turns = Turns(every_s)
        return [frame for frame in frames if turns.take(Instant(round(frame[0] * SECOND)))]

    return apply


def _recoded(library: str, gop_s: float) -> Callable[[Frames], Frames]:
    """Compressed as a camera does, with a key frame in every `gop_s` seconds, and decoded."""

    def apply(frames: Frames) -> Frames:
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
    Attack("plain", lambda frames: frames),
    Attack("reversed", _reversed, reverses=True),
    Attack("dimming", _each(lambda i, s, _: _lit(i, 1 - 0.4 * min(1.0, s / _DIM_S)))),
    Attack("exposure step", _each(lambda i, s, end: _lit(i, _STEP) if s > end / 2 else i)),
    Attack("noise", _each(lambda i, s, _: _noisy(i, s))),
    Attack("grey throughout", _each(lambda i, _, __: _grey(i))),
    Attack("to grey at a tenth", _each(lambda i, s, end: _grey(i) if s > end / 10 else i)),
    Attack("to grey at nine tenths", _each(lambda i, s, end: _grey(i) if s > 0.9 * end else i)),
    Attack("shake", _each(lambda i, s, _: _shaken(i, s))),
    Attack("clock", _each(lambda i, s, _: _clocked(i, s))),
    Attack("2 a second", _thinned(0.5)),
    Attack("1 a second", _thinned(1.0)),
    Attack("1 in 2 s", _thinned(2.0)),
    Attack("last picture held", _held),
    Attack("H.264, a key frame in 2 s", _recoded("libx264", 2.0)),
    Attack("H.264, a key frame in 10 s", _recoded("libx264", 10.0)),
    Attack("H.265, a key frame in 2 s", _recoded("libx265", 2.0)),
)
"""The variations, cheapest to read first; `plain` shows what there is to lose."""
