"""Parts of a camera's picture that mean something: where nothing may be dumped, bins, roads."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from vision.picture import Mask


class ZoneKind(StrEnum):
    """What a zone is for (glossary: 区域)."""

    NO_DUMP = "no_dump"
    HEAP = "heap"
    BIN = "bin"
    NO_VEND = "no_vend"
    ROAD = "road"
    IGNORE = "ignore"


LEAST_AREA = 1e-6
"""Of the picture: two pixels of a 1920x1080 one, and far above what rounding makes of a line."""


def _area(points: tuple[tuple[float, float], ...]) -> float:
    """Shoelace formula; the halves of a figure of eight cancel each other out."""
    turned = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in turned)) / 2


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon in relative coordinates: every point `(x, y)` in [0, 1] of width and height.

    Raises:
        ValueError: fewer than three points, a point outside the picture, or next to no area.
    """

    name: str
    kind: ZoneKind
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse what is not a polygon inside the picture."""
        if len(self.points) < 3:
            msg = f"zone {self.name!r} needs at least 3 points, got {len(self.points)}"
            raise ValueError(msg)
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in self.points):
            msg = f"zone {self.name!r} has a point outside the picture: {self.points}"
            raise ValueError(msg)
        if _area(self.points) < LEAST_AREA:
            msg = f"zone {self.name!r} encloses no area: {self.points}"
            raise ValueError(msg)


_MASKED = frozenset({ZoneKind.IGNORE, ZoneKind.ROAD, ZoneKind.BIN})


def watched(zones: tuple[Zone, ...], shape: tuple[int, int]) -> Mask:
    """Where dumping is watched for, in a picture of `shape` `(H, W)`.

    That is every `no_dump` and `heap` zone, or the whole picture when none is drawn, without the
    `ignore`, `road` and `bin` zones.
    """
    wanted = [zone for zone in zones if zone.kind in {ZoneKind.NO_DUMP, ZoneKind.HEAP}]
    mask = np.full(shape, 0 if wanted else 255, np.uint8)
    for zone in wanted:
        cv2.fillPoly(mask, [_corners(zone, shape)], 255)
    for zone in zones:
        if zone.kind in _MASKED:
            cv2.fillPoly(mask, [_corners(zone, shape)], 0)
    return mask


def _corners(zone: Zone, shape: tuple[int, int]) -> npt.NDArray[np.int32]:
    """The polygon in pixels of a picture of `shape` `(H, W)`."""
    height, width = shape
    return np.rint(np.array(zone.points) * (width, height)).astype(np.int32)
