"""A picture fitted into a network's input without changing its proportions, and the way back."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from models.card import Place
from vision.frame import Image

Boxes = npt.NDArray[np.float32]
"""`boxes`: `(N, 4)` float32, `(x_min, y_min, x_max, y_max)` in pixels."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture of `size` lies inside a canvas, all `(width, height)` or `(x, y)` in pixels.

    Attributes:
        size: of the picture.
        canvas: of the network's input.
        inner: of the resized picture inside the canvas.
        corner: its top left corner.
    """

    size: tuple[int, int]
    canvas: tuple[int, int]
    inner: tuple[int, int]
    corner: tuple[int, int]

    @classmethod
    def fit(cls, size: tuple[int, int], canvas: tuple[int, int], place: Place) -> Self:
        """The largest placing of `size` in `canvas` that keeps its proportions."""
        scale = min(canvas[0] / size[0], canvas[1] / size[1])
        inner = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        spare = canvas[0] - inner[0], canvas[1] - inner[1]
        corner = (spare[0] // 2, spare[1] // 2) if place is Place.CENTRE else (0, 0)
        return cls(size, canvas, inner, corner)

    def draw(self, image: Image, pad: int) -> Image:
        """`(height, width, 3)` uint8 canvas with the picture in its place, `pad` around it."""
        drawn = np.full((self.canvas[1], self.canvas[0], 3), pad, np.uint8)
        (x, y), (width, height) = self.corner, self.inner
        drawn[y : y + height, x : x + width] = cv2.resize(image, self.inner)
        return drawn

    def to_image(self, boxes: Boxes) -> Boxes:
        """Boxes of the canvas as boxes of the picture, clipped to it.

        Each axis has its own factor, from the rounded inner size: one common factor is up to
        half a canvas pixel wrong at the far edge.
        """
        corner = np.array(self.corner * 2, np.float32)
        factor: Boxes = np.divide(self.size * 2, self.inner * 2, dtype=np.float32)
        placed = (boxes - corner) * factor
        clipped: Boxes = np.clip(placed, 0, np.array(self.size * 2, np.float32))
        return clipped
