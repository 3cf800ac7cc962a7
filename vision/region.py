"""A connected part of the picture that differs from the reference, and how it differs."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vision.boxes import Box
from vision.picture import Mask, as_mask

LEAST_AREA = 0.0007
"""Of the picture, 38 by 38 px in 1080p: smaller regions are noise of the codec and shadows as a
rule. The smallest real deposits at hand cover 0.0012 and 0.0035."""
MOST_AREA = 0.25
"""Of the picture: no thing that was put down fills more; a change of light or scene does."""
_LEAST_PX = 16
"""Below so many pixels a region of a very small picture has no shape."""
_LEAST_SIDE_PX = 4
"""Analysis pixels; what is thinner is an edge that moved, or the rim of the picture."""
_STRONG_SHARE = 0.25
"""A region has so many surely changed pixels; the rest may be faint (hysteresis)."""
_OPEN, _CLOSE = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)
"""Specks up to two pixels go; gaps up to six are bridged (docs/design/detection.md)."""
_UPRIGHT = 1.8
"""Height over width; standing people have 2 to 3.5, with a bag or a shadow a little less."""
_SOLIDITY = 0.4
"""Area over that of the convex hull; thinner shapes are edges of a picture that moved."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Pixels in analysis coordinates: `mask` is the crop at `(x, y)`, 255 inside."""

    x: int
    y: int
    mask: Mask

    @property
    def area(self) -> int:
        """Pixels inside."""
        return cv2.countNonZero(self.mask)

    @property
    def box(self) -> Box:
        """The bounding box, in analysis pixels."""
        height, width = self.mask.shape
        return Box(self.x, self.y, self.x + width, self.y + height)

    @property
    def is_upright(self) -> bool:
        """Whether it is as tall and narrow as a standing person."""
        height, width = self.mask.shape
        return bool(height >= _UPRIGHT * width)

    @property
    def solidity(self) -> float:
        """Area over that of the convex hull, 1 for a full shape."""
        outlines, _ = cv2.findContours(self.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        hull = cv2.contourArea(cv2.convexHull(np.vstack(outlines)))
        return self.area / max(1.0, hull)

    @property
    def thickness(self) -> float:
        """Share of its area that the largest circle inside fills: 1 for a disc, 0.8 for a square,
        0.16 for a bar five times as long as wide."""
        padded = np.pad(self.mask, 1)
        radius = float(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())
        return float(np.pi * radius**2 / max(1, self.area))

    @property
    def patches(self) -> "tuple[Region, ...]":
        """Its connected parts."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(self.mask)
        found = []
        for label in range(1, count):
            x, y, width, height, _ = (int(v) for v in stats[label])
            window = slice(y, y + height), slice(x, x + width)
            found.append(Region(self.x + x, self.y + y, as_mask(labels[window] == label)))
        return tuple(found)

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of the bounding box in a picture."""
        height, width = self.mask.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    def share(self, mask: Mask) -> float:
        """Share of the region's pixels that `mask` (`(H, W)`) covers, in [0, 1]."""
        return cv2.countNonZero(cv2.bitwise_and(mask[self.window], self.mask)) / max(1, self.area)

    def drawn(self, shape: tuple[int, int]) -> Mask:
        """The region as a mask of `shape` `(H, W)`."""
        canvas = np.zeros(shape, np.uint8)
        canvas[self.window] = self.mask
        return canvas


def of_box(box: Box) -> Region:
    """All pixels of `box`, to whole pixels."""
    x0, y0, x1, y1 = (round(v) for v in box.xyxy)
    return Region(x0, y0, np.full((max(1, y1 - y0), max(1, x1 - x0)), 255, np.uint8))


def overlap(a: Region, b: Region, shape: tuple[int, int]) -> float:
    """Intersection over union of the pixels of two regions, in [0, 1]."""
    drawn = a.drawn(shape)
    shared = b.share(drawn) * b.area
    return shared / max(1.0, a.area + b.area - shared)


def regions(strong: Mask, loose: Mask, seams: Mask | None = None) -> Iterator[Region]:
    """Solid components of `loose`, cut along `seams`, that hold enough of `strong` (hysteresis)."""
    joined = cv2.morphologyEx(loose, cv2.MORPH_OPEN, _OPEN)
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, _CLOSE)
    if seams is not None:
        joined = cv2.bitwise_and(joined, cv2.bitwise_not(seams))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    seeds = np.bincount(labels[strong > 0], minlength=count)
    least = max(_LEAST_PX, LEAST_AREA * loose.size)
    for label in range(1, count):
        x, y, width, height, area = (int(v) for v in stats[label])
        if area < least or min(width, height) < _LEAST_SIDE_PX:
            continue
        if seeds[label] < _STRONG_SHARE * area:
            continue
        window = slice(y, y + height), slice(x, x + width)
        inside = (labels[window] == label).astype(np.uint8) * 255
        region = Region(x, y, inside & loose[window])
        if area > MOST_AREA * loose.size or region.solidity >= _SOLIDITY:
            yield region


def surroundings(region: Region, shape: tuple[int, int], reach: int) -> Mask:
    """The pixels within `reach` of the region and outside it, `(H, W)`."""
    drawn = region.drawn(shape)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(drawn, kernel).astype(np.uint8, copy=False) & ~drawn
