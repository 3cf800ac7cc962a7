"""What has changed in a fixed picture and stays changed (glossary: 场景变化)."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.align import Aligned, align, fit_light
from vision.boxes import Box
from vision.frame import Image, Instant, seconds_between
from vision.picture import COLOURED, Mask, as_mask, chroma, one_is_infrared, without_colour

Seconds = npt.NDArray[np.float32]
"""`(H, W)` float32, a duration in seconds for every pixel."""

CHANGED_LEVELS = 18
"""Difference from the reference, of 255, that is surely no noise (docs/design/detection.md)."""
SEEN_LEVELS = 9
"""Difference that counts beside surely changed pixels (docs/design/detection.md)."""
MOVED_LEVELS = 16
"""Difference from the previous look that means something moved there."""
_LEARN_S = 60.0
"""Time constant at which the reference follows the light (docs/design/detection.md)."""
_RESTLESS_S = 20.0
"""Time constant over which a pixel's restlessness is remembered."""
_RESTLESS_SHARE = 0.4
"""A pixel that moved in more than this share of looks is traffic, foliage or a screen."""
_HOLD_S = 3.0
"""A picture unlike the reference for so long becomes the new reference."""
_EXPLAINED_SHARE = 0.5
"""Below this share of explained points the picture is of something else, or in motion."""
_STEADY_SHARE = 0.6
"""Share of points that the look before explains from which nothing much moves. Measured: after
cuts 0.84 to 1, where a truck fills the picture 0.5 to 0.95, in foliage before the lens 0.3 to 0.6
in most looks."""
_SWITCHED_SHARE = 0.8
"""Share of points, all in grey, that must be as before when a camera switches between colour and
infrared. Below it the other light shows too much that only looks new."""
_QUIET_SHARE = 0.995
"""With so much of the picture as in the reference, the restless and what is followed left out,
nobody is there who would become part of a scene that begins now."""
_BOX3 = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture in the place and light of the reference, and how it differs.

    Attributes:
        image: the aligned analysis image.
        change: `(H, W)` uint8, levels by which a pixel differs from the reference.
        moving: where it differs from the previous look.
        age: seconds since each pixel took the value that it has.
        clear: seconds since each pixel last looked as in the reference.
        restless: where pixels change so often that standing still means nothing.
        shift: `(dx, dy)` analysis pixels by which the camera has moved from the reference.
    """

    at: Instant
    image: Image
    change: npt.NDArray[np.uint8]
    moving: Mask
    age: Seconds
    clear: Seconds
    restless: Mask
    shift: tuple[float, float]


def difference(image: Image, reference: Image) -> npt.NDArray[np.uint8]:
    """Levels by which pixels of `image` lie outside what `reference` shows one pixel around.

    `(H, W)` uint8, the strongest channel. Forgiving one pixel keeps edges of a shaking or
    re-encoded picture quiet.
    """
    above = cv2.subtract(image, cv2.dilate(reference, _BOX3))
    below = cv2.subtract(cv2.erode(reference, _BOX3), image)
    blue, green, red = cv2.split(cv2.max(above, below))
    return cv2.max(cv2.max(blue, green), red).astype(np.uint8, copy=False)


class Scene:
    """Keeps the reference of one camera and compares every look with it.

    Attributes:
        started: the instant of its first picture.
        reference: the analysis image of what is there when nothing is new.
        is_faded: whether the last look showed colours, and next to nothing that is new, while the
            reference has lost its own to a night in infrared.
    """

    def __init__(self, small: Image, at: Instant) -> None:
        """Take the analysis image `small` as the scene in which nothing is new yet."""
        shape = small.shape[:2]
        self.started = at
        self.reference = small
        self._exact = small.astype(np.float32)
        self._previous, self._previous_at = small, at
        self._since = np.zeros(shape, np.float32)
        self._clear = np.zeros(shape, np.float32)
        self._restlessness = np.zeros(shape, np.float32)
        self._stepped = np.zeros(shape, np.uint8)
        self._unchanged = np.full(shape, 255, np.uint8)
        self._unlike_since: Instant | None = None
        self._seen = small
        self._colourless = False
        self.is_faded = False

    def look(self, small: Image, at: Instant, things: Sequence[Box]) -> Look | None:
        """How `small` differs; None when it stands still and shows no half of this scene, or is the
        first in another kind of light and shows too little of it.

        Under `things`, boxes in analysis pixels, nothing is learnt: what lies there long must
        not become the scene bit by bit.
        """
        if not self._colourless and one_is_infrared(small, self.reference):
            return self._look_across(small, at, things)
        # A look that is left out shows nothing to begin anew with.
        self.is_faded = False
        coloured = self._colourless and chroma(small) > COLOURED
        if self._colourless:
            small = without_colour(small)
        aligned = align(small, self.reference)
        if self._is_another(small, aligned.light.explained):
            self._unlike_since = at if self._unlike_since is None else self._unlike_since
            return None
        look = self._compare(aligned, at, things)
        self.is_faded = coloured and self._is_quiet(things)
        return look

    def _look_across(self, small: Image, at: Instant, things: Sequence[Box]) -> Look | None:
        """The look with which the camera switches between colour and infrared.

        From then on all is compared in grey, so that what is followed then is followed on.
        """
        small, reference = without_colour(small), without_colour(self.reference)
        aligned = align(small, reference)
        self._seen = small
        if aligned.light.explained < _SWITCHED_SHARE:
            self._unlike_since = at if self._unlike_since is None else self._unlike_since
            return None
        self._colourless = True
        self.reference, self._exact = reference, reference.astype(np.float32)
        self._previous = without_colour(self._previous)
        return self._compare(aligned, at, things)

    def _is_quiet(self, things: Sequence[Box]) -> bool:
        """Whether this look shows nobody."""
        changed = ~self._unchanged & ~self._restless()
        for box in things:
            changed[_window(box)] = 0
        return cv2.countNonZero(changed) <= (1 - _QUIET_SHARE) * changed.size

    def _restless(self) -> Mask:
        return as_mask(self._restlessness > 255 * _RESTLESS_SHARE)

    def is_over(self, at: Instant) -> bool:
        """Whether the camera has shown something else for so long that this scene is history."""
        since = self._unlike_since
        return since is not None and seconds_between(since, at) >= _HOLD_S

    def absorb(self, mask: Mask) -> None:
        """Make what the last look showed under `mask` part of the reference."""
        self._exact[mask > 0] = self._previous[mask > 0]
        self.reference = _rounded(self._exact)

    def _is_another(self, small: Image, explained: float) -> bool:
        """Whether `small` shows more of something else than of this scene, and stands still.

        Foliage close to the lens is as unlike the reference, and never stands.
        """
        seen, self._seen = self._seen, small
        if explained >= _EXPLAINED_SHARE:
            return False
        return fit_light(seen, small).explained >= _STEADY_SHARE

    def _compare(self, aligned: Aligned, at: Instant, things: Sequence[Box]) -> Look:
        self._unlike_since = None
        image, now_s = aligned.image, seconds_between(self.started, at)
        step_s = max(0.0, seconds_between(self._previous_at, at))
        step, change = difference(image, self._previous), difference(image, self.reference)
        moving, unchanged = as_mask(step > MOVED_LEVELS), as_mask(change <= SEEN_LEVELS)
        self._since[(moving | (self._unchanged & ~unchanged)) > 0] = now_s
        self._clear[unchanged > 0] = now_s
        cv2.accumulateWeighted(moving, self._restlessness, min(1.0, step_s / _RESTLESS_S))
        creeping = self._creeping(step, unchanged)
        change[creeping > 0] = 0
        self._unchanged, self._previous, self._previous_at = unchanged, image, at
        self._learn(unchanged, things, min(1.0, step_s / _LEARN_S))
        self.absorb(creeping)
        return Look(
            at=at,
            image=image,
            change=change,
            moving=moving,
            age=now_s - self._since,
            clear=now_s - self._clear,
            restless=self._restless(),
            shift=aligned.shift,
        )

    def _creeping(self, step: Mask, unchanged: Mask) -> Mask:
        """Where the picture left the reference bit by bit: a thing arrives in one step."""
        self._stepped = (self._stepped & ~unchanged) | as_mask(step > SEEN_LEVELS)
        near = cv2.dilate(self._stepped, _BOX3, iterations=2).astype(np.uint8, copy=False)
        return ~unchanged & ~near

    def _learn(self, unchanged: Mask, things: Sequence[Box], weight: float) -> None:
        """Follow the light and the weather where nothing is new."""
        learnt = unchanged.copy()
        for box in things:
            learnt[_window(box)] = 0
        cv2.accumulateWeighted(self._previous, self._exact, weight, learnt)


def _window(box: Box) -> tuple[slice, slice]:
    x0, y0, x1, y1 = (round(v) for v in box.xyxy)
    return slice(y0, y1), slice(x0, x1)


def _rounded(values: npt.NDArray[np.float32]) -> Image:
    return cv2.convertScaleAbs(values).astype(np.uint8, copy=False)
