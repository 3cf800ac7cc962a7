"""What kind of change a region is, and whether two pictures of it show the same."""

import cv2
import numpy as np

from vision.candidate import Change
from vision.frame import Image
from vision.picture import COLOURLESS, Mask, chroma, grey
from vision.region import Region, surroundings

SAME = 0.85
"""Normalised correlation from which two pictures show the same unmoved thing."""
_ABSTAIN = 0.08
"""Contrast gain below which its sign proves nothing (docs/design/detection.md)."""
_EDGE_RATIO = 1.3
"""Contour energy gained or lost by this factor is the second cue (docs/design/detection.md)."""
_BINS = 8
"""Histogram bins per channel: 32 levels wide, more than noise and compression move a colour."""
_RING, _LEAST_RING_PX = 0.25, 3
"""Width of the ring around a region, in square roots of its area, and in pixels."""
_SIDES = 8
"""Parts of an outline: a limb joins its body along about one of them."""
_SHADE, _SAME_COLOUR = (0.6, 0.92), 0.06
"""Share of the light that a soft shadow leaves, and how far it may differ between the channels.
Measured on drawn streets: 0.61 to 0.81, and 0 to 0.02. Of 60 real things that were laid over other
clips none is like that. The shadow of a strong sun leaves less, and so does a dark bag."""
_FLAT_VARIANCE = 4.0
"""Variance in squared levels below which a picture is noise (sigma 2) and correlates with none."""
_FLAT_LEVELS = 18.0
"""Flat pictures are the same when no channel's means differ by what surely changed pixels do."""


def kind_of_change(
    region: Region, now: Image, before: Image, edge_ratio: float = _EDGE_RATIO
) -> tuple[Change, float]:
    """Whether `now` shows a thing there that `before` did not, and the contrast gained.

    Where the contrast proves nothing, energy along the outline must differ by `edge_ratio`.
    """
    gained = contrast(region, now) - contrast(region, before)
    ratio = (contour_energy(region, now) + 1) / (contour_energy(region, before) + 1)
    unclear = abs(gained) < _ABSTAIN
    if gained >= _ABSTAIN or (unclear and ratio > edge_ratio):
        return Change.ADDED, gained
    if gained <= -_ABSTAIN or (unclear and ratio < 1 / edge_ratio):
        return Change.REMOVED, gained
    return Change.AMBIGUOUS, gained


def contrast(region: Region, image: Image) -> float:
    """How differently the region and a ring around it are coloured, in [0, 1] (Bhattacharyya)."""
    shape = image.shape[:2]
    reach = max(_LEAST_RING_PX, round(_RING * region.area**0.5))
    inside = _colours(image, region.drawn(shape))
    ring = _colours(image, surroundings(region, shape, reach))
    return float(cv2.compareHist(inside, ring, cv2.HISTCMP_BHATTACHARYYA))


def contour_energy(region: Region, image: Image) -> float:
    """Mean gradient along the region's outline in the strongest channel, in levels per pixel."""
    outline = _outline(region, image)
    return float(cv2.mean(_steps(image), outline)[0])


def weakest_side(region: Region, image: Image) -> float:
    """The least gradient along an eighth of the region's outline, as a share of the mean.

    What ends all around has an outline all around; a limb has none where it joins the body. 0
    where an eighth has no outline.
    """
    outline, steps = _outline(region, image), _steps(image)
    mean = float(cv2.mean(steps, outline)[0])
    # Where an outline lies is known to two pixels: its step may be that far away.
    near = cv2.dilate(steps, np.ones((5, 5), np.uint8))
    rows, columns = np.nonzero(outline)
    turn = np.arctan2(rows - rows.mean(), columns - columns.mean()) / (2 * np.pi)
    eighth = np.round(turn * _SIDES).astype(np.int64) % _SIDES
    counts = np.bincount(eighth, minlength=_SIDES)
    sums = np.bincount(eighth, near[rows, columns], minlength=_SIDES)
    return float((sums / np.maximum(counts, 1)).min() / max(1.0, mean))


def likeness(a: Image, b: Image, mask: Mask | None = None) -> float:
    """Normalised correlation of two pictures of the same shape, in [-1, 1].

    Two flat ones give 1 when they have the same colour, else 0.
    """
    first, second = (grey(i).astype(np.float32) for i in (a, b))
    if mask is not None:
        first, second = first[mask > 0], second[mask > 0]
    first, second = first - first.mean(), second - second.mean()
    energy = float((first * first).sum()), float((second * second).sum())
    if max(energy) < _FLAT_VARIANCE * first.size:
        means = (np.array(cv2.mean(each, mask)) for each in (a, b))
        return float(np.abs(np.subtract(*means)).max() < _FLAT_LEVELS)
    return float((first * second).sum()) / float(max(1.0, (energy[0] * energy[1]) ** 0.5))


def is_shade(region: Region, now: Image, before: Image) -> bool:
    """Whether `now` shows the ground of `before` there in a little less light.

    A soft shadow takes from all colours the same; what is put down has another colour, or is much
    darker than its ground. In infrared nothing tells them apart.
    """
    if chroma(before) < COLOURLESS:
        return False
    inside = region.mask > 0
    darker, ground = (i[region.window][inside].astype(np.float32) for i in (now, before))
    left = np.median((darker + 1) / (ground + 1), axis=0)
    least, most = _SHADE
    return bool(least <= left.min() and left.max() <= most and np.ptp(left) <= _SAME_COLOUR)


def _outline(region: Region, image: Image) -> Mask:
    """A band of five pixels along the outline: where it lies is known to two pixels."""
    drawn = region.drawn((image.shape[0], image.shape[1]))
    band = cv2.morphologyEx(drawn, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    return band.astype(np.uint8, copy=False)


def _steps(image: Image) -> Mask:
    """The gradient of the strongest channel: a red thing on grey ground may be as bright."""
    steps = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    blue, green, red = cv2.split(steps)
    return cv2.max(cv2.max(blue, green), red).astype(np.uint8, copy=False)


def _colours(image: Image, mask: Mask) -> cv2.typing.MatLike:
    """Colour histogram under `mask`, a little blurred so that a bin's border splits no surface."""
    counts = cv2.calcHist([image], [0, 1, 2], mask, [_BINS] * 3, [0, 256] * 3)
    return cv2.GaussianBlur(counts.reshape(_BINS * _BINS, _BINS), (3, 1), 0)
