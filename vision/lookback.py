"""The frames around a candidate, cut out and laid over each other (glossary: 回看)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np

from vision.align import align, shifted
from vision.boxes import Box, iou
from vision.candidate import Candidate
from vision.detect import Detection, Detector
from vision.frame import Frame, Image, Instant, later, seconds_between
from vision.picture import one_is_infrared, scale_of, shrink, without_colour

LOOKBACK_FPS = 5.0
"""Frames per second that a look-back wants, but in its lull."""
_LULL_PAUSE_S = 1.0
"""Seconds between the frames that it uses there, at least: any key frames are enough."""
_LULL_S = (4.0, 3.5)
"""The lull is from so long after the onset, when a bringer who goes has gone, until so long before
the alarm, as the picture of the thing at rest is of the last seconds."""
_APPROACH_S = 5.0
"""How long before the change its bringer is looked for: some seven metres of walking."""
_LONGEST_S = 120.0
"""A look-back reads little more at a stretch, half of it at most from before the onset: a longer
one is of a thing that lay hidden and starts later, or of one that was told late and ends
earlier."""
_GAP_S = 10.0
"""What lies between two stretches; for less it is not worth parting them."""

Span: TypeAlias = tuple[Instant, Instant]
"""From the first instant to the last."""

_CROP_PX = 200
"""Longest side of a crop: a span of 60 s at 5 frames per second stays under 40 MB."""
BESIDE = 1.5
"""How far the surroundings reach on each side, in mean sides of the region: where the one who puts
down a bag stands, and a step further."""
_DRIFT_PX = 12
"""Further margin for a camera that moves, in analysis pixels: 5 to 20 px on held phones."""
_CLOSE_S = 2.0
"""So long around the change the detector looks often; that is when the bringer is there."""
_OFTEN_S, _AFTER_S, _BEFORE_S = 0.4, 1.0, 2.0
"""Seconds between two calls of the detector near the change, after it and before it: a person walks
half a metre in the first, a waiting person sways in the second, a parked car needs the third."""
_LAST_S = 0.3
"""So long before the end it looks often again: is anybody there still?"""
_WINDOW = (640, 384)
"""Width and height of what the detector is shown at full resolution as well, around the candidate:
the input of the shipped one."""
_LARGE = 1.5
"""Frames that are so many times larger: shrunk further, a person of 48 px would have under 32, and
of those 18 in 81 are found (docs/design/detector.md)."""
_SAME = 0.5
"""IoU from which two boxes of one class are one thing, seen in the frame and in the window."""
_RIM_PX = 2.0
"""What ends so close to the rim of the window is cut off there."""


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """The surroundings of the region at one instant.

    Attributes:
        image: crop; all of a look-back have the same shape and show the same place.
        detections: what the detector saw in the whole frame, and in a window around the region
            where that is much smaller, in pixels of the frame as it lay at the end of the span;
            None where it was not asked.
    """

    at: Instant
    image: Image
    detections: tuple[Detection, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Lookback:
    """Glimpses of one candidate, oldest first; `region` is its box in their pixels."""

    glimpses: tuple[Glimpse, ...]
    region: Box


def spans(candidate: Candidate) -> tuple[Span, ...]:
    """The intervals whose frames `cut` wants to see, in order.

    Two where the place was hidden for long: when it was last clear, and what followed at last.
    """
    clear = later(candidate.before, -_APPROACH_S)
    start = max(clear, later(candidate.onset, -_LONGEST_S / 2))
    end = min(candidate.alarm, later(start, _LONGEST_S))
    if seconds_between(candidate.before, start) < _GAP_S:
        return ((clear, end),)
    return (clear, candidate.before), (start, end)


def lull(candidate: Candidate) -> Span:
    """The part of `spans` of which `cut` uses a frame a second, and key frames are enough.

    Empty where the alarm is within 7.5 s of the onset.
    """
    after_s, until_s = _LULL_S
    return later(candidate.onset, after_s), later(spans(candidate)[-1][1], -until_s)


def cut(candidate: Candidate, frames: Iterable[Frame], detector: Detector | None) -> Lookback:
    """The part of every frame around the candidate, the camera's drift and exposure taken out.

    Frames of another size than the candidate's are left out: their pixels are other places.
    """
    around, per_px = _surroundings(candidate)
    glimpses: list[Glimpse] = []
    drifts: list[tuple[float, float]] = []
    first: Image | None = None
    colourless = False
    asked: Instant | None = None
    for frame in _thinned(frames, lull(candidate)):
        if frame.size != candidate.size:
            continue
        small = shrink(frame.image)
        first = small if first is None else first
        if not colourless and one_is_infrared(small, first):
            colourless, first = True, without_colour(first)
            glimpses = [replace(each, image=without_colour(each.image)) for each in glimpses]
        detections = None
        if detector is not None and _worth_asking(candidate, asked, frame.at):
            detections, asked = _seen(detector, frame.image, candidate), frame.at
        crop = _crop(frame.image, around, per_px)
        if colourless:
            small, crop = without_colour(small), without_colour(crop)
        aligned = align(small, first)
        crop = aligned.light.undo(crop)
        glimpses.append(Glimpse(frame.at, crop, detections))
        drifts.append(aligned.shift)
    scale = scale_of(candidate.size)
    still = tuple(
        _moved(glimpse, (drifts[-1][0] - dx) * scale, (drifts[-1][1] - dy) * scale, per_px)
        for glimpse, (dx, dy) in zip(glimpses, drifts, strict=True)
    )
    region = candidate.box.moved(-around.x0, -around.y0).scaled(per_px, per_px)
    return Lookback(still, region)


def _thinned(frames: Iterable[Frame], lull: Span) -> Iterator[Frame]:
    taken: Instant | None = None
    for frame in frames:
        pause_s = _LULL_PAUSE_S if lull[0] < frame.at < lull[1] else 0.0
        if taken is None or seconds_between(taken, frame.at) >= pause_s:
            taken = frame.at
            yield frame


def _seen(detector: Detector, image: Image, candidate: Candidate) -> tuple[Detection, ...]:
    """What the detector sees in the frame and, where that shrinks much, close by the candidate."""
    found = detector.detect(image)
    window = _window(candidate)
    if window is None:
        return found
    x0, y0, x1, y1 = (int(v) for v in window.xyxy)
    close = detector.detect(np.ascontiguousarray(image[y0:y1, x0:x1]))
    whole = Box(_RIM_PX, _RIM_PX, window.width - _RIM_PX, window.height - _RIM_PX)
    more = [replace(each, box=each.box.moved(x0, y0)) for each in close if _holds(whole, each.box)]
    return found + tuple(
        each
        for each in more
        if all(each.label != other.label or iou(each.box, other.box) < _SAME for other in found)
    )


def _holds(outer: Box, inner: Box) -> bool:
    return (
        outer.x0 <= inner.x0
        and outer.y0 <= inner.y0
        and inner.x1 <= outer.x1
        and inner.y1 <= outer.y1
    )


def _window(candidate: Candidate) -> Box | None:
    """Whole-pixel box of the window; None where the frame is not much larger."""
    if any(side < _LARGE * part for side, part in zip(candidate.size, _WINDOW, strict=True)):
        return None
    x0, y0 = (
        float(min(max(0, round(middle - part / 2)), side - part))
        for middle, part, side in zip(candidate.box.centre, _WINDOW, candidate.size, strict=True)
    )
    return Box(x0, y0, x0 + _WINDOW[0], y0 + _WINDOW[1])


def _surroundings(candidate: Candidate) -> tuple[Box, float]:
    """Whole-pixel box to cut out, and crop pixels per original pixel."""
    reach = BESIDE * candidate.box.area**0.5 + _DRIFT_PX * scale_of(candidate.size)
    around = candidate.box.grown(reach).clipped(*candidate.size)
    whole = Box(*(float(round(v)) for v in around.xyxy))
    return whole, min(1.0, _CROP_PX / max(1.0, whole.width, whole.height))


def _crop(image: Image, around: Box, per_px: float) -> Image:
    x0, y0, x1, y1 = (int(v) for v in around.xyxy)
    size = max(1, round(around.width * per_px)), max(1, round(around.height * per_px))
    crop = cv2.resize(image[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(crop, (3, 3), 0).astype(np.uint8, copy=False)


def _worth_asking(candidate: Candidate, asked: Instant | None, at: Instant) -> bool:
    around = later(candidate.before, -_CLOSE_S) <= at <= later(candidate.onset, _CLOSE_S)
    last = at >= later(spans(candidate)[-1][1], -_LAST_S)
    usual_s = _AFTER_S if at > candidate.onset else _BEFORE_S
    # Half a frame's time of slack, or 5 frames per second would be asked at every third.
    pause_s = (_OFTEN_S if around or last else usual_s) - 0.1
    return asked is None or seconds_between(asked, at) >= pause_s


def _moved(glimpse: Glimpse, dx: float, dy: float, per_px: float) -> Glimpse:
    """`glimpse` as if the camera had stood `(dx, dy)` original pixels elsewhere."""
    if (dx, dy) == (0.0, 0.0):
        return glimpse
    seen = glimpse.detections
    if seen is not None:
        seen = tuple(replace(found, box=found.box.moved(dx, dy)) for found in seen)
    return replace(glimpse, image=shifted(glimpse.image, dx * per_px, dy * per_px), detections=seen)
