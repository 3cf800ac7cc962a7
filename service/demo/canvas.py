"""Drawing with sub-pixel edges in a coordinate system of one's own."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Image

Colour = tuple[int, int, int]
"""Blue, green, red in [0, 255]."""

Point = tuple[float, float]

_SHIFT = 4
"""Binary places of cv2's fixed-point coordinates: a sixteenth of a pixel."""


def shaded(colour: Colour, factor: float) -> Colour:
    """`colour` made darker (below 1) or lighter (above 1)."""
    b, g, r = (min(255, round(channel * factor)) for channel in colour)
    return b, g, r


@dataclass(frozen=True, slots=True)
class Canvas:
    """Draws on `image`; the point `(u, v)` lies at `origin + (u, v) * scale` pixels.

    A negative scale mirrors. The caller keeps owning `image`, which changes in place.
    """

    image: Image
    origin: Point
    scale: Point

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.image, [self._fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def rectangle(self, a: Point, b: Point, colour: Colour) -> None:
        """Fill the rectangle between two corners."""
        self.polygon((a, (b[0], a[1]), b, (a[0], b[1])), colour)

    def line(self, points: Iterable[Point], width: float, colour: Colour) -> None:
        """Draw a polyline with round ends; `width` in units of the vertical scale."""
        thickness = max(1, round(width * abs(self.scale[1])))
        cv2.polylines(
            self.image, [self._fixed(points)], False, colour, thickness, cv2.LINE_AA, _SHIFT
        )

    def ellipse(self, centre: Point, axes: Point, colour: Colour) -> None:
        """Fill an ellipse with the half axes `axes`."""
        self.polygon(_ring(centre, axes), colour)

    def shadow(self, centre: Point, axes: Point, strength: float) -> None:
        """Darken an ellipse by the share `strength`, softly towards its rim."""
        ring = self._fixed(_ring(centre, axes))
        x0, y0 = np.maximum(ring.min(axis=0) // 16 - 2, 0)
        x1, y1 = ring.max(axis=0) // 16 + 3
        patch = self.image[y0 : max(y1, 0), x0 : max(x1, 0)]
        if not patch.size:
            return
        dark = np.zeros(patch.shape, np.uint8)
        for size, level in ((1.0, 0.5), (0.75, 1.0)):
            rim = self._fixed(_ring(centre, (axes[0] * size, axes[1] * size)))
            grey = round(255 * strength * level)
            inner = rim - np.array([x0, y0], np.int32) * 16
            cv2.fillPoly(dark, [inner], (grey,) * 3, cv2.LINE_AA, _SHIFT)
        cv2.multiply(patch, 255 - dark, patch, 1 / 255)

    def _fixed(self, points: Iterable[Point]) -> npt.NDArray[np.int32]:
        """`(N, 2)` int32 fixed-point pixels of `points`."""
        scaled = np.array(list(points), np.float64) * self.scale + self.origin
        return np.rint(scaled * (1 << _SHIFT)).astype(np.int32)


_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 24, endpoint=False)) for f in (np.cos, np.sin)], 1)


def _ring(centre: Point, axes: Point) -> list[Point]:
    """24 points of an ellipse: round enough for a figure of half the picture."""
    return [(float(x), float(y)) for x, y in _CIRCLE * axes + centre]
